/**
 * Orders that the proof market takes per second, by the number of open orders: `npm run bench:market` (`-- --runs 5`). Takes some minutes on a
 * machine that does nothing else; prints Markdown and writes it to docs/benchmarks-market.md.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePostgresData } from '../cli/host/postgres-data.ts';
import { postgresBinaries } from '../cli/host/programs.ts';
import { unprivilegedAccount } from '../cli/host/unprivileged.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { poll } from '../lib/deadline.ts';
import type { Pool } from '../lib/postgres.ts';
import { openMarketDb } from '../systems/proof-market/protocol/db.ts';
import { tempDir } from './devnet.ts';
import { describeMachine, load, table } from './machine.ts';

const SIZES = [1_000, 10_000, 100_000];
const ORDERS = 800;
const CLIENTS = 4;
const STATEMENT_KEY = '32326';
/** Open bids cost 1 to 100, open asks 101 to 200: an order beyond that meets the best of the other side. */
const PRICES = 100;
const LIMIT = 1.25;

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number from 1, not "${values.runs}"`);

interface Round {
  ordersPerSecond: number;
  /** Per order. */
  cpuMs: number;
  /** Milliseconds of every order, sorted. */
  latencies: number[];
}

interface Market {
  url: string;
  pid: number;
  pool: Pool;
  tokens: string[];
}

const lines: string[] = [];
const say = (...text: string[]): void => {
  lines.push(...text);
  for (const line of text) console.log(line);
};

say(
  '# Benchmarks of the proof market',
  '',
  'Repeat with `npm run bench:market` on a machine that does nothing else.',
  '',
  `Machine: ${describeMachine()}. Date: ${new Date().toISOString().slice(0, 10)}. One-minute load before the start: ${load()}.`,
  '',
);
await measure();
await writeFileAtomic(join(import.meta.dirname, '../docs/benchmarks-market.md'), `${lines.join('\n')}\n`);

async function measure(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { dir } = stack.use(await tempDir());
  const server = await startPostgres(dir, stack);
  const markets = new Map<number, Market>();
  for (const size of SIZES) {
    const market = await startMarket(dir, `${server.url}/market_${size}`, stack);
    await fillBook(market, size);
    markets.set(size, market);
  }
  const rounds = new Map<number, Round[]>(SIZES.map((size) => [size, []]));
  // one round to warm up; the sizes by turns, since other things on the machine change with time
  for (let run = 0; run <= runs; run++) {
    for (const size of run % 2 === 0 ? SIZES : SIZES.toReversed()) {
      const market = markets.get(size)!;
      const round = await placeOrders(market, ORDERS, () => cpuMs(server.pid, market.pid));
      if (run > 0) rounds.get(size)!.push(round);
    }
  }
  report(rounds);
}

function report(rounds: ReadonlyMap<number, Round[]>): void {
  const at = (round: Round, part: number): number => round.latencies[Math.floor(round.latencies.length * part)] ?? 0;
  const of = (size: number, value: (round: Round) => number): number => median((rounds.get(size) ?? []).map(value));
  const rows = SIZES.map((size) => {
    const rates = (rounds.get(size) ?? []).map((round) => round.ordersPerSecond);
    const [low, high] = [Math.min(...rates), Math.max(...rates)].map(Math.round);
    const ms = (value: (round: Round) => number): string => of(size, value).toFixed(2);
    return [
      size,
      `${Math.round(median(rates))} (${low} to ${high})`,
      ms((round) => 1000 / round.ordersPerSecond),
      ms((round) => round.cpuMs),
      ms((round) => at(round, 0.5)),
      ms((round) => at(round, 0.99)),
    ];
  });
  const growth = (value: (round: Round) => number): string =>
    (of(SIZES.at(-1)!, value) / of(SIZES[0]!, value)).toFixed(2);
  say(
    `## Orders over HTTP, ${CLIENTS} clients, one statement`,
    '',
    `Every second order is matched at once, every second stays open, so the book keeps its size. ${runs} rounds of ${ORDERS} orders, the sizes by turns, each order durable before it is answered; median (lowest to highest). CPU is that of the market and of its database.`,
    '',
    ...table(
      ['open orders', 'orders per second', 'ms per order', 'CPU ms per order', 'latency median ms', 'latency 99 % ms'],
      rows,
    ),
    '',
    `Cost per order with ${SIZES.at(-1)} open orders, of that with ${SIZES[0]}: ${growth((round) => 1000 / round.ordersPerSecond)} × in time, ${growth((round) => round.cpuMs)} × in CPU (limit ${LIMIT}).`,
  );
}

async function startPostgres(dir: string, stack: AsyncDisposableStack): Promise<{ url: string; pid: number }> {
  await chmod(dir, 0o755);
  const data = join(dir, 'data');
  await ensurePostgresData(data);
  const { binDir } = await postgresBinaries();
  const port = await freePort();
  const args = ['-D', data, '-h', '127.0.0.1', '-k', '', '-p', String(port)];
  const server = spawn(join(binDir, 'postgres'), args, { stdio: 'ignore', ...unprivilegedAccount() });
  stack.defer(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGINT');
    await ended;
  });
  return { url: `postgres://postgres:notsecurepassword@127.0.0.1:${port}`, pid: server.pid! };
}

