/** Producers as processes against a real market, with real proofs. */
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MarketClient, OrderDocument } from '../../../../systems/proof-market/protocol/client/client.ts';
import { PALLAS_BASE_MODULUS as P } from '../../../../systems/proof-market/protocol/proving/pallas.ts';
import { createVerifier } from '../../../../systems/proof-market/protocol/proving/verify.ts';
import { startPostgres, type TestPostgres } from '../../../fixtures/postgres.ts';
import { type MarketDevnet, openMarketDevnet, type Program, readText, STATEMENT, signal, until } from './processes.ts';

let postgres: TestPostgres;
let net: MarketDevnet;
let market: Program;
let requester: MarketClient;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());
beforeEach(async () => {
  net = await openMarketDevnet(postgres);
  market = await net.startMarket();
  requester = await net.user('alice');
});
afterEach(() => net[Symbol.asyncDispose]());

const bid = (input: unknown, cost = 2): Promise<OrderDocument> =>
  requester.bids.push({ statement_key: STATEMENT, cost, input }, signal);

const completed = (key: string): Promise<OrderDocument> =>
  until(async () => {
    const order = await requester.bids.get(key, signal);
    return order.status === 'completed' ? order : undefined;
  });

const openAsks = async (client: MarketClient, sender: string): Promise<OrderDocument[]> =>
  client.asks.list(
    {
      q: [
        { key: 'sender', value: sender },
        { key: 'status', value: 'created' },
      ],
    },
    signal,
  );

/** Nothing of a job is left in the producer's folder, but records of open asks. */
const askFolders = (folder: string): Promise<string[]> => readdir(join(net.dir, folder, 'asks'));

test('from bid to proof: asks, is matched, generates, pushes, and the requester can check it', async () => {
  const bob = await net.user('bob');
  const producer = await net.producer('bob', { flags: ['--smp=2', '--memory=2GiB', '--shard0-mem-scale=3'] });
  const ask = await until(async () => (await openAsks(bob, 'bob'))[0]);
  expect(ask).toMatchObject({ statement_key: STATEMENT, cost: 2, status: 'created' });

  const input = [{ field: P - 1n }, { field: '11' }];
  const { _key } = await bid(input);
  const done = await completed(_key);
  expect(done).toMatchObject({ ask_key: ask._key, status: 'completed' });
  expect(await bob.asks.get(ask._key, signal)).toMatchObject({ status: 'completed', bid_key: _key });
  const { proof } = await requester.proofs.get(String(done.proof_key), signal);
  const { definition } = await requester.statements.get(STATEMENT, signal);
  const verdict = await createVerifier().check({
    statementKey: STATEMENT,
    definition,
    publicInput: input,
    proof: proof!,
  });
  expect(verdict).toEqual({
    verdict: 'accepted',
    outputs: { sum: '10', product: String(((P - 1n) * 11n) % P) },
  });
  expect(producer.log().filter(({ msg }) => String(msg).startsWith('memory: 2 GiB / (2 + 3 - 1)'))).toHaveLength(1);

  // another ask took its place; nothing else stays
  const [next] = await until(async () => {
    const open = await openAsks(bob, 'bob');
    return open.length === 1 ? open : undefined;
  });
  await until(async () => ((await askFolders('bob')).join() === next!._key ? true : undefined));
});

test('a graceful stop finishes the job, withdraws what is open, and ends with 0', async () => {
  const bob = await net.user('bob');
  const producer = await net.producer('bob', { offers: { [STATEMENT]: { cost: 2, proposals_limit: 2 } } });
  await until(async () => ((await openAsks(bob, 'bob')).length === 2 ? true : undefined));
  const { _key } = await bid('3\n4');
  await producer.logged('generating');
  expect(await producer.kill('SIGTERM')).toBe(0);
  expect(await requester.bids.get(_key, signal)).toMatchObject({ status: 'completed' });
  expect(await openAsks(bob, 'bob')).toEqual([]);
  expect(await askFolders('bob')).toEqual([]);
}, 120_000);

test('killed while it generates, it finishes the job when it is started again', async () => {
  await net.user('bob');
  const killed = await net.producer('bob');
  await killed.logged('ask pushed');
  const { _key } = await bid('5\n6');
  await killed.logged('generating');
  await killed.kill('SIGKILL');
  expect(await requester.bids.get(_key, signal)).toMatchObject({ status: 'processing' });
  await net.producer('bob');
  await completed(_key);
}, 120_000);

test('killed with the proof made, it pushes that one', async () => {
  await net.user('bob');
  const killed = await net.producer('bob');
  await killed.logged('ask pushed');
  await market.logged('market ready');
  const { _key } = await bid('7\n8');
  await killed.logged('generating');
  // the proof cannot be pushed while the market is away
  await market.kill('SIGKILL');
  await killed.logged('proof made');
  await killed.kill('SIGKILL');
  await net.startMarket();
  const again = await net.producer('bob');
  await completed(_key);
  expect(again.log().filter(({ msg }) => msg === 'generating')).toEqual([]);
}, 120_000);

test('a market that goes away and comes back is waited for, said once', async () => {
  const bob = await net.user('bob');
  const producer = await net.producer('bob');
  await producer.logged('ask pushed');
  await market.kill('SIGKILL');
  await producer.logged('does not answer');
  await net.startMarket();
  const { _key } = await bid('1\n2');
  await completed(_key);
  const said = producer.log().filter(({ msg, loop }) => loop === 'asks' && String(msg).includes('does not answer'));
  expect(said).toHaveLength(1);
  expect(await openAsks(bob, 'bob')).toHaveLength(1);
}, 120_000);

