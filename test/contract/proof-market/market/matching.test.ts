/** Matching against a model in memory, and what always holds while many act at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertStatement } from '../../../../systems/proof-market/protocol/statements.ts';
import {
  type Client,
  ledgerFaults,
  proofOf,
  STATEMENT,
  STATEMENT_KEY,
  startMarket,
  startPostgres,
  type TestMarket,
  type TestPostgres,
} from './harness.ts';

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** Same seed, same numbers (mulberry32). */
function random(seed: number): <T>(...choices: T[]) => T {
  let state = seed;
  return (...choices) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return choices[((t ^ (t >>> 14)) >>> 0) % choices.length]!;
  };
}

const NAMES = ['ann', 'ben', 'cleo', 'dan'];
type Users = Record<string, Client>;
const signUpAll = async (market: TestMarket): Promise<Users> =>
  Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await market.user(name)])));

interface ModelOrder {
  key: number;
  sender: string;
  cost: number;
  time: number | null;
}

/** The rule in words: cheapest, then shortest time (none last), then best rated, then oldest. */
function bestAsk(
  asks: readonly ModelOrder[],
  bid: ModelOrder,
  ratings: Record<string, number>,
): ModelOrder | undefined {
  const time = (ask: ModelOrder): number => ask.time ?? 1e9;
  return asks
    .filter((ask) => ask.cost <= bid.cost && (ask.time === null || bid.time === null || ask.time <= bid.time))
    .sort(
      (a, b) => a.cost - b.cost || time(a) - time(b) || ratings[b.sender]! - ratings[a.sender]! || a.key - b.key,
    )[0];
}

/** Highest offer, then oldest. */
function bestBid(bids: readonly ModelOrder[], ask: ModelOrder): ModelOrder | undefined {
  return bids
    .filter((bid) => ask.cost <= bid.cost && (ask.time === null || bid.time === null || ask.time <= bid.time))
    .sort((a, b) => b.cost - a.cost || a.key - b.key)[0];
}

describe('arrivals one after the other', () => {
  test.each([1, 2, 3])('are matched as the model says (seed %i)', async (seed) => {
    await using market = await startMarket(postgres);
    const users = await signUpAll(market);
    const choose = random(seed);
    const ratings: Record<string, number> = { ann: 0, ben: 0, cleo: 0, dan: 0 };
    const book: Record<'bid' | 'ask', ModelOrder[]> = { bid: [], ask: [] };
    let matched = 0;
    for (let step = 0; step < 150; step++) {
      const sender = choose(...NAMES);
      if (choose(1, 2, 3, 4, 5, 6, 7, 8) === 1) {
        ratings[sender] = choose(-5, 0, 1, 2);
        await market.pool.query('UPDATE users SET rating = $2 WHERE name = $1', [sender, ratings[sender]]);
      }
      const side = choose('bid' as const, 'ask' as const, 'ask' as const);
      const order = { cost: choose(1, 2, 2, 3, 3.5), time: choose(null, 5, 5, 10) };
      const { status, body } = await users[sender]!.place(`${side}/`, {
        statement_key: STATEMENT_KEY,
        cost: order.cost,
        eval_time: order.time,
        input: step,
      });
      expect(status).toBe(200);
      const placed = { ...order, key: Number(body._key), sender };
      const other = side === 'bid' ? 'ask' : 'bid';
      const expected = side === 'bid' ? bestAsk(book.ask, placed, ratings) : bestBid(book.bid, placed);
      expect(body[`${other}_key`]).toBe(expected && String(expected.key));
      if (expected) {
        matched++;
        book[other] = book[other].filter(({ key }) => key !== expected.key);
      } else book[side].push(placed);
    }
    expect(matched).toBeGreaterThan(20);
    expect(await ledgerFaults(market.pool)).toEqual([]);
    // the book shows what is left
    const shown = (await market.anonymous.get(`book/${STATEMENT_KEY}/?dc=0.5`)).body;
    const amount = (levels: { ordersAmount: number }[]): number =>
      levels.reduce((sum, level) => sum + level.ordersAmount, 0);
    expect([amount(shown.requests), amount(shown.proposals)]).toEqual([book.bid.length, book.ask.length]);
  });

  test('orders of different sub-keys and statements do not meet', async () => {
    await using market = await startMarket(postgres);
    await insertStatement(market.pool, 'x', STATEMENT, { key: '32292', now: 1 });
    const { ann } = (await signUpAll(market)) as { ann: Client };
    const order = { statement_key: STATEMENT_KEY, cost: 1, input: 1 };
    const bid = await ann.post('request/', { ...order, statement_subkey: 1 });
    expect((await ann.place('ask/', order)).body.status).toBe('created');
    expect((await ann.place('ask/', { ...order, statement_subkey: '2' })).body.status).toBe('created');
    expect((await ann.place('ask/', { ...order, statement_key: '32292', statement_subkey: '1' })).body.status).toBe(
      'created',
    );
    expect((await ann.place('ask/', { ...order, statement_subkey: '1' })).body).toMatchObject({
      request_key: bid.body._key,
      statement_subkey: '1',
    });
  });
});

