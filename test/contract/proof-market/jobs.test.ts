/** Orders as the kit's jobs, read from the tables. */
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MarketTick, openMarketJobs } from '../../../systems/proof-market/jobs.ts';
import { createMarketSchema, openMarketDb } from '../../../systems/proof-market/protocol/db.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';

let postgres: TestPostgres;
let url: string;
let pool: Pool;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await pool?.end();
  await postgres[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await pool?.end();
  url = await postgres.emptyDatabase();
  await createMarketSchema(url);
  pool = openMarketDb(url, { max: 2 });
  await pool.query(`
    INSERT INTO users (name, password_hash, email, created_on) VALUES ('alice', 'x', '', 0), ('bob', 'x', '', 0);
    INSERT INTO statements (key, name, description, url, input_description, type, is_private, definition, childs, sender, created_on, updated_on)
    VALUES (32326, 'arithmetic-example', '', '', '', 'placeholder-zkllvm', false, '{}', '[]', 'alice', 0, 0),
           (79169223, 'account', '', '', '', 'placeholder-zkllvm', false, '{}', '[]', 'alice', 0, 0)`);
});

interface Row {
  side?: 'bid' | 'ask';
  status?: string;
  statement?: number;
  counterpart?: number;
  dueOn?: number;
  verifyingUntil?: number;
}

/** Sender: alice of bids, bob of asks. */
async function order(key: number, row: Row = {}): Promise<void> {
  const { side = 'bid', status = 'created', statement = 32_326, counterpart, dueOn, verifyingUntil } = row;
  await pool.query(
    `INSERT INTO orders (key, side, sender, statement_key, cost, status, blocked, counterpart_key, due_on, verifying_until, created_on, updated_on)
     VALUES ($1, $2, $3, $4, 2.5, $5, 0, $6, $7, $8, 0, $9)`,
    [key, side, side === 'bid' ? 'alice' : 'bob', statement, status, counterpart, dueOn, verifyingUntil, Date.now()],
  );
}

const change = (key: number, set: string): Promise<unknown> =>
  pool.query(`UPDATE orders SET ${set}, updated_on = $2 WHERE key = $1`, [key, Date.now()]);

const keysOf = ({ orders }: MarketTick): string[] => orders.map(({ key }) => key);

describe('all orders', () => {
  test('an empty market is idle', async () => {
    await using jobs = openMarketJobs(url);
    expect(await jobs.tick()).toEqual({ at: expect.any(String), state: 'idle', groups: [], orders: [] });
  });

  test('are counted by statement and side: bids before asks, statuses as those of jobs', async () => {
    for (const [index, status] of ['created', 'created', 'processing', 'completed', 'withdrawn'].entries())
      await order(100 + index, { status });
    await order(110, { side: 'ask', status: 'processing' });
    await order(120, { statement: 79_169_223 });
    await using jobs = openMarketJobs(url);
    const { groups, state } = await jobs.tick();
    expect(state).toBe('proving');
    const none = { queued: 0, waiting: 0, inProgress: 0, successful: 0, failed: 0 };
    expect(groups).toEqual([
      {
        stage: 'bids',
        kind: '32326 arithmetic-example',
        queued: 2,
        waiting: 0,
        inProgress: 1,
        successful: 1,
        failed: 1,
      },
      { ...none, stage: 'asks', kind: '32326 arithmetic-example', inProgress: 1 },
      { ...none, stage: 'bids', kind: '79169223 account', queued: 1 },
    ]);
  });

  test('the first look shows what is open, oldest first; later ones what changed, once', async () => {
    await order(100);
    await order(101, { status: 'completed' });
    await order(102, { side: 'ask' });
    await using jobs = openMarketJobs(url);
    const first = await jobs.tick();
    expect([first.state, keysOf(first)]).toEqual(['open', ['100', '102']]);
    expect(keysOf(await jobs.tick())).toEqual([]);

    await change(100, `status = 'processing', counterpart_key = 102`);
    await change(102, `status = 'processing', counterpart_key = 100`);
    const matched = await jobs.tick();
    expect([matched.state, keysOf(matched)]).toEqual(['proving', ['100', '102']]);
    expect(matched.orders[0]).toMatchObject({ status: 'processing', counterpart: '102', counterpartSender: 'bob' });
    expect(keysOf(await jobs.tick())).toEqual([]);

    // a new one and a withdrawn one; a change that people do not see is none
    await order(103);
    await change(102, 'revision = revision + 1');
    expect(keysOf(await jobs.tick())).toEqual(['103']);
    await change(103, `status = 'withdrawn'`);
    expect((await jobs.tick()).orders).toMatchObject([{ key: '103', status: 'withdrawn' }]);
  });

  test('what became visible late, with an older time, is not missed', async () => {
    await order(100);
    await using jobs = openMarketJobs(url);
    await jobs.tick();
    await pool.query(`UPDATE orders SET status = 'completed', updated_on = $1 WHERE key = 100`, [Date.now() - 1_000]);
    expect((await jobs.tick()).orders).toMatchObject([{ key: '100', status: 'completed' }]);
  });

  test('never has an outcome: nothing says that no more orders come', async () => {
    await order(100, { status: 'completed' });
    await using jobs = openMarketJobs(url);
    expect(await jobs.tick()).not.toHaveProperty('outcome');
  });
});

