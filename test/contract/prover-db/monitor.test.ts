import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobKind } from '../../../systems/zksync/protocol/prover-db/jobs.ts';
import {
  archiveProverJobs,
  moveReadyJobs,
  requeueStuckJobs,
} from '../../../systems/zksync/protocol/prover-db/monitor.ts';
import { pickBasicJob, pickProverJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { saveFailure } from '../../../systems/zksync/protocol/prover-db/save.ts';
import { requeueRowsOf, workersWithRows } from '../../../systems/zksync/protocol/prover-db/workers.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { addBatch, addCircuits, addVersion, age, CHAIN, picker, proveAll, rowsOf } from './helpers.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const STAMPS = 'created_at, updated_at, protocol_version';

interface ProofSpec {
  round: number;
  circuit: number;
  depth?: number;
  final?: boolean;
  status?: string;
  chain?: number;
}

async function addProofs(pool: Pool, proofs: ProofSpec[]): Promise<void> {
  for (const [
    sequence,
    { round, circuit, depth = 0, final = false, status = 'successful', chain = CHAIN },
  ] of proofs.entries()) {
    await pool.query(
      `INSERT INTO prover_jobs_fri (l1_batch_number, chain_id, aggregation_round, circuit_id, depth, is_node_final_proof, status,
         sequence_number, circuit_blob_url, ${STAMPS}) VALUES (1, $1, $2, $3, $4, $5, $6, $7, 'x', NOW(), NOW(), 31)`,
      [chain, round, circuit, depth, final, status, sequence],
    );
  }
}

const WAITING: Record<string, string> = {
  leaf: `INSERT INTO leaf_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, number_of_basic_circuits, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 9, 2, 'waiting_for_proofs', NOW(), NOW(), 31)`,
  node: `INSERT INTO node_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, depth, number_of_dependent_jobs, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 11, 0, 2, 'waiting_for_proofs', NOW(), NOW(), 31)`,
  deepNode: `INSERT INTO node_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, depth, number_of_dependent_jobs, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 11, 1, 2, 'waiting_for_proofs', NOW(), NOW(), 31)`,
  unknownNode: `INSERT INTO node_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, depth, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 11, 0, 'waiting_for_proofs', NOW(), NOW(), 31)`,
  tip: `INSERT INTO recursion_tip_witness_jobs_fri (l1_batch_number, chain_id, number_of_final_node_jobs, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 2, 'waiting_for_proofs', NOW(), NOW(), 31)`,
  scheduler: `INSERT INTO scheduler_witness_jobs_fri (l1_batch_number, chain_id, scheduler_partial_input_blob_url, status, ${STAMPS})
         VALUES (1, ${CHAIN}, 'x', 'waiting_for_proofs', NOW(), NOW(), 31)`,
};

describe('moves', () => {
  const leaf = { round: 0, circuit: 9 };
  const node = { round: 1, circuit: 11 };
  const deep = { round: 2, circuit: 11, depth: 1 };
  const last = { round: 2, depth: 1, final: true };

  test.each<[string, string, ProofSpec[]]>([
    ['leaf', 'all round-0 proofs of its circuit', [leaf, leaf]],
    ['node', 'all round-1 proofs of its circuit', [node, node]],
    ['deepNode', 'all round-2 proofs of its depth', [deep, deep]],
    [
      'tip',
      'all final node proofs',
      [
        { ...last, circuit: 3 },
        { ...last, circuit: 11 },
      ],
    ],
    ['scheduler', 'the recursion tip proof', [{ round: 3, circuit: 255 }]],
  ])('%s is queued after %s', async (kind, _, proofs) => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    await db.pool.query(WAITING[kind] ?? '');
    await addProofs(db.pool, proofs);
    expect(await moveReadyJobs(db.pool)).toMatchObject([{ batch: 1, chainId: CHAIN }]);
    expect(await moveReadyJobs(db.pool)).toEqual([]);
  });

  test.each<[string, string, ProofSpec[]]>([
    ['leaf', 'one proof is missing', [leaf]],
    ['leaf', 'one is not successful yet', [leaf, { ...leaf, status: 'in_progress' }]],
    ['leaf', 'one is of another circuit', [leaf, { round: 0, circuit: 1 }]],
    ['leaf', 'one is of another chain', [leaf, { ...leaf, chain: 0 }]],
    [
      'leaf',
      'they are of another round',
      [
        { round: 1, circuit: 9 },
        { round: 1, circuit: 9 },
      ],
    ],
    ['node', 'one proof is missing', [node]],
    ['unknownNode', 'its leaf job has not said how many proofs', [node, node]],
    [
      'deepNode',
      'the proofs are of another depth',
      [
        { ...deep, depth: 2 },
        { ...deep, depth: 2 },
      ],
    ],
    [
      'tip',
      'one final node is missing',
      [
        { ...last, circuit: 3 },
        { ...last, circuit: 11, final: false },
      ],
    ],
    ['scheduler', 'the tip proof failed', [{ round: 3, circuit: 255, status: 'failed' }]],
    ['scheduler', 'the tip proof is of another chain', [{ round: 3, circuit: 255, chain: 0 }]],
  ])('%s keeps waiting when %s', async (kind, _, proofs) => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    await db.pool.query(WAITING[kind] ?? '');
    await addProofs(db.pool, proofs);
    expect(await moveReadyJobs(db.pool)).toEqual([]);
  });

  test('changes the status only', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await proveAll(db.pool);
    const before = await rowsOf(db.pool, 'leaf', 'id');
    expect(await moveReadyJobs(db.pool)).toMatchObject([
      { kind: 'leaf', circuitId: 1 },
      { kind: 'leaf', circuitId: 9 },
    ]);
    expect(await rowsOf(db.pool, 'leaf', 'id')).toEqual(before.map((row) => ({ ...row, status: 'queued' })));
  });
});

