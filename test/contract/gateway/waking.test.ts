import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWaker, type Waker } from '../../../systems/zksync/components/shared/waker.ts';
import { workerLoop } from '../../../systems/zksync/components/shared/worker-loop.ts';
import { notify, PROVER_CHANNEL } from '../../../systems/zksync/protocol/prover-db/db.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';

const LONG_MS = 30_000;
const NEVER = new AbortController().signal;
const log = pino({ level: 'silent' });
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** The first wait ends when the connection stands. */
async function connected(waker: Waker): Promise<void> {
  await waker.wait(LONG_MS, NEVER);
}

describe('waker', () => {
  test('a notification ends the wait', async () => {
    await using db = await postgres.proverDatabase();
    await using waker = openWaker(db.url, PROVER_CHANNEL);
    await connected(waker);
    const waiting = waker.wait(LONG_MS, NEVER);
    await notify(db.pool, 'prover_jobs_fri');
    expect(await waiting).toBe(true);
  });

  test('one that came before the wait is not lost', async () => {
    await using db = await postgres.proverDatabase();
    await using waker = openWaker(db.url, PROVER_CHANNEL);
    await connected(waker);
    const other = waker.subscribe();
    await notify(db.pool, 'prover_jobs_fri');
    await other.wait(LONG_MS, NEVER);
    expect(await waker.wait(LONG_MS, NEVER)).toBe(true);
  });

  test('a subscription to some tables does not hear the others', async () => {
    await using db = await postgres.proverDatabase();
    await using waker = openWaker(db.url, PROVER_CHANNEL);
    await connected(waker);
    const leaf = waker.subscribe(['leaf_aggregation_witness_jobs_fri']);
    await notify(db.pool, 'prover_jobs_fri');
    await waker.wait(LONG_MS, NEVER);
    expect(await leaf.wait(1, NEVER)).toBe(false);
    await notify(db.pool, 'leaf_aggregation_witness_jobs_fri');
    expect(await leaf.wait(LONG_MS, NEVER)).toBe(true);
  });

  test('an abort ends the wait with its reason', async () => {
    await using waker = openWaker(postgres.url('postgres'), PROVER_CHANNEL);
    await connected(waker);
    const stop = new AbortController();
    const waiting = waker.wait(LONG_MS, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  test('connects again after the connection was cut, and wakes for what it may have missed', async () => {
    await using db = await postgres.proverDatabase();
    await using waker = openWaker(db.url, PROVER_CHANNEL);
    await connected(waker);
    await db.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'devkit-waker' AND datname = current_database()",
    );
    expect(await waker.wait(LONG_MS, NEVER)).toBe(true);
    const waiting = waker.wait(LONG_MS, NEVER);
    await notify(db.pool, 'prover_jobs_fri');
    expect(await waiting).toBe(true);
  });

  test('without a database the wait takes its time', async () => {
    await using waker = openWaker('postgres://nobody@127.0.0.1:1/none', PROVER_CHANNEL);
    expect(await waker.wait(20, NEVER)).toBe(false);
    expect(waker.connected).toBe(false);
  });
});

describe('worker loop', () => {
  test('runs what it picks and ends after the jobs it was told to do', async () => {
    const jobs = [1, 2, undefined, 3, 4];
    const done: number[] = [];
    await workerLoop({
      pick: async () => jobs.shift(),
      run: async (job) => void done.push(job),
      backoff: { initialMs: 1, maxMs: 1 },
      maxJobs: 3,
      log,
      signal: NEVER,
    });
    expect(done).toEqual([1, 2, 3]);
  });

  test('a notification brings the next job without waiting', async () => {
    await using db = await postgres.proverDatabase();
    await using waker = openWaker(db.url, PROVER_CHANNEL);
    await connected(waker);
    const jobs: string[] = [];
    const done: string[] = [];
    const loop = workerLoop({
      pick: async () => jobs.shift(),
      run: async (job) => void done.push(job),
      backoff: { initialMs: LONG_MS, maxMs: LONG_MS },
      wakeup: { subscription: waker.subscribe(), connected: () => waker.connected },
      maxJobs: 1,
      log,
      signal: NEVER,
    });
    jobs.push('a');
    await notify(db.pool, 'prover_jobs_fri');
    await loop;
    expect(done).toEqual(['a']);
  });

  test('a database that is away does not end it, a wrong query does', async () => {
    const errors: Error[] = [Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), new Error('syntax error')];
    const loop = workerLoop({
      pick: async () => {
        throw errors.shift() ?? new Error('asked too often');
      },
      run: async () => undefined,
      backoff: { initialMs: 1, maxMs: 1 },
      log,
      signal: NEVER,
    });
    await expect(loop).rejects.toThrow('syntax error');
  });

  test('a stop lets the running job finish and picks no other', async () => {
    const stop = new AbortController();
    const done: number[] = [];
    let next = 0;
    await workerLoop({
      pick: async () => ++next,
      run: async (job) => {
        stop.abort(new Error('stop'));
        await Promise.resolve();
        done.push(job);
      },
      backoff: { initialMs: LONG_MS, maxMs: LONG_MS },
      log,
      signal: stop.signal,
    });
    expect([done, next]).toEqual([[1], 1]);
  });
});
