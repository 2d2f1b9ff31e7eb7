import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import { latestMiniblock } from '../../../systems/zksync/protocol/core-db/blocks.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { deployCode, include, STORE_CODE, signer, storeCall } from './accounts.ts';
import { createChain, type DevChain } from './devchain.ts';

const signal = new AbortController().signal;
const ACCOUNT = '0x00000000000000000000000000000000000000aa';
let postgres: TestPostgres;
let chain: DevChain;
let account: ReturnType<typeof signer>;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  account = signer(2);
});
afterEach(async () => {
  await chain?.[Symbol.asyncDispose]();
});

interface Head {
  number: string;
  hash: string;
  stateRoot: string;
}
const head = (): Promise<Head> => chain.l2.rpc<Head>('eth_getBlockByNumber', ['latest', false]);

const headIs = (expected: Head): Promise<Head> =>
  poll(async () => ((await head().catch(() => undefined))?.hash === expected.hash ? expected : undefined), {
    ...{ intervalMs: 20, timeoutMs: 20_000, signal },
  });

/** Content of the node's state file once it holds that block. */
const stateFile = (block: number): Promise<string> =>
  poll(
    async () => {
      const text = await readFile(`${chain.dir}/l2.json`, 'utf8');
      try {
        const { blocks } = JSON.parse(text) as { blocks: { header: { number: string } }[] };
        return blocks.some(({ header }) => Number(header.number) === block) ? text : undefined;
      } catch {
        return undefined; // being written
      }
    },
    { intervalMs: 50, timeoutMs: 20_000, signal },
  );

/** A contract and some writes, in several blocks. */
async function makeBlocks(): Promise<Head> {
  const [deployed] = await include(chain.api, [await account.sign({ data: deployCode(STORE_CODE), tip: 2n })]);
  const to = deployed!.contractAddress!;
  for (const slot of [1n, 2n, 3n]) {
    const raws = [
      await account.sign({ to, data: storeCall(slot, 7n), tip: slot }),
      await account.sign({ to: ACCOUNT, value: 1n, tip: 9n }),
    ];
    await include(chain.api, raws);
  }
  await poll(
    async () => {
      const [row, node] = await Promise.all([latestMiniblock(chain.pool), head()]);
      return row?.hash === node.hash || undefined;
    },
    { intervalMs: 10, timeoutMs: 20_000, signal },
  );
  return head();
}

test('a node that was killed and lost everything gets the same blocks again', async () => {
  chain = await createChain(postgres);
  await using server = chain.start();
  await server.ready;
  const before = await makeBlocks();
  await chain.l2.killAndRestart();
  expect(await headIs(before)).toEqual(before);
  // and goes on from there
  const [receipt] = await include(chain.api, [await account.sign({ to: ACCOUNT, value: 1n })]);
  expect(Number(receipt!.blockNumber)).toBe(Number(before.number) + 1);
});

test('a node that came back with an older state file gets the blocks that it lacks', async () => {
  chain = await createChain(postgres, { stateFile: true });
  await using server = chain.start();
  await server.ready;
  await makeBlocks();
  const old = await stateFile(1);
  await include(chain.api, [await account.sign({ to: ACCOUNT, value: 5n, tip: 3n })]);
  const before = await head();
  await chain.l2.killAndRestart(() => writeFile(`${chain.dir}/l2.json`, old));
  expect(await headIs(before)).toEqual(before);
});

test('a block that was mined just before the server died is recorded by the next one', async () => {
  chain = await createChain(postgres);
  await using first = chain.start();
  await first.ready;
  const before = await makeBlocks();
  await first[Symbol.asyncDispose]();
  await chain.l2.rpc('eth_sendRawTransaction', [await account.sign({ to: ACCOUNT, value: 3n })]);
  await chain.l2.rpc('evm_mine');
  const after = await head();
  await using second = chain.start();
  await second.ready;
  const recorded = await poll(
    async () => {
      const row = await latestMiniblock(chain.pool);
      return row && row.number > Number(before.number) ? row : undefined;
    },
    { intervalMs: 20, timeoutMs: 20_000, signal },
  );
  expect(recorded).toMatchObject({ hash: after.hash, stateRoot: after.stateRoot });
});

test('a node that lost its older states as well is taken back to the genesis', async () => {
  chain = await createChain(postgres, { stateFile: true });
  await using first = chain.start();
  await first.ready;
  const before = await makeBlocks();
  await first[Symbol.asyncDispose]();
  // a block that nobody recorded, in the state file: after the restart it can neither be traced nor rolled back
  await chain.l2.rpc('eth_sendRawTransaction', [await account.sign({ to: ACCOUNT, value: 3n })]);
  await chain.l2.rpc('evm_mine');
  const { number } = await head();
  await stateFile(Number(number));
  await chain.l2.killAndRestart();
  await using second = chain.start();
  await second.ready;
  const row = await poll(
    async () => {
      const latest = await latestMiniblock(chain.pool);
      return latest?.number === Number(number) ? latest : undefined;
    },
    { intervalMs: 20, timeoutMs: 20_000, signal },
  );
  const node = await chain.l2.rpc<Head>('eth_getBlockByNumber', [before.number, false]);
  expect(node).toEqual(before);
  expect(row.hash).toBe((await head()).hash);
});

test('blocks that differ from the recorded ones are rolled back', async () => {
  chain = await createChain(postgres);
  await using first = chain.start();
  await first.ready;
  const before = await makeBlocks();
  await first[Symbol.asyncDispose]();
  await chain.l2.rpc('anvil_rollback', [2]);
  await chain.l2.rpc('evm_mine');
  await using second = chain.start();
  await second.ready;
  expect(await headIs(before)).toEqual(before);
});

test('a transaction that was recorded but not yet in the pool when the server died gets into a block', async () => {
  chain = await createChain(postgres);
  await using first = chain.start();
  await first.ready;
  await makeBlocks();
  const raw = await account.sign({ to: ACCOUNT, value: 4n });
  await chain.pool.query(
    `INSERT INTO transactions (hash, initiator_address, nonce, tx_format, gas_limit, max_fee_per_gas,
       max_priority_fee_per_gas, value, input, received_at, created_at, updated_at)
     VALUES ('\\x01', '\\x02', 0, 2, 1, 1, 1, 1, $1, now(), now(), now())`,
    [Buffer.from(raw.slice(2), 'hex')],
  );
  await first[Symbol.asyncDispose]();
  const before = await head();
  await using second = chain.start();
  await second.ready;
  const after = await poll(async () => ((await head()).hash === before.hash ? undefined : head()), {
    ...{ intervalMs: 20, timeoutMs: 20_000, signal },
  });
  expect(Number(after.number)).toBe(Number(before.number) + 1);
});

test('a node with another genesis is refused with the reason', async () => {
  chain = await createChain(postgres);
  await using first = chain.start();
  await first.ready;
  await makeBlocks();
  await first[Symbol.asyncDispose]();
  await chain.l2.killAndRestart();
  await chain.pool.query(`UPDATE miniblocks SET hash = '\\x${'22'.repeat(32)}' WHERE number = 0`);
  await using second = chain.start();
  await second.ready;
  const health = await poll(
    async () => {
      const answer = await fetch(`http://127.0.0.1:${chain.ports.health}/health`);
      const body = (await answer.json()) as { components: { state_keeper: { details?: { error: string } } } };
      return body.components.state_keeper.details?.error;
    },
    { intervalMs: 20, timeoutMs: 20_000, signal },
  );
  expect(health).toContain('another genesis block');
});
