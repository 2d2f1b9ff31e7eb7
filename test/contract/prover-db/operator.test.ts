import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  deleteBatch,
  deleteEverything,
  requeueBatch,
  requeueFailed,
  restartBatch,
  restartProverJob,
} from '../../../systems/zksync/protocol/prover-db/operator.ts';
import { pickBasicJob, pickProverJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import {
  exhaustedJobs,
  jobGroups,
  queueReport,
  statusCounts,
} from '../../../systems/zksync/protocol/prover-db/reports.ts';
import { saveFailure } from '../../../systems/zksync/protocol/prover-db/save.ts';
import { batchStages, batchStatus, provenSince } from '../../../systems/zksync/protocol/prover-db/status.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { addBatch, addCircuits, CHAIN, picker, proveAll, rowsOf } from './helpers.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

describe('requeue', () => {
  test('queues jobs that used up their attempts, of this batch and chain only', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1, CHAIN);
    await addCircuits(db.pool, 2, CHAIN);
    await db.pool.query(
      "UPDATE prover_jobs_fri SET status = 'failed', attempts = 10, error = 'old' WHERE sequence_number = 0",
    );
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'failed', attempts = 9 WHERE sequence_number = 1");
    expect(await requeueBatch(db.pool, { batch: 1, chainId: 0 }, 10)).toEqual([]);
    expect(await requeueBatch(db.pool, { batch: 1 }, 10)).toMatchObject([
      { kind: 'prover', batch: 1, chainId: CHAIN, attempts: 10, was: 'failed', error: 'old' },
    ]);
    const rows = (await rowsOf(db.pool, 'prover', 'l1_batch_number, sequence_number')).filter(
      (row) => row.l1_batch_number === '1',
    );
    expect(rows).toMatchObject([
      { status: 'queued', attempts: 0, error: 'Manually requeued' },
      { status: 'failed', attempts: 9 },
      { status: 'queued', attempts: 0, error: null },
    ]);
  });

  test('covers witness jobs too', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await pickBasicJob(db.pool, picker());
    expect(await requeueBatch(db.pool, { batch: 1 }, 1)).toMatchObject([
      { kind: 'basic', id: null, was: 'in_progress' },
    ]);
    expect(await pickBasicJob(db.pool, picker())).toMatchObject({ attempt: 1 });
  });
});

describe('another try of what has failed', () => {
  const limits = { basic: 2, leaf: 2, node: 2, tip: 2, scheduler: 2, prover: 2, compression: 2 };

  test('queues what used up its attempts, and only that', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const [first, second] = [(await pickProverJob(db.pool, picker()))!, (await pickProverJob(db.pool, picker()))!];
    await saveFailure(db.pool, first, 'bad input', { maxAttempts: 2 });
    await saveFailure(db.pool, second, 'the first of two attempts');
    expect(await requeueFailed(db.pool, { batch: 1, chainId: CHAIN }, limits)).toBe(1);
    const rows = await rowsOf(db.pool, 'prover', 'id');
    const rowOf = (id: number) => rows.find((row) => Number(row.id) === id);
    expect(rowOf(first.id)).toMatchObject({ status: 'queued', attempts: 0 });
    expect(rowOf(second.id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  test('leaves another chain alone', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await saveFailure(db.pool, (await pickProverJob(db.pool, picker()))!, 'bad input', { maxAttempts: 2 });
    expect(await requeueFailed(db.pool, { batch: 1, chainId: CHAIN + 1 }, limits)).toBe(0);
  });
});

describe('restart', () => {
  test('a batch starts over from its input', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1);
    await addCircuits(db.pool, 2);
    expect(await restartBatch(db.pool, { batch: 1 })).toBe(true);
    expect(await rowsOf(db.pool, 'basic')).toMatchObject([{ status: 'queued', attempts: 0 }, { status: 'successful' }]);
    for (const kind of ['prover', 'leaf', 'node', 'tip', 'scheduler'] as const) {
      const batches = (await rowsOf(db.pool, kind)).map((row) => row.l1_batch_number);
      expect(new Set(batches)).toEqual(new Set(['2']));
    }
  });

  test('an unknown batch or job is told apart', async () => {
    await using db = await postgres.proverDatabase();
    expect(await restartBatch(db.pool, { batch: 9 })).toBe(false);
    expect(await restartProverJob(db.pool, 9)).toBe(false);
  });

  test('one circuit proof is queued again', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await proveAll(db.pool);
    const [first] = await rowsOf(db.pool, 'prover', 'id');
    expect(await restartProverJob(db.pool, Number(first?.id))).toBe(true);
    expect(await pickProverJob(db.pool, picker())).toMatchObject({ id: Number(first?.id) });
  });
});

describe('delete', () => {
  test('one batch, of one chain or of all', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1);
    await addCircuits(db.pool, 2);
    expect(await deleteBatch(db.pool, { batch: 1, chainId: 0 })).toBe(0);
    expect(await deleteBatch(db.pool, { batch: 1 })).toBe(10);
    expect((await rowsOf(db.pool, 'basic')).map((row) => row.l1_batch_number)).toEqual(['2']);
  });

  test('everything, versions last', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1);
    expect(await deleteEverything(db.pool)).toBe(10);
    expect((await db.pool.query('SELECT * FROM prover_fri_protocol_versions')).rows).toEqual([]);
  });
});