const LIMITS = { timeoutMs: 600_000, maxAttempts: 3 };

describe('requeue', () => {
  test('a job that runs for too long is queued again and keeps its attempts', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await pickBasicJob(db.pool, picker());
    await age(db.pool, 'basic', '11 minutes');
    expect(await requeueStuckJobs(db.pool, { basic: LIMITS })).toMatchObject([
      { kind: 'basic', id: null, batch: 1, chainId: CHAIN, attempts: 1, was: 'in_progress', pickedBy: 'worker-1' },
    ]);
    const [row] = await rowsOf(db.pool, 'basic');
    expect(row).toMatchObject({ status: 'queued', attempts: 1, picked_by: 'worker-1', priority: 0 });
    expect(row?.processing_started_at).toEqual(row?.updated_at);
  });

  test('a job within its time stays', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await pickBasicJob(db.pool, picker());
    await age(db.pool, 'basic', '9 minutes');
    expect(await requeueStuckJobs(db.pool, { basic: LIMITS })).toEqual([]);
  });

  test('a failed job is queued at once until its attempts are used up', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await db.pool.query('DELETE FROM prover_jobs_fri WHERE sequence_number > 0');
    for (let attempt = 1; attempt <= 3; attempt++) {
      const job = (await pickProverJob(db.pool, picker()))!;
      expect(job.attempt).toBe(attempt);
      await saveFailure(db.pool, job, 'no');
      await requeueStuckJobs(db.pool, { prover: LIMITS });
    }
    expect(await pickProverJob(db.pool, picker())).toBeUndefined();
    expect(await rowsOf(db.pool, 'prover')).toMatchObject([{ status: 'failed', attempts: 3, error: 'no' }]);
  });

  test('a row left `in_gpu_proof` by an old prover counts as running', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'in_gpu_proof', processing_started_at = NOW()");
    await age(db.pool, 'prover', '11 minutes');
    expect(await requeueStuckJobs(db.pool, { prover: LIMITS })).toHaveLength(3);
  });

  test('every kind has its own limits, all in one call', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1);
    await addBatch(db.pool, 2);
    await pickBasicJob(db.pool, picker());
    await pickProverJob(db.pool, picker());
    const limits = { basic: LIMITS, prover: { timeoutMs: 0, maxAttempts: 5 } };
    expect((await requeueStuckJobs(db.pool, limits)).map(({ kind }) => kind)).toEqual(['prover']);
    expect(
      (await requeueStuckJobs(db.pool, { ...limits, basic: { timeoutMs: 0, maxAttempts: 5 } })).map(({ kind }) => kind),
    ).toEqual(['basic']);
  });
});

