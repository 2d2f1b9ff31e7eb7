import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Queryable } from '../../../systems/zksync/protocol/prover-db/db.ts';
import { insertBatch } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { TABLES, type WitnessKind } from '../../../systems/zksync/protocol/prover-db/jobs.ts';
import {
  pickBasicJob,
  pickCompressionJob,
  pickNodeJob,
  pickProverJob,
  pickWitnessJob,
} from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { saveProof } from '../../../systems/zksync/protocol/prover-db/save.ts';
import type { TestPostgres } from '../../fixtures/postgres.ts';
import { postgresServers } from '../../fixtures/throw-away.ts';
import { addBatch, addVersion, CHAIN, picker, rowsOf, VERSION } from './helpers.ts';

interface Prover {
  circuit: number;
  round?: number;
  batch?: number;
  priority?: number;
  sealed?: string;
  sequence?: number;
}

async function addProverJob(
  db: Queryable,
  { circuit, round = 0, batch = 1, priority = 0, sealed = 'epoch', sequence = 0 }: Prover,
): Promise<void> {
  await db.query(
    `INSERT INTO prover_jobs_fri (l1_batch_number, chain_id, circuit_id, circuit_blob_url, aggregation_round, sequence_number,
       status, created_at, updated_at, protocol_version, protocol_version_patch, priority, batch_sealed_at)
     VALUES ($1, ${CHAIN}, $2, 'x', $3, $4, 'queued', NOW(), NOW(), 31, 0, $5, $6)`,
    [batch, circuit, round, sequence, priority, sealed],
  );
}

async function addWitnessJob(
  db: Queryable,
  kind: WitnessKind,
  batch: number,
  more: Record<string, unknown> = {},
): Promise<void> {
  const extra: Record<WitnessKind, Record<string, unknown>> = {
    basic: {},
    leaf: { circuit_id: 1 },
    node: { circuit_id: 3 },
    tip: { number_of_final_node_jobs: 1 },
    scheduler: { scheduler_partial_input_blob_url: 'x' },
  };
  const values = {
    l1_batch_number: batch,
    chain_id: CHAIN,
    protocol_version: 31,
    status: 'queued',
    ...extra[kind],
    ...more,
  };
  const columns = Object.keys(values);
  await db.query(
    `INSERT INTO ${TABLES[kind]} (${columns.join(', ')}, created_at, updated_at)
     VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')}, NOW(), NOW())`,
    Object.values(values),
  );
}

async function drain<T>(pick: () => Promise<T | undefined>): Promise<T[]> {
  const all: T[] = [];
  for (let job = await pick(); job !== undefined; job = await pick()) all.push(job);
  return all;
}