describe('many at once', () => {
  test('never match twice, lose no token and miss no match', async () => {
    await using market = await startMarket(postgres);
    const users = await signUpAll(market);
    await insertStatement(market.pool, 'ann', STATEMENT, { key: '32292', now: 1 });
    const faults: unknown[] = [];
    const act = async (name: string, seed: number): Promise<void> => {
      const choose = random(seed);
      const mine: { side: string; key: string }[] = [];
      const client = users[name]!;
      for (let step = 0; step < 40; step++) {
        const action = choose('bid', 'ask', 'bid', 'ask', 'withdraw', 'prove', 'prove', 'wrong');
        if (action === 'bid' || action === 'ask') {
          const order = {
            statement_key: choose(STATEMENT_KEY, '32292'),
            cost: choose(1, 2, 3),
            input: choose(1, 2, 3, 4, 5, 6),
          };
          const { status, body } = await client.post(`${action}/`, order);
          if (status !== 200) faults.push(body);
          else mine.push({ side: action, key: body._key });
        } else if (action === 'withdraw') {
          const order = choose(...mine, undefined);
          if (order) await client.call('DELETE', `${order.side}/${order.key}`);
        } else {
          const asks = mine.filter(({ side }) => side === 'ask');
          const ask = asks.length === 0 ? undefined : (await client.get(`ask/${choose(...asks).key}`)).body;
          if (ask?.status !== 'processing') continue;
          const { input } = (await client.get(`bid/${ask.bid_key}`)).body;
          const proof = proofOf(action === 'wrong' ? 'wrong' : input);
          const { status, body } = await client.post('proof', { proof, ask_key: ask._key });
          if (status >= 500) faults.push(body);
        }
      }
    };
    const clients = NAMES.flatMap((name, i) => [act(name, i), act(name, i + 10), act(name, i + 20)]);
    const watch = (async () => {
      for (let look = 0; look < 10; look++) {
        const { rows } = await market.pool.query('SELECT sum(balance)::text AS sum FROM accounts');
        if (Number(rows[0].sum) !== 0) faults.push(rows[0]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await Promise.all([...clients, watch]);
    expect(faults).toEqual([]);
    expect(await ledgerFaults(market.pool)).toEqual([]);
    const { rows } = await market.pool.query(
      `SELECT count(*)::int AS n, count(*) FILTER (WHERE ask_key IS NULL)::int AS known FROM trades`,
    );
    expect(rows[0].n).toBeGreaterThan(10);
    expect(rows[0].known).toBeGreaterThan(0);
  });

  test('one ask for many bids is taken once', async () => {
    await using market = await startMarket(postgres);
    const { ann, ben } = (await signUpAll(market)) as { ann: Client; ben: Client };
    const orders = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? ann.post('bid/', { statement_key: STATEMENT_KEY, cost: 2, input: i })
        : ben.post('ask/', { statement_key: STATEMENT_KEY, cost: 2 }),
    );
    await Promise.all(orders);
    const { rows } = await market.pool.query('SELECT status, count(*)::int FROM orders GROUP BY 1');
    expect(rows).toEqual([{ status: 'processing', count: 20 }]);
    expect(await ledgerFaults(market.pool)).toEqual([]);
  });
});
