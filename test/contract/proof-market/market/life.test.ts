/** Time, and the end of the server in the middle of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openMarketDb } from '../../../../systems/proof-market/protocol/db.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { freePort } from '../../../fixtures/postgres.ts';
import {
  type Client,
  clientOf,
  ledgerFaults,
  proofOf,
  STATEMENT_KEY,
  startMarket,
  startPostgres,
  type TestPostgres,
} from './harness.ts';

let postgres: TestPostgres;
const running: ChildProcess[] = [];
const dirs: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());
afterEach(async () => {
  for (const child of running.splice(0)) await kill(child);
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    await new Promise((done) => setTimeout(done, 20));
  }
}

const statusOf = async (client: Client, path: string): Promise<string> => (await client.get(path)).body.status;
const bid = { statement_key: STATEMENT_KEY, cost: 2, input: 7 };
const MINUTE = 60_000;

describe('time', () => {
  test('an order leaves the book after its wait_period, with its tokens', async () => {
    await using market = await startMarket(postgres);
    const user = await market.user('waiter');
    const waiting = await user.post('bid/', { ...bid, wait_period: 5 });
    const ask = await user.post('ask/', { statement_key: STATEMENT_KEY, cost: 3, wait_period: 7.5 });
    const lasting = await user.post('bid/', bid);
    market.clock.now += 5 * MINUTE - 1;
    await new Promise((done) => setTimeout(done, 100));
    expect(await statusOf(user, `bid/${waiting.body._key}`)).toBe('created');
    market.clock.now += 1;
    await until(async () => (await statusOf(user, `bid/${waiting.body._key}`)) === 'withdrawn');
    expect((await user.get('user/waiter/balance')).body).toEqual({ user: 'waiter', balance: 999_968, blocked: 32 });
    market.clock.now += 2.5 * MINUTE;
    await until(async () => (await statusOf(user, `ask/${ask.body._key}`)) === 'withdrawn');
    expect((await user.get('user/waiter/balance')).body).toEqual({ user: 'waiter', balance: 999_998, blocked: 2 });
    expect(await statusOf(user, `bid/${lasting.body._key}`)).toBe('created');
    expect(await ledgerFaults(market.pool)).toEqual([]);
  });

  test('a late producer loses match and rating, and the bid is matched again', async () => {
    await using market = await startMarket(postgres, { tokenLifetimeMs: 1e9 });
    const [requester, slow, fast] = [
      await market.user('requester'),
      await market.user('slow'),
      await market.user('fast'),
    ];
    const request = await requester.post('bid/', { ...bid, eval_time: 30 });
    const first = await slow.place('ask/', { statement_key: STATEMENT_KEY, cost: 1, eval_time: 10 });
    const second = await fast.place('ask/', { statement_key: STATEMENT_KEY, cost: 2 });
    expect([first.body.status, second.body.status]).toEqual(['processing', 'created']);
    market.clock.now += 10 * MINUTE;
    const path = `bid/${request.body._key}`;
    await until(async () => (await requester.get(path)).body.ask_key === second.body._key);
    expect((await slow.get(`ask/${first.body._key}`)).body).toMatchObject({ status: 'withdrawn' });
    expect((await slow.get('user/slow/balance')).body).toEqual({ user: 'slow', balance: 1_000_000, blocked: 0 });
    expect((await market.pool.query(`SELECT rating FROM users WHERE name = 'slow'`)).rows).toEqual([{ rating: -5 }]);
    expect((await slow.post('proof', { proof: proofOf(7), ask_key: first.body._key })).status).toBe(409);
    // the second has the requester's thirty minutes
    market.clock.now += 29 * MINUTE;
    await new Promise((done) => setTimeout(done, 100));
    expect((await fast.post('proof', { proof: proofOf(7), ask_key: second.body._key })).status).toBe(200);
    expect((await requester.get(path)).body).toMatchObject({ status: 'completed', generation_time: 29 });
    expect(await ledgerFaults(market.pool)).toEqual([]);
  });

  test('a bid that comes back is completed at once when its proof has become known meanwhile', async () => {
    await using market = await startMarket(postgres);
    const user = await market.user('both');
    const late = await user.post('bid/', bid);
    await user.post('ask/', { statement_key: STATEMENT_KEY, cost: 1, eval_time: 1 });
    const other = await user.post('bid/', bid);
    const ask = await user.place('ask/', { statement_key: STATEMENT_KEY, cost: 1, eval_time: 20 });
    expect(ask.body.bid_key).toBe(other.body._key);
    const proof = await user.post('proof', { proof: proofOf(7), ask_key: ask.body._key });
    market.clock.now += MINUTE;
    const done = await until(async () => {
      const { body } = await user.get(`bid/${late.body._key}`);
      return body.status === 'completed' && body;
    });
    expect(done.proof_key).toBe(proof.body._key);
    expect(await ledgerFaults(market.pool)).toEqual([]);
  });
});

interface Program {
  child: ChildProcess;
  url: string;
  output: () => string;
}

async function program(databaseUrl: string, port: number, more = ''): Promise<Program> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-market-'));
  dirs.push(dir);
  await writeFile(join(dir, 'market.yaml'), `market: {port: ${port}, expiry_interval: 50ms${more}}\n`);
  await writeFile(join(dir, 'secrets.yaml'), `database: {market_url: '${databaseUrl}'}\n`);
  const main = resolve('systems/proof-market/components/market/main.ts');
  const args = [main, `--config-path=${dir}/market.yaml`, `--secrets-path=${dir}/secrets.yaml`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (text += data));
  return { child, url: `http://127.0.0.1:${port}`, output: () => text };
}

const answers = ({ url, child, output }: Program): Promise<true> =>
  until(async () => {
    if (child.exitCode !== null) throw new Error(output());
    return fetch(`${url}/_admin/server/availability`).then(
      ({ ok }) => ok,
      () => false,
    );
  });

describe('the program', () => {
  test('killed again and again under load, it loses no order that it answered for, and no token', async () => {
    // a database that is not there yet
    const databaseUrl = postgres.url('proof_market');
    const port = await freePort();
    let market = await program(databaseUrl, port);
    await answers(market);
    const anonymous = clientOf(market.url);
    const jwts = await Promise.all(
      ['kim', 'lee'].map(async (name) => {
        await anonymous.post('user/signup', { user: name, passwd: name, email: '' });
        return (await anonymous.post('/_open/auth', { username: name, password: name })).body.jwt as string;
      }),
    );
    const [kim, lee] = jwts.map((jwt) => clientOf(market.url, `Bearer ${jwt}`)) as [Client, Client];
    const answered = new Map<string, number>();
    let stop = false;
    const load = async (client: Client, side: 'bid' | 'ask', start: number): Promise<void> => {
      for (let i = start; !stop; i += 10) {
        const order = { statement_key: STATEMENT_KEY, cost: 1 + (i % 3), input: `${i}\n11` };
        const answer = await client.post(`${side}/`, order).catch(() => undefined);
        if (answer?.status === 200) answered.set(`${side}/${answer.body._key}`, order.cost);
        else await new Promise((done) => setTimeout(done, 20));
      }
    };
    const loads = [
      load(kim, 'bid', 1),
      load(kim, 'ask', 2),
      load(lee, 'bid', 3),
      load(lee, 'ask', 4),
      load(lee, 'bid', 5),
    ];
    for (let life = 0; life < 3; life++) {
      const before = answered.size;
      await until(async () => answered.size > before + 30);
      await kill(market.child);
      market = await program(databaseUrl, port);
      await answers(market);
    }
    stop = true;
    await Promise.all(loads);
    // the tokens of an earlier life are still good
    for (const [path, cost] of [...answered].slice(-50)) expect((await kim.get(path)).body.cost).toBe(cost);
    const pool = openMarketDb(databaseUrl, { max: 1 });
    const { rows } = await pool.query<{ path: string }>(`SELECT side || '/' || key AS path FROM orders`);
    const stored = new Set(rows.map(({ path }) => path));
    expect([...answered.keys()].filter((path) => !stored.has(path))).toEqual([]);
    expect(await ledgerFaults(pool)).toEqual([]);
    await pool.end();
    expect(answered.size).toBeGreaterThan(90);
  });

  test('takes a real proof of the arithmetic example, refuses one of another input, and knows the input in its other form', async () => {
    const port = await freePort();
    const market = await program(await postgres.emptyDatabase(), port);
    await answers(market);
    await clientOf(market.url).post('user/signup', { user: 'eve', passwd: 'eve', email: '' });
    const eve = clientOf(market.url, `Basic ${btoa('eve:eve')}`);
    const { definition } = (await eve.get(`statement/${STATEMENT_KEY}`)).body;
    const prove = (publicInput: unknown): Promise<string> =>
      proveStatement({ statementKey: STATEMENT_KEY, definition, publicInput, threads: 2 });
    const input = { input: '1\n11' };
    const request = await eve.post('bid/', { ...bid, input });
    const first = await eve.post('ask/', { statement_key: STATEMENT_KEY, cost: 2 });
    const wrong = await eve.post('proof', { proof: await prove({ input: '1\n12' }), ask_key: first.body._key });
    expect(wrong).toMatchObject({
      status: 400,
      body: { errorMessage: expect.stringContaining('another public input') },
    });
    const second = await eve.place('ask/', { statement_key: STATEMENT_KEY, cost: 2 });
    expect(second.body.bid_key).toBe(request.body._key);
    const right = await eve.post('proof', { proof: await prove(input), ask_key: second.body._key });
    expect(right.status).toBe(200);
    const again = await eve.post('request/', { ...bid, input: [{ field: 1 }, { field: '11' }] });
    expect(again.body).toMatchObject({ status: 'completed', proof_key: right.body._key });
    expect((await eve.post('bid/', { ...bid, input: '1\n2\n3' })).status).toBe(400);
  });

  test('expires after a restart what was to expire before', async () => {
    const databaseUrl = await postgres.emptyDatabase();
    const port = await freePort();
    const first = await program(databaseUrl, port);
    await answers(first);
    const anonymous = clientOf(first.url);
    await anonymous.post('user/signup', { user: 'max', passwd: 'max', email: '' });
    const max = clientOf(first.url, `Basic ${btoa('max:max')}`);
    const input = { input: '1\n11' };
    const open = await max.post('bid/', { ...bid, input, wait_period: 0.01 });
    expect(open.status).toBe(200);
    await kill(first.child);
    await new Promise((done) => setTimeout(done, 600));
    await answers(await program(databaseUrl, port));
    await until(async () => (await statusOf(max, `bid/${open.body._key}`)) === 'withdrawn');
    expect((await max.get('user/max/balance')).body).toEqual({ user: 'max', balance: 1_000_000, blocked: 0 });
  });

  test('stops cleanly, names a port that is taken, and refuses a configuration that it does not know', async () => {
    const databaseUrl = await postgres.emptyDatabase();
    const port = await freePort();
    const market = await program(databaseUrl, port);
    await answers(market);
    const second = await program(databaseUrl, port);
    expect((await once(second.child, 'exit'))[0]).toBe(1);
    expect(second.output()).toContain(`market: port ${port} on 127.0.0.1 is in use`);
    market.child.kill('SIGTERM');
    expect((await once(market.child, 'exit'))[0]).toBe(0);
    const wrong = await program(databaseUrl, port, ', comission_percent: 3');
    expect((await once(wrong.child, 'exit'))[0]).toBe(2);
    expect(wrong.output()).toContain('comission_percent');
    const open = await program(databaseUrl, port, ', bind_address: 0.0.0.0');
    expect((await once(open.child, 'exit'))[0]).toBe(1);
    expect(open.output()).toContain('not on loopback');
  });
});
