/** Order books and numbers, each route by its fields. */
import { expect, test } from 'vitest';
import { type Client, proofOf, STATEMENT_KEY, type TestMarket, useMarket } from './harness.ts';

let market: TestMarket;
let dev: Client;
let requester: Client;
let producer: Client;
let own: string;

const DAY = 86_400_000;
const definition = { proving_key: 'p', verification_key: 'v' };

/** A bid is proven for a price, that many minutes after the match. */
async function trade(input: unknown, cost: number, minutes: number): Promise<void> {
  await requester.post('bid/', { statement_key: own, cost: cost + 1, input });
  const ask = await producer.post('ask/', { statement_key: own, cost });
  market.clock.now += minutes * 60_000;
  const { status } = await producer.post('proof', { proof: proofOf(input), ask_key: ask.body._key });
  expect(status).toBe(200);
}

useMarket(
  async (made) => {
    market = made;
    dev = await market.user('dev');
    requester = await market.user('requester');
    producer = await market.user('producer');
    own = (await dev.post('statement/', { name: 'own', type: 'placeholder-vanilla', definition })).body._key;
    await trade(1, 1000, 2);
    market.clock.now += 2 * DAY;
    await trade(2, 400, 4);
    await trade(3, 600, 6);
    // sold again
    await requester.post('bid/', { statement_key: own, cost: 300, input: 2 });
    for (const cost of [5, 5.4, 7])
      await requester.post('bid/', { statement_key: own, cost, input: 'open', eval_time: 12 });
    await producer.post('bid/', { statement_key: own, cost: 5, input: 'open' });
    for (const cost of [9, 8.5]) await producer.post('ask/', { statement_key: own, cost, eval_time: 7 });
  },
  { tokenLifetimeMs: 100 * DAY },
);

const ofOwn = (rows: { _key: string }[]): object | undefined => rows.find(({ _key }) => _key === own);

test('info: prices of the last day', async () => {
  const { body } = await market.anonymous.get('statement/?info');
  expect(ofOwn(body)).toEqual({
    _key: own,
    current: 600,
    open: 400,
    close: 600,
    daily_change: 50,
    volume: 1000,
    min: 400,
    max: 600,
  });
  expect(body.find(({ _key }: { _key: string }) => _key === STATEMENT_KEY)).toEqual({
    _key: STATEMENT_KEY,
    current: null,
    open: null,
    close: null,
    daily_change: null,
    volume: 0,
    min: null,
    max: null,
  });
});

test('statistics: averages, and how many were completed', async () => {
  const { body } = await market.anonymous.get('statement/?statistics');
  expect(ofOwn(body)).toEqual({ _key: own, avg_cost: 2000 / 3, avg_eval_time: 4, completed: 4 });
});

test('requested, proposed, owner: the caller’s trades by statement', async () => {
  // 300 sold again: commission 1.5, then a quarter each of 298.5 to producer and first requester, the rest back
  const resale = 1.5 + 2 * 74.625;
  expect((await requester.get('statement/requested')).body).toEqual([
    { _key: own, name: 'own', amount: 4, fees: 2000 + resale, avg_generation_time: 4, avg_cost: (2000 + resale) / 4 },
  ]);
  expect((await producer.get('statement/proposed')).body).toEqual([
    { _key: own, name: 'own', amount: 3, fees: 995 + 398 + 597, avg_generation_time: 4, avg_cost: 2000 / 3 },
  ]);
  expect((await dev.get('statement/owner')).body).toEqual([
    { _key: own, name: 'own', amount: 4, fees: 3.45, avg_generation_time: 4, avg_cost: (2000 + resale) / 4 },
  ]);
  expect((await producer.get('statement/requested')).body).toEqual([]);
  expect((await dev.get('user/dev/balance')).body.balance).toBe(1_000_000 + 3.45);
});

test('top: best prices of both sides', async () => {
  expect((await market.anonymous.get('top')).body).toEqual([
    { name: 'arithmetic-example', statement_key: STATEMENT_KEY, requests: [], proposals: [] },
    {
      name: 'own',
      statement_key: own,
      requests: [{ cost: 7 }, { cost: 5.4 }, { cost: 5 }, { cost: 5 }],
      proposals: [{ cost: 8.5 }, { cost: 9 }],
    },
  ]);
});

test('book: levels, with and without steps', async () => {
  const level = (ordersAmount: number, userOrdersAmount: number, cost: number, eval_time: number | null) => ({
    ordersAmount,
    userOrdersAmount,
    cost,
    eval_time,
  });
  expect((await requester.get(`book/${own}`)).body).toEqual({
    proposals: [level(1, 0, 8.5, 7), level(1, 0, 9, 7)],
    requests: [level(1, 1, 7, 12), level(1, 1, 5.4, 12), level(1, 1, 5, 12), level(1, 0, 5, null)],
  });
  expect((await requester.get(`book/${own}/?dc=1&dt=5`)).body).toEqual({
    proposals: [level(1, 0, 8, 5), level(1, 0, 9, 5)],
    requests: [level(1, 1, 7, 10), level(2, 2, 5, 10), level(1, 0, 5, null)],
  });
  expect((await market.anonymous.get(`book/${own}?dc=0.1`)).body.requests[1].cost).toBe(5.4);
  for (const dc of ['0', '-1', 'x', 'NaN', '1;--', '1e-300']) {
    expect((await market.anonymous.get(`book/${own}?dc=${dc}`)).status).toBe(400);
  }
  expect((await market.anonymous.get('book/999')).status).toBe(404);
});

test('producer/last: the latest producer of a statement', async () => {
  expect((await market.anonymous.get('producer/last')).body).toEqual([{ statement_key: own, sender: 'producer' }]);
});

test('lists: newest first, in pages', async () => {
  const keys = async (query: string): Promise<string[]> =>
    (await requester.get(`request/?${query}`)).body.map(({ _key }: { _key: string }) => _key);
  const all = await keys('limit=100');
  expect(all).toEqual([...all].sort((a, b) => Number(b) - Number(a)));
  expect(all).toHaveLength(8);
  expect(await keys('limit=3&skipped=2')).toEqual(all.slice(2, 5));
  expect(
    await keys('q=[{"key":"status","value":"created"},{"key":"sender","value":"producer"}]&limit=100'),
  ).toHaveLength(1);
  expect(await keys(`q=[{"key":"updatedOn","value":${market.clock.now - DAY},"op":">"}]`)).toHaveLength(7);
});