describe('rows of a dead worker', () => {
  const statusOf = async (pool: Pool, kind: JobKind): Promise<unknown[]> =>
    (await rowsOf(pool, kind)).map(({ status, attempts }) => [status, attempts]);

  test('go back to the queue, of that worker only', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await pickProverJob(db.pool, picker('dead'));
    await pickProverJob(db.pool, picker('alive'));
    expect(await workersWithRows(db.pool)).toEqual(['alive', 'dead']);
    expect(await requeueRowsOf(db.pool, 'dead')).toMatchObject([{ kind: 'prover', was: 'in_progress', attempts: 1 }]);
    expect(await workersWithRows(db.pool)).toEqual(['alive']);
    expect(await requeueRowsOf(db.pool, 'dead')).toEqual([]);
  });

  test('keep the attempt, and fail at the limit: the job may have ended the worker', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await pickBasicJob(db.pool, picker('dead'));
    await requeueRowsOf(db.pool, 'dead', { maxAttempts: { basic: 2 } });
    expect(await statusOf(db.pool, 'basic')).toEqual([['queued', 1]]);
    await pickBasicJob(db.pool, picker('dead'));
    await requeueRowsOf(db.pool, 'dead', { maxAttempts: { basic: 2 } });
    expect(await rowsOf(db.pool, 'basic')).toMatchObject([
      { status: 'failed', attempts: 2, error: 'worker dead ended during the last attempt' },
    ]);
  });

  test('get the attempt back when the worker was stopped from outside', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await pickBasicJob(db.pool, picker('stopped'));
    await requeueRowsOf(db.pool, 'stopped', { attempts: 'refund' });
    expect(await statusOf(db.pool, 'basic')).toEqual([['queued', 0]]);
  });
});

describe('archive', () => {
  const AFTER_MS = 2 * 24 * 3600 * 1000;

  async function addProvenBatch(pool: Pool, compression: string): Promise<void> {
    await addCircuits(pool);
    await proveAll(pool);
    await pool.query(
      `INSERT INTO proof_compression_jobs_fri (l1_batch_number, chain_id, status, ${STAMPS}) VALUES (1, ${CHAIN}, $1, NOW(), NOW(), 31)`,
      [compression],
    );
    await age(pool, 'prover', '3 days');
  }

  test('takes old finished proofs of delivered batches, row by row as they are', async () => {
    await using db = await postgres.proverDatabase();
    await addProvenBatch(db.pool, 'sent_to_server');
    const { rows: before } = await db.pool.query('SELECT * FROM prover_jobs_fri ORDER BY id');
    expect(await archiveProverJobs(db.pool, AFTER_MS)).toEqual({ archived: 3, removed: 0 });
    expect(await rowsOf(db.pool, 'prover')).toEqual([]);
    expect((await db.pool.query('SELECT * FROM prover_jobs_fri_archive ORDER BY id')).rows).toEqual(before);
  });

  test.each(['successful', 'queued'])('leaves a batch whose proof is only %s', async (compression) => {
    await using db = await postgres.proverDatabase();
    await addProvenBatch(db.pool, compression);
    expect(await archiveProverJobs(db.pool, AFTER_MS)).toEqual({ archived: 0, removed: 0 });
  });

  test('leaves rows that are not finished, and young ones', async () => {
    await using db = await postgres.proverDatabase();
    await addProvenBatch(db.pool, 'sent_to_server');
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'failed' WHERE sequence_number = 0");
    await db.pool.query('UPDATE prover_jobs_fri SET updated_at = NOW() WHERE sequence_number = 1');
    expect(await archiveProverJobs(db.pool, AFTER_MS)).toEqual({ archived: 1, removed: 0 });
  });

  test('drops archived rows after a week', async () => {
    await using db = await postgres.proverDatabase();
    await addProvenBatch(db.pool, 'sent_to_server');
    await age(db.pool, 'prover', '5 days');
    expect(await archiveProverJobs(db.pool, AFTER_MS)).toEqual({ archived: 3, removed: 3 });
  });
});
