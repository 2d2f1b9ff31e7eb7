import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveReadyJobs } from '../../../systems/zksync/protocol/prover-db/monitor.ts';
import {
  pickBasicJob,
  pickCompressionJob,
  pickLeafJob,
  pickNodeJob,
  pickProverJob,
  pickSchedulerJob,
  pickTipJob,
} from '../../../systems/zksync/protocol/prover-db/pick.ts';
import {
  saveBasicResult,
  saveCompression,
  saveLeafResult,
  saveNodeResult,
  saveProof,
  saveSchedulerResult,
  saveTipResult,
} from '../../../systems/zksync/protocol/prover-db/save.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { addBatch, addCircuits, CHAIN, picker, proveAll, rowsOf } from './helpers.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** Proves round 0 and answers all leaf witness jobs with `perLeaf` circuits each. */
async function addLeafProofs(pool: Pool, perLeaf: number): Promise<void> {
  await addCircuits(pool);
  await proveAll(pool);
  await moveReadyJobs(pool);
  for (let job = await pickLeafJob(pool, picker()); job; job = await pickLeafJob(pool, picker())) {
    const circuits = Array.from({ length: perLeaf }, (_, sequence) => ({ sequence, blobUrl: `leaf-${sequence}` }));
    await saveLeafResult(pool, job, { timeTakenMs: 1, aggregationsUrl: `aggregations-${job.circuitId}`, circuits });
  }
}

/** …and all node jobs that are ready with one final circuit each. */
async function addFinalNodes(pool: Pool): Promise<void> {
  await proveAll(pool);
  await moveReadyJobs(pool);
  for (let job = await pickNodeJob(pool, picker()); job; job = await pickNodeJob(pool, picker())) {
    await saveNodeResult(pool, job, { timeTakenMs: 1, circuits: [{ sequence: 0, blobUrl: 'node' }] });
  }
}

const common = { l1_batch_number: '1', chain_id: CHAIN, protocol_version: 31, protocol_version_patch: 0, priority: 0 };