describe('status of a batch', () => {
  const stagesOf = async (pool: Parameters<typeof batchStatus>[0], max = 10): Promise<string[]> => {
    const [status] = await batchStatus(pool, 1);
    return batchStages(status!, max).map(({ status: stage, proverStatus }) =>
      proverStatus ? `${stage}/${proverStatus}` : stage,
    );
  };

  test('an unknown batch has none', async () => {
    await using db = await postgres.proverDatabase();
    expect(await batchStatus(db.pool, 1)).toEqual([]);
  });

  test('finds the rows under the real chain id', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool, 1, CHAIN);
    expect(await batchStatus(db.pool, 1)).toMatchObject([{ batch: 1, chainId: CHAIN }]);
    expect(await batchStatus(db.pool, 1, 0)).toEqual([]);
  });

  test('names the six stages', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    const [status] = await batchStatus(db.pool, 1);
    expect(batchStages(status!, 10).map(({ name }) => name)).toEqual([
      'Basic Witness Generator',
      'Leaf Witness Generator',
      'Node Witness Generator',
      'Recursion Tip',
      'Scheduler',
      'Compressor',
    ]);
    expect(await stagesOf(db.pool)).toEqual([
      'queued/jobsNotFound',
      'jobsNotFound/jobsNotFound',
      'jobsNotFound/jobsNotFound',
      'jobsNotFound',
      'jobsNotFound',
      'jobsNotFound',
    ]);
  });

  test('follows the batch', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const waiting = [
      'waitingForProofs/jobsNotFound',
      'waitingForProofs/jobsNotFound',
      'waitingForProofs',
      'waitingForProofs',
      'jobsNotFound',
    ];
    expect(await stagesOf(db.pool)).toEqual(['successful/queued', ...waiting]);
    await pickProverJob(db.pool, picker());
    expect(await stagesOf(db.pool)).toEqual(['successful/inProgress', ...waiting]);
    expect(await stagesOf(db.pool, 1)).toEqual(['successful/stuck', ...waiting]);
    await proveAll(db.pool);
    await db.pool.query("UPDATE leaf_aggregation_witness_jobs_fri SET status = 'queued' WHERE circuit_id = 1");
    expect((await stagesOf(db.pool))[1]).toBe('queued/jobsNotFound');
  });
});

describe('counts', () => {
  test('job groups in the order of the pipeline', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = await pickProverJob(db.pool, picker());
    await saveFailure(db.pool, job!, 'no');
    const groups = await jobGroups(db.pool, { batch: 1, chainId: CHAIN });
    expect(groups.map(({ stage, label }) => `${stage}|${label}`)).toEqual([
      'basic circuits witness|',
      'basic circuits|1 VM',
      'basic circuits|9 StorageFilter',
      'leaf aggregation witness|1 VM',
      'leaf aggregation witness|9 StorageFilter',
      'node aggregation witness|1 VM',
      'node aggregation witness|9 StorageFilter',
      'recursion tip witness|',
      'scheduler witness|',
    ]);
    expect(groups[1]).toMatchObject({ queued: 1, failed: 1, failedAttempts: 1, inProgress: 0, successful: 0 });
    expect(groups[3]).toMatchObject({ waiting: 1, queued: 0 });
    expect(await jobGroups(db.pool, { batch: 1, chainId: 0 })).toEqual([]);
  });

  test('the queue report has every kind of job for each version', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await pickProverJob(db.pool, picker());
    const none = { queued: 0, in_progress: 0 };
    expect(queueReport(await statusCounts(db.pool))).toEqual([
      {
        version: '0.31.0',
        report: {
          basic_witness_jobs: none,
          leaf_witness_jobs: none,
          node_witness_jobs: none,
          recursion_tip_witness_jobs: none,
          scheduler_witness_jobs: none,
          prover_jobs: { queued: 2, in_progress: 1 },
          proof_compressor_jobs: none,
        },
      },
    ]);
  });

  test('jobs without attempts left, and whether they still run', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const limit = { timeoutMs: 600_000, maxAttempts: 1 };
    const limits = {
      basic: limit,
      leaf: limit,
      node: limit,
      tip: limit,
      scheduler: limit,
      prover: limit,
      compression: limit,
    };
    const failed = await pickProverJob(db.pool, picker());
    await saveFailure(db.pool, failed!, 'boom');
    const running = await pickProverJob(db.pool, picker());
    const found = await exhaustedJobs(db.pool, limits, { batch: 1, chainId: CHAIN });
    expect(found.sort((a, b) => Number(a.id) - Number(b.id))).toMatchObject([
      { kind: 'prover', id: failed?.id, error: 'boom', status: 'failed', running: false },
      { kind: 'prover', id: running?.id, error: null, status: 'in_progress', running: true },
    ]);
    expect(await exhaustedJobs(db.pool, limits, { batch: 2, chainId: CHAIN })).toEqual([]);
  });

  test('stats tell how long proven batches took', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    const columns = 'l1_batch_number, chain_id, status, created_at, updated_at, protocol_version';
    await db.pool.query(
      `INSERT INTO proof_compression_jobs_fri (${columns}) SELECT 1, ${CHAIN}, 'sent_to_server', created_at, created_at + interval '90 s', 31 FROM witness_inputs_fri`,
    );
    expect(await provenSince(db.pool, new Date(0))).toMatchObject([{ batch: 1, chainId: CHAIN, timeTakenMs: 90_000 }]);
    expect(await provenSince(db.pool, new Date(Date.now() + 3_600_000))).toEqual([]);
  });
});