test('producers compete: each bid is proven once, the cheaper one is matched first', async () => {
  const [bob, carol] = [await net.user('bob'), await net.user('carol')];
  const programs = [
    await net.producer('bob', { offers: { [STATEMENT]: { cost: 2 } } }),
    await net.producer('carol', { offers: { [STATEMENT]: { cost: 1 } } }),
    // of the same user, in the same folder
    await net.producer('carol', { offers: { [STATEMENT]: { cost: 1 } }, pod: 'carol-2' }),
  ];
  await until(async () => ((await openAsks(bob, 'bob')).length > 0 ? true : undefined));
  await until(async () => ((await openAsks(carol, 'carol')).length > 0 ? true : undefined));
  const bids = [];
  for (let i = 0; i < 5; i++) bids.push(await bid(`${i}\n21`));
  const done = await Promise.all(bids.map(({ _key }) => completed(_key)));
  expect(new Set(done.map(({ proof_key }) => proof_key)).size).toBe(5);
  const first = await requester.asks.get(String(done[0]!.ask_key), signal);
  expect(first).toMatchObject({ sender: 'carol', cost: 1 });
  const generated = programs.flatMap((program) => program.log().filter(({ msg }) => msg === 'generating'));
  expect(generated.map(({ bid: key }) => String(key)).sort()).toEqual(bids.map(({ _key }) => _key).sort());
  expect((await openAsks(carol, 'carol')).length).toBeLessThanOrEqual(1);
}, 180_000);

describe('a generator of the user', () => {
  const generator = async (script: string): Promise<string> => {
    const path = join(net.dir, 'their-generator');
    await writeFile(path, `#!/bin/sh\necho run >> ${path}.runs\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const runs = async (path: string): Promise<number> => (await readText(`${path}.runs`)).trim().split('\n').length;

  test('that fails is tried three times, then the ask is left, also by the next start', async () => {
    await net.user('bob');
    const path = await generator('echo "no luck" >&2; exit 0');
    const producer = await net.producer('bob', { flags: [`--proof-generator=${path}`] });
    await producer.logged('ask pushed');
    const { _key } = await bid('1\n2');
    const warning = await producer.logged('wrote no proof');
    expect(warning).toMatchObject({ attempt: 1, of: 3, lines: ['no luck'] });
    await producer.logged('given up after 3 attempts');
    await producer.kill('SIGTERM');
    const again = await net.producer('bob', { flags: [`--proof-generator=${path}`] });
    await again.logged('ask pushed');
    // the bid is still matched: the market decides when its time is over
    expect(await requester.bids.get(_key, signal)).toMatchObject({ status: 'processing' });
    expect(await again.kill('SIGTERM')).toBe(0);
    expect(await runs(path)).toBe(3);
  }, 120_000);

  test('that lies does not get its proof to the market', async () => {
    await net.user('bob');
    const path = await generator('echo 0xabcd > "$6"; echo "Proof is verified"');
    const producer = await net.producer('bob', { flags: [`--proof-generator=${path}`] });
    await producer.logged('ask pushed');
    const { _key } = await bid('1\n2');
    await producer.logged('given up after 3 attempts');
    expect(await producer.logged('the generator wrote a bad proof: not a proof')).toMatchObject({ attempt: 1 });
    expect(await requester.bids.get(_key, signal)).toMatchObject({ status: 'processing' });
  }, 120_000);

  test('that takes too long is stopped', async () => {
    await net.user('bob');
    const path = await generator('exec sleep 60');
    const producer = await net.producer('bob', { flags: [`--proof-generator=${path}`, '--timeout=300ms'] });
    await producer.logged('ask pushed');
    await bid('1\n2');
    await producer.logged('not done in 300 ms');
  }, 120_000);
});

describe('what it cannot work with', () => {
  test('a wrong password ends it with 2, and a message', async () => {
    const producer = await net.producer('nobody');
    expect(await producer.ended).toBe(2);
    expect(producer.log().find(({ level }) => level === 'fatal')?.['msg']).toMatch(
      /^the market at http.* refuses the login of nobody: .*401/,
    );
  });

  test.each([
    ['no such flag', { flags: ['--speed=2'] }, /Unknown option '--speed'/],
    ['no number', { flags: ['--smp=x'] }, /--smp takes a natural number, not 'x'/],
    ['no statement', { offers: {} }, /statements-bob\.json: no statement in it/],
    ['a cost of 0', { offers: { [STATEMENT]: { cost: 0 } } }, /statements-bob\.json: .*cost/],
    ['a key that is none', { offers: { x: { cost: 1 } } }, /statements-bob\.json: "x" is not a statement key/],
  ])('%s', async (_, options, message) => {
    const producer = await net.producer('bob', options);
    expect(await producer.ended).toBe(2);
    expect(producer.log().find(({ level }) => level === 'fatal')?.['msg']).toMatch(message);
  });

  test('an unknown statement is said once; the others are offered', async () => {
    const bob = await net.user('bob');
    const producer = await net.producer('bob', { offers: { '4': { cost: 1 }, [STATEMENT]: { cost: 1 } } });
    await until(async () => ((await openAsks(bob, 'bob')).length === 1 ? true : undefined));
    await new Promise((done) => setTimeout(done, 500));
    expect(producer.log().filter(({ statement }) => statement === '4')).toHaveLength(1);
  });
});