describe.each(await postgresServers())('Postgres %s', (_name, start) => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await start();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  describe('order', () => {
    test.each(['basic', 'leaf', 'node', 'tip', 'scheduler'] as const)(
      '%s: highest priority, then first sealed',
      async (kind) => {
        await using db = await postgres.proverDatabase();
        await addVersion(db.pool);
        await addWitnessJob(db.pool, kind, 1, { batch_sealed_at: '2026-01-03' });
        await addWitnessJob(db.pool, kind, 2, { batch_sealed_at: '2026-01-01' });
        await addWitnessJob(db.pool, kind, 3, { batch_sealed_at: '2026-01-04', priority: 1 });
        await addWitnessJob(db.pool, kind, 4, { batch_sealed_at: '2026-01-02' });
        const picked = await drain(() => pickWitnessJob(db.pool, kind, picker()));
        expect(picked.map(({ batch }) => batch)).toEqual([3, 2, 4, 1]);
      },
    );

    test('node: among equals by depth, then id', async () => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      const sealed = { batch_sealed_at: '2026-01-01' };
      await addWitnessJob(db.pool, 'node', 1, { ...sealed, circuit_id: 3, depth: 1 });
      await addWitnessJob(db.pool, 'node', 1, { ...sealed, circuit_id: 11, depth: 0 });
      await addWitnessJob(db.pool, 'node', 1, { ...sealed, circuit_id: 3, depth: 0 });
      const picked = await drain(() => pickNodeJob(db.pool, picker()));
      expect(picked.map(({ circuitId, depth }) => [circuitId, depth])).toEqual([
        [11, 0],
        [3, 0],
        [3, 1],
      ]);
    });

    test('prover: priority, seal time, round, circuit, id', async () => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      await addProverJob(db.pool, { circuit: 3, round: 1 });
      await addProverJob(db.pool, { circuit: 9, round: 0 });
      await addProverJob(db.pool, { circuit: 1, round: 0, sequence: 5 });
      await addProverJob(db.pool, { circuit: 1, round: 0, sequence: 4 });
      await addProverJob(db.pool, { circuit: 13, batch: 2, sealed: '2026-01-01' });
      await addProverJob(db.pool, { circuit: 10, batch: 3, sealed: '2026-01-02', priority: 2 });
      const picked = await drain(() => pickProverJob(db.pool, picker()));
      expect(picked.map(({ batch, round, circuitId, sequence }) => [batch, round, circuitId, sequence])).toEqual([
        [3, 0, 10, 0],
        [1, 0, 1, 5],
        [1, 0, 1, 4],
        [1, 0, 9, 0],
        [1, 1, 3, 0],
        [2, 0, 13, 0],
      ]);
    });
  });

  describe('light and heavy', () => {
    test('light never takes a heavy round-0 circuit, but the same id in a later round', async () => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      for (const circuit of [1, 2, 4, 8, 9, 10, 11, 12, 13]) await addProverJob(db.pool, { circuit });
      await addProverJob(db.pool, { circuit: 9, round: 1 });
      const picked = await drain(() => pickProverJob(db.pool, picker(), 'light'));
      expect(picked.map(({ circuitId, round }) => [circuitId, round])).toEqual([
        [1, 0],
        [13, 0],
        [9, 1],
      ]);
    });

    test('heavy takes the heavy ones first and the others when there are none', async () => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      for (const circuit of [1, 10, 9]) await addProverJob(db.pool, { circuit });
      const picked = await drain(() => pickProverJob(db.pool, picker(), 'heavy'));
      expect(picked.map(({ circuitId }) => circuitId)).toEqual([9, 10, 1]);
    });
  });

  describe('a picked row', () => {
    test('has one attempt more, the time and the name of the worker', async () => {
      await using db = await postgres.proverDatabase();
      await addBatch(db.pool);
      const job = await pickBasicJob(db.pool, picker('pod-7'));
      expect(job).toMatchObject({ batch: 1, chainId: CHAIN, attempt: 1, pickedBy: 'pod-7', version: VERSION });
      const [row] = await rowsOf(db.pool, 'basic');
      expect(row).toMatchObject({ status: 'in_progress', attempts: 1, picked_by: 'pod-7' });
      expect(row?.processing_started_at).toEqual(row?.updated_at);
    });

    test('belongs to the exact version of the binary', async () => {
      await using db = await postgres.proverDatabase();
      await addBatch(db.pool);
      expect(await pickBasicJob(db.pool, { version: { minor: 31, patch: 1 }, podName: 'x' })).toBeUndefined();
      expect(await pickBasicJob(db.pool, { version: { minor: 30, patch: 0 }, podName: 'x' })).toBeUndefined();
      expect(await pickBasicJob(db.pool, picker())).toBeDefined();
    });

    test('is not picked again', async () => {
      await using db = await postgres.proverDatabase();
      await addBatch(db.pool);
      await pickBasicJob(db.pool, picker('a'));
      expect(await pickBasicJob(db.pool, picker('b'))).toBeUndefined();
      expect(await pickCompressionJob(db.pool, picker('b'))).toBeUndefined();
    });

    test('locked by another transaction is skipped, not waited for', async () => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      await insertBatch(db.pool, { batch: 1, chainId: CHAIN, version: VERSION });
      await insertBatch(db.pool, { batch: 2, chainId: CHAIN, version: VERSION });
      const client = await db.pool.connect();
      await client.query('BEGIN');
      const first = await pickBasicJob(client, picker('a'));
      const second = await pickBasicJob(db.pool, picker('b'));
      await client.query('ROLLBACK');
      client.release();
      expect([first?.batch, second?.batch].sort()).toEqual([1, 2]);
    });
  });

  test('8 workers at once take every job exactly once', async () => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    const jobs = 120;
    await db.pool.query(
      `INSERT INTO prover_jobs_fri (l1_batch_number, chain_id, circuit_id, circuit_blob_url, aggregation_round, sequence_number,
       status, created_at, updated_at, protocol_version, protocol_version_patch)
     SELECT 1, ${CHAIN}, 1, 'x', 0, n, 'queued', NOW(), NOW(), 31, 0 FROM generate_series(1, $1) AS n`,
      [jobs],
    );
    const worker = async (name: string): Promise<number[]> => {
      const done: number[] = [];
      for (;;) {
        const job = await pickProverJob(db.pool, picker(name));
        if (!job) return done;
        if (await saveProof(db.pool, job, { proofBlobUrl: `proof_${job.id}`, timeTakenMs: 1 })) done.push(job.id);
      }
    };
    const done = (await Promise.all(Array.from({ length: 8 }, (_, n) => worker(`worker-${n}`)))).flat();
    expect(new Set(done).size).toBe(jobs);
    expect(done).toHaveLength(jobs);
    const rows = await rowsOf(db.pool, 'prover');
    expect(rows.every((row) => row.status === 'successful' && row.attempts === 1)).toBe(true);
  });
});