describe('one order', () => {
  test('comes with its counterpart, itself first, whichever side it is', async () => {
    const dueOn = Date.now() + 60_000;
    await order(100, { status: 'processing', counterpart: 101, dueOn });
    await order(101, { side: 'ask', status: 'processing', counterpart: 100 });
    await order(102);
    await using jobs = openMarketJobs(url);
    const { orders, state, outcome } = await jobs.tick('101');
    expect([state, outcome]).toEqual(['processing', undefined]);
    expect(orders).toEqual([
      {
        key: '101',
        side: 'ask',
        sender: 'bob',
        statementKey: '32326',
        cost: 2.5,
        status: 'processing',
        counterpart: '100',
        counterpartSender: 'alice',
        dueOn: null,
        verifying: false,
        proofKey: null,
        generationTime: null,
        updatedOn: expect.any(Number),
      },
      expect.objectContaining({ key: '100', side: 'bid', counterpart: '101', dueOn }),
    ]);
    // looked at again it is there again: whoever watches it decides what is news
    expect(keysOf(await jobs.tick('100'))).toEqual(['100', '101']);
  });

  test.each([
    ['created', 'created', undefined],
    ['processing', 'processing', undefined],
    ['completed', 'completed', 'done'],
    ['withdrawn', 'withdrawn', 'failed'],
  ])('%s: state %s, outcome %s', async (status, state, outcome) => {
    await order(100, { status });
    await using jobs = openMarketJobs(url);
    expect(await jobs.tick('100')).toMatchObject({ state, ...(outcome && { outcome }) });
    expect((await jobs.tick('100')).outcome).toBe(outcome);
  });

  test('a proof that is being verified is a state of its own, until its time is over', async () => {
    await order(100, { status: 'processing', verifyingUntil: Date.now() + 60_000 });
    await using jobs = openMarketJobs(url);
    expect(await jobs.tick('100')).toMatchObject({ state: 'verifying', orders: [{ verifying: true }] });
    await change(100, `verifying_until = ${Date.now() - 1}`);
    expect((await jobs.tick('100')).state).toBe('processing');
    await change(100, `verifying_until = ${Date.now() + 60_000}, status = 'completed'`);
    expect(await jobs.tick('100')).toMatchObject({ state: 'completed', orders: [{ verifying: false }] });
  });

  test.each(['77', '999999999999999999', '0', '-1', "1' OR '1'='1", '1.5', ''])('%j is none', async (key) => {
    await order(100);
    await using jobs = openMarketJobs(url);
    await expect(jobs.tick(key)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `there is no order ${key} in this market`,
      hint: 'devkit market bid get, devkit market ask get   (list them)',
    });
  });
});

test('a reader that is disposed leaves no connection', async () => {
  const connections = async (): Promise<number> => {
    const { rows } = await pool.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    return rows[0].n;
  };
  const before = await connections();
  const jobs = openMarketJobs(url);
  await jobs.tick();
  expect(await connections()).toBeGreaterThan(before);
  await jobs[Symbol.asyncDispose]();
  await expect.poll(connections).toBe(before);
});