async function startMarket(dir: string, databaseUrl: string, stack: AsyncDisposableStack): Promise<Market> {
  const port = await freePort();
  await writeFile(join(dir, 'market.yaml'), `market: {port: ${port}, opening_balance: 1.0e+11}\n`);
  await writeFile(join(dir, 'secrets.yaml'), `database: {market_url: '${databaseUrl}'}\n`);
  const main = join(import.meta.dirname, '../systems/proof-market/components/market/main.ts');
  const args = [main, `--config-path=${dir}/market.yaml`, `--secrets-path=${dir}/secrets.yaml`];
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  stack.defer(async () => {
    const ended = once(program, 'exit');
    program.kill('SIGTERM');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<true | undefined> =>
    (await fetch(`${url}/_admin/server/availability`).catch(() => undefined))?.ok || undefined;
  await poll(answers, { intervalMs: 50, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) });
  const pool = stack.adopt(openMarketDb(databaseUrl, { max: 2 }), (p) => p.end());
  const users = Array.from({ length: CLIENTS }, (_, index) => `user${index}`);
  return { url, pid: program.pid!, pool, tokens: await Promise.all(users.map((user) => signUp(url, user))) };
}

async function signUp(url: string, user: string): Promise<string> {
  await post(url, '/_db/market//v0_0/user/signup', { user, passwd: user, email: '' });
  return ((await post(url, '/_open/auth', { username: user, password: user })) as { jwt: string }).jwt;
}

/** @throws when the answer is not 200 */
async function post(url: string, path: string, body: unknown, token?: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Brings the book to `size` open orders by SQL: the rows that placing them one by one leaves. */
async function fillBook({ pool }: Market, size: number): Promise<void> {
  const { rows } = await pool.query(`SELECT count(*)::int AS open FROM orders WHERE status = 'created'`);
  const more = size - rows[0].open;
  await pool.query(
    `WITH placed AS (
       INSERT INTO orders (side, sender, statement_key, cost, status, blocked, input_hash, created_on, updated_on)
       SELECT side, 'user' || i % ${CLIENTS}, ${STATEMENT_KEY}, cost, 'created', CASE side WHEN 'bid' THEN cost ELSE 10 * cost END,
         CASE side WHEN 'bid' THEN sha256(i::text::bytea) END, 0, 0
       FROM (SELECT i, CASE i % 2 WHEN 0 THEN 'bid' ELSE 'ask' END AS side,
               1 + (i / 2) % ${PRICES} + CASE i % 2 WHEN 0 THEN 0 ELSE ${PRICES} END AS cost
             FROM generate_series(1, $1::int) i) o
       RETURNING *),
     input AS (INSERT INTO public_inputs SELECT key, '"1"' FROM placed WHERE side = 'bid'),
     paid AS (
       INSERT INTO transfers (debit, credit, amount, reason, order_key, created_on)
       SELECT a.id, b.id, p.blocked, 'block', p.key, 0 FROM placed p
       JOIN accounts a ON a.owner = p.sender AND a.kind = 'available'
       JOIN accounts b ON b.owner = p.sender AND b.kind = 'blocked' RETURNING debit, credit, amount)
     UPDATE accounts SET balance = balance + c.change FROM (
       SELECT id, sum(change) AS change FROM (
         SELECT debit AS id, -amount AS change FROM paid UNION ALL SELECT credit, amount FROM paid) t GROUP BY id) c
     WHERE accounts.id = c.id`,
    [more],
  );
  await pool.query('VACUUM ANALYZE');
}

/** Resting ask, bid that takes one, resting bid, ask that takes one, and so on; the clients share them. */
async function placeOrders({ url, tokens }: Market, count: number, cpu: () => Map<number, number>): Promise<Round> {
  const latencies: number[] = [];
  let next = 0;
  const cpuBefore = cpu();
  const begin = performance.now();
  const client = async (token: string): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const [side, cost] = orderOf(i);
      // every input is new: none is proven already
      const order = {
        statement_key: STATEMENT_KEY,
        cost,
        ...(side === 'bid' && { input: `${i}\n${Math.random()}`.replace('0.', '') }),
      };
      const start = performance.now();
      await post(url, `/_db/market//v0_0/${side}/`, order, token);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(tokens.map(client));
  const ordersPerSecond = (1000 * count) / (performance.now() - begin);
  return { ordersPerSecond, cpuMs: cpuSince(cpuBefore, cpu()) / count, latencies: latencies.sort((a, b) => a - b) };
}

function orderOf(i: number): ['bid' | 'ask', number] {
  const price = 1 + ((i * 37) % PRICES);
  const kinds: ['bid' | 'ask', number][] = [
    ['ask', PRICES + price],
    ['bid', 2 * PRICES],
    ['bid', price],
    ['ask', 1],
  ];
  return kinds[i % 4] as ['bid' | 'ask', number];
}

/** CPU time so far of processes and their children, by process. */
function cpuMs(...pids: number[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const pid of pids) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    // fields after the name: state is the first, user and system time the 12th and 13th, in hundredths of a second
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    times.set(pid, 10 * (Number(stat[11]) + Number(stat[12])));
    for (const [child, ms] of cpuMs(...children)) times.set(child, ms);
  }
  return times;
}

/** Idle connections of the other sizes may end meanwhile: only what is still there counts. */
function cpuSince(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