describe('rows per stage', () => {
  test('basic witness: circuits, leaf, node, tip and scheduler rows', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    expect(await rowsOf(db.pool, 'basic')).toMatchObject([{ status: 'successful', time_taken: '00:00:01.5' }]);
    expect(await rowsOf(db.pool, 'prover', 'sequence_number')).toMatchObject([
      {
        ...common,
        circuit_id: 1,
        aggregation_round: 0,
        sequence_number: 0,
        depth: 0,
        status: 'queued',
        attempts: 0,
        circuit_blob_url: 'vm-0',
        is_node_final_proof: false,
      },
      { ...common, circuit_id: 1, sequence_number: 1, circuit_blob_url: 'vm-1' },
      { ...common, circuit_id: 9, sequence_number: 2, circuit_blob_url: 'filter-2' },
    ]);
    const waiting = { ...common, status: 'waiting_for_proofs', attempts: 0 };
    expect(await rowsOf(db.pool, 'leaf', 'circuit_id')).toMatchObject([
      { ...waiting, circuit_id: 1, number_of_basic_circuits: 2, closed_form_inputs_blob_url: 'closed-1' },
      { ...waiting, circuit_id: 9, number_of_basic_circuits: 1, closed_form_inputs_blob_url: 'closed-9' },
    ]);
    expect(await rowsOf(db.pool, 'node', 'circuit_id')).toMatchObject([
      { ...waiting, circuit_id: 3, depth: 0, aggregations_url: '', number_of_dependent_jobs: null },
      { ...waiting, circuit_id: 11, depth: 0, aggregations_url: '', number_of_dependent_jobs: null },
    ]);
    expect(await rowsOf(db.pool, 'tip')).toMatchObject([{ ...waiting, number_of_final_node_jobs: 2 }]);
    expect(await rowsOf(db.pool, 'scheduler')).toMatchObject([
      { ...waiting, scheduler_partial_input_blob_url: `scheduler_witness_1_${CHAIN}.bin` },
    ]);
  });

  test('every row inherits the seal time, to the microsecond, and the priority', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    await db.pool.query("UPDATE witness_inputs_fri SET batch_sealed_at = '2026-01-01 01:02:03.456789', priority = 3");
    const job = await pickBasicJob(db.pool, picker());
    const leaf = [{ circuitId: 1, count: 1, closedFormUrl: 'c' }];
    const circuits = [{ circuitId: 1, sequence: 0, blobUrl: 'x' }];
    await saveBasicResult(db.pool, job!, { timeTakenMs: 1, schedulerUrl: 's', circuits, leaf });
    for (const table of ['prover_jobs_fri', 'leaf_aggregation_witness_jobs_fri', 'scheduler_witness_jobs_fri']) {
      const { rows } = await db.pool.query(`SELECT batch_sealed_at::text AS sealed, priority FROM ${table}`);
      expect(rows).toEqual([{ sealed: '2026-01-01 01:02:03.456789', priority: 3 }]);
    }
  });

  test('leaf witness: recursion-layer circuits, and the node job learns how many to wait for', async () => {
    await using db = await postgres.proverDatabase();
    await addLeafProofs(db.pool, 2);
    const leaves = (await rowsOf(db.pool, 'prover', 'id')).filter((row) => row.aggregation_round === 1);
    expect(leaves).toMatchObject([
      { ...common, circuit_id: 3, sequence_number: 0, depth: 0, status: 'queued' },
      { circuit_id: 3, sequence_number: 1 },
      { circuit_id: 11, sequence_number: 0 },
      { circuit_id: 11, sequence_number: 1 },
    ]);
    expect(await rowsOf(db.pool, 'node', 'circuit_id')).toMatchObject([
      { circuit_id: 3, number_of_dependent_jobs: 2, aggregations_url: 'aggregations-1', status: 'waiting_for_proofs' },
      { circuit_id: 11, number_of_dependent_jobs: 2, aggregations_url: 'aggregations-9' },
    ]);
  });

  test('node witness with several aggregations left: proofs and a node job one level deeper', async () => {
    await using db = await postgres.proverDatabase();
    await addLeafProofs(db.pool, 2);
    await proveAll(db.pool);
    await moveReadyJobs(db.pool);
    const job = await pickNodeJob(db.pool, picker());
    const circuits = [0, 1].map((sequence) => ({ sequence, blobUrl: `node-${sequence}` }));
    await saveNodeResult(db.pool, job!, { timeTakenMs: 1, aggregationsUrl: 'next', circuits });
    const nodes = (await rowsOf(db.pool, 'prover', 'id')).filter((row) => row.aggregation_round === 2);
    expect(nodes).toMatchObject([
      { circuit_id: 3, depth: 1, sequence_number: 0, is_node_final_proof: false },
      { circuit_id: 3, depth: 1, sequence_number: 1, is_node_final_proof: false },
    ]);
    const [next] = (await rowsOf(db.pool, 'node', 'depth DESC')).filter((row) => row.depth === 1);
    expect(next).toMatchObject({
      circuit_id: 3,
      aggregations_url: 'next',
      number_of_dependent_jobs: 2,
      status: 'waiting_for_proofs',
    });
  });

  test('node witness with one aggregation left: the final proof of its type', async () => {
    await using db = await postgres.proverDatabase();
    await addLeafProofs(db.pool, 1);
    await addFinalNodes(db.pool);
    const nodes = (await rowsOf(db.pool, 'prover', 'circuit_id')).filter((row) => row.aggregation_round === 2);
    expect(nodes).toMatchObject([
      { circuit_id: 3, depth: 1, sequence_number: 0, is_node_final_proof: true },
      { circuit_id: 11, depth: 1, sequence_number: 0, is_node_final_proof: true },
    ]);
    expect(await rowsOf(db.pool, 'node')).toHaveLength(2);
  });

  test('tip, scheduler and compression: one row each, up to the proof for L1', async () => {
    await using db = await postgres.proverDatabase();
    await addLeafProofs(db.pool, 1);
    await addFinalNodes(db.pool);
    await proveAll(db.pool);
    await moveReadyJobs(db.pool);
    const tip = await pickTipJob(db.pool, picker());
    expect(tip?.count).toBe(2);
    await saveTipResult(db.pool, tip!, { blobUrl: 'tip', timeTakenMs: 1 });
    await proveAll(db.pool);
    await moveReadyJobs(db.pool);
    await saveSchedulerResult(db.pool, (await pickSchedulerJob(db.pool, picker()))!, {
      blobUrl: 'scheduler',
      timeTakenMs: 1,
    });
    expect(await rowsOf(db.pool, 'compression')).toEqual([]);
    await proveAll(db.pool);
    const top = (await rowsOf(db.pool, 'prover', 'id')).filter((row) => Number(row.aggregation_round) > 2);
    expect(top).toMatchObject([
      { aggregation_round: 3, circuit_id: 255, depth: 0, sequence_number: 0, circuit_blob_url: 'tip' },
      { aggregation_round: 4, circuit_id: 1, depth: 0, sequence_number: 0, circuit_blob_url: 'scheduler' },
    ]);
    expect(await rowsOf(db.pool, 'compression')).toMatchObject([
      { ...common, status: 'queued', attempts: 0, fri_proof_blob_url: top[1]?.proof_blob_url, l1_proof_blob_url: null },
    ]);
    const compression = await pickCompressionJob(db.pool, picker());
    await saveCompression(db.pool, compression!, { l1ProofBlobUrl: 'final.cbor', timeTakenMs: 61_000 });
    expect(await rowsOf(db.pool, 'compression')).toMatchObject([
      { status: 'successful', l1_proof_blob_url: 'final.cbor', time_taken: '00:01:01' },
    ]);
  });

  test('a proof carries its object and the time it took', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    await saveProof(db.pool, job, { proofBlobUrl: `proof_${job.id}_${CHAIN}.bin`, timeTakenMs: 2345.6 });
    const [row] = await rowsOf(db.pool, 'prover', 'id');
    expect(row).toMatchObject({
      status: 'successful',
      proof_blob_url: `proof_${job.id}_${CHAIN}.bin`,
      time_taken: '00:00:02.3456',
    });
  });
});
