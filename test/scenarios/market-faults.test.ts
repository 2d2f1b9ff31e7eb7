/** Anything may be killed while a proof is generated: the bid ends completed with one proof, and every token is accounted for. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  completed,
  componentsOf,
  databaseOf,
  expectNothingLost,
  expectProvenOnce,
  expectUnderWay,
  generating,
  type Market,
  type OrderRow,
  openMarketFolder,
  pidOf,
  readTables,
  until,
} from '../fixtures/market.ts';
import { runs } from '../fixtures/pids.ts';
import type { Terminal } from '../fixtures/terminal.ts';

let market: Market;
let database: string;

beforeAll(async () => {
  market = await openMarketFolder('market-faults', 'process');
  await market.up();
  database = await databaseOf(market);
});
afterAll(() => market[Symbol.asyncDispose]());
afterEach(() => expectNothingLost(database, market.bids));

describe('killed with SIGKILL while a producer generates', () => {
  let producer: Terminal;
  const run = async (): Promise<void> => {
    producer = market.terminal('market', 'producer', 'run', '--name', 'alice');
    await producer.says(/producer-alice: Ctrl-C stops them/);
  };

  beforeAll(run);

  test.each([
    ['the producer', 'producer-alice'],
    ['the market', 'market'],
    ['Postgres', 'postgres'],
  ])('%s is started again, and the job is done once', async (_, id) => {
    const pid = await pidOf(market, id);
    const job = await generating(market, producer);
    process.kill(pid, 'SIGKILL');
    expectUnderWay(producer, job);
    await expectProvenOnce(database, job);
    expect(await pidOf(market, id)).not.toBe(pid);
    await producer.says(new RegExp(`^${id}: started again`, 'm'));
  });

  test('after a crash of Postgres accounts are made as before', async () => {
    const made = await market.json('market', 'user', 'signup', '--user', 'latecomer');
    expect(made).toMatchObject({ user: 'latecomer', balance: 1_000_000, blocked: 0 });
  });

  test('the kit leaves the producer, which the same command takes over with its job', async () => {
    const pid = await pidOf(market, 'producer-alice');
    const job = await generating(market, producer);
    producer.kill('SIGKILL');
    expect((await producer.ended).code).toBe(null);
    expect(runs(pid)).toBe(true);
    await run();
    expect(await pidOf(market, 'producer-alice')).toBe(pid);
    await expectProvenOnce(database, job);
  });

  test('kit and producer together: the same command goes on with the job', async () => {
    const pid = await pidOf(market, 'producer-alice');
    const job = await generating(market, producer);
    producer.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    expectUnderWay(producer, job);
    await run();
    await expectProvenOnce(database, job);
  });

  test('a producer that another command runs is not run twice', async () => {
    const { code, stderr } = await market.run('market', 'producer', 'run', '--name', 'carol,alice');
    expect(code).toBe(2);
    expect(stderr).toContain(
      `another command runs producer-alice already (pid ${await pidOf(market, 'producer-alice')})`,
    );
    expect((await componentsOf(market)).map(({ id }) => id)).not.toContain('producer-carol');
  });

  test('Ctrl-C lets the producer finish its job and take its asks out of the book', async () => {
    const job = await generating(market, producer);
    producer.kill('SIGINT');
    expect((await producer.ended).code).toBe(130);
    await expectProvenOnce(database, job);
    const { orders } = await readTables(database);
    expect(orders.filter(({ sender, status }) => sender === 'alice' && status === 'created')).toEqual([]);
  });
});

describe('two producers with the same price', () => {
  const names = ['bob', 'carol'];
  let producers: Terminal;

  /** The ask that each has open in the book; undefined while one has none. */
  const openAsks = async (): Promise<OrderRow[] | undefined> => {
    const { orders } = await readTables(database);
    const asks = names.map((name) => orders.filter(({ sender, status }) => sender === name && status === 'created'));
    return asks.every(({ length }) => length === 1) ? asks.flat() : undefined;
  };
  const producerOf = async (bid: string): Promise<string> => {
    await producers.says(new RegExp(`proof pushed ask=\\d+ bid=${bid}`));
    const { counterpart } = await completed(database, bid);
    const { orders } = await readTables(database);
    return orders.find(({ key }) => key === counterpart)!.sender;
  };

  test('share the bids that wait: both complete some, each is proven once', async () => {
    const bids: string[] = [];
    // an odd number: their ratings differ afterwards
    for (let i = 0; i < 5; i++) bids.push((await market.newBid())._key);
    producers = market.terminal('market', 'producer', 'run', '--name', names.join(','));
    const provers = await Promise.all(bids.map(producerOf));
    expect(new Set(provers)).toEqual(new Set(names));
    const generated = [...producers.said().matchAll(/generating ask=\d+ bid=(\d+)/g)].map(([, bid]) => bid);
    expect(generated.sort()).toEqual(bids);
  });

  test('compete by rating: a bid goes to who has more proofs, though the other asked earlier', async () => {
    await until(openAsks);
    const first = await producerOf((await market.newBid())._key);
    const [bobs, carols] = await until(openAsks);
    const [own, others] = first === 'bob' ? [bobs, carols] : [carols, bobs];
    expect(Number(own!.key)).toBeGreaterThan(Number(others!.key));
    const bid = await completed(database, (await market.newBid())._key);
    expect(bid.counterpart).toBe(own!.key);
    producers.kill('SIGINT');
    expect((await producers.ended).code).toBe(130);
    expect((await readTables(database)).orders.filter(({ status }) => status === 'created')).toEqual([]);
  });
});
