/**
 * What a finished job leaves behind, in one transaction each. Every save first ends the worker's own claim; when the claim
 * is gone (the row was requeued, perhaps done by another worker), nothing is written and the answer is false.
 */
import type { Pool } from 'pg';
import { inTransaction } from '../../../../lib/postgres.ts';
import { RECURSION_TIP_CIRCUIT_ID, ROUND, type Round, recursionId, SCHEDULER_CIRCUIT_ID } from '../ids.ts';
import { notify, type Queryable } from './db.ts';
import { NOT_TRIED_AGAIN } from './failures.ts';
import {
  type BasicJob,
  type CompressionJob,
  type Job,
  type LeafJob,
  type NodeJob,
  type PickedJob,
  type ProverJob,
  type SchedulerJob,
  TABLES,
  type TipJob,
} from './jobs.ts';

interface Timed {
  timeTakenMs: number;
}

/** One circuit to prove. */
export interface NewCircuit {
  sequence: number;
  blobUrl: string;
}

export interface BasicResult extends Timed {
  /** All circuits, `sequence` counting over all of them in the order they were made. */
  circuits: (NewCircuit & { circuitId: number })[];
  /** One entry per base circuit type that occurs. */
  leaf: { circuitId: number; count: number; closedFormUrl: string }[];
  schedulerUrl: string;
}

export interface LeafResult extends Timed {
  circuits: NewCircuit[];
  aggregationsUrl: string;
}

export interface NodeResult extends Timed {
  /** One: the final node of its type. More: another node level follows. */
  circuits: NewCircuit[];
  /** Aggregations of the next level; not needed for the final node. */
  aggregationsUrl?: string;
}

/** Upstream inserts prover rows in portions of this size. */
const ROWS_PER_INSERT = 5400;

const CLAIM = `status = 'in_progress' AND picked_by = $1 AND attempts = $2 AND processing_started_at = $3::timestamp`;

/** Changes the row of a claim; false when the claim is gone. `set` may use parameters from $6 on. */
async function endClaim(db: Queryable, job: Job, set: string, values: unknown[]): Promise<boolean> {
  const key = 'id' in job ? 'id = $4 AND chain_id = $5' : 'l1_batch_number = $4 AND chain_id = $5';
  const result = await db.query(`UPDATE ${TABLES[job.kind]} SET ${set}, updated_at = NOW() WHERE ${key} AND ${CLAIM}`, [
    job.pickedBy,
    job.attempt,
    job.claimedAt,
    'id' in job ? job.id : job.batch,
    job.chainId,
    ...values,
  ]);
  return result.rowCount === 1;
}

const SUCCESSFUL = "status = 'successful', time_taken = make_interval(secs => $6)::time";

/** Ends the claim as successful, then writes what follows from it; all or nothing. */
function finish(
  pool: Pool,
  job: Job,
  timeTakenMs: number,
  extra: { set?: string; values?: unknown[] },
  follow: (db: Queryable) => Promise<string[]>,
): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const set = extra.set === undefined ? SUCCESSFUL : `${SUCCESSFUL}, ${extra.set}`;
    if (!(await endClaim(db, job, set, [timeTakenMs / 1000, ...(extra.values ?? [])]))) return false;
    await notify(db, TABLES[job.kind], ...(await follow(db)));
    return true;
  });
}

export function saveBasicResult(pool: Pool, job: BasicJob, result: BasicResult): Promise<boolean> {
  return finish(pool, job, result.timeTakenMs, {}, async (db) => {
    await insertProverJobs(db, job, { round: ROUND.basic, depth: 0 }, result.circuits);
    await insertLeafAndNodeJobs(db, job, result.leaf);
    await db.query(
      `INSERT INTO ${TABLES.tip} (l1_batch_number, chain_id, status, number_of_final_node_jobs, ${SHARED_COLUMNS})
       VALUES ($1, $2, 'waiting_for_proofs', $7, ${SHARED_VALUES})
       ON CONFLICT (l1_batch_number, chain_id) DO UPDATE SET updated_at = NOW()`,
      [...shared(job), result.leaf.length],
    );
    await db.query(
      `INSERT INTO ${TABLES.scheduler} (l1_batch_number, chain_id, status, scheduler_partial_input_blob_url, ${SHARED_COLUMNS})
       VALUES ($1, $2, 'waiting_for_proofs', $7, ${SHARED_VALUES})
       ON CONFLICT (l1_batch_number, chain_id) DO UPDATE SET updated_at = NOW()`,
      [...shared(job), result.schedulerUrl],
    );
    return [TABLES.prover];
  });
}

export function saveLeafResult(pool: Pool, job: LeafJob, result: LeafResult): Promise<boolean> {
  return finish(pool, job, result.timeTakenMs, {}, async (db) => {
    const circuitId = recursionId(job.circuitId);
    const circuits = result.circuits.map((circuit) => ({ ...circuit, circuitId }));
    await insertProverJobs(db, job, { round: ROUND.leaf, depth: 0 }, circuits);
    await db.query(
      `UPDATE ${TABLES.node} SET aggregations_url = $4, number_of_dependent_jobs = $5, updated_at = NOW()
       WHERE l1_batch_number = $1 AND chain_id = $2 AND circuit_id = $3 AND depth = 0`,
      [job.batch, job.chainId, circuitId, result.aggregationsUrl, circuits.length],
    );
    return [TABLES.prover];
  });
}

export function saveNodeResult(pool: Pool, job: NodeJob, result: NodeResult): Promise<boolean> {
  return finish(pool, job, result.timeTakenMs, {}, async (db) => {
    const depth = job.depth + 1;
    const final = result.circuits.length === 1;
    const circuits = result.circuits.map((circuit) => ({ ...circuit, circuitId: job.circuitId }));
    await insertProverJobs(db, job, { round: ROUND.node, depth, final }, circuits);
    if (!final) {
      await db.query(
        `INSERT INTO ${TABLES.node}
           (l1_batch_number, chain_id, status, circuit_id, depth, aggregations_url, number_of_dependent_jobs, ${SHARED_COLUMNS})
         VALUES ($1, $2, 'waiting_for_proofs', $7, $8, $9, $10, ${SHARED_VALUES})
         ON CONFLICT (l1_batch_number, chain_id, circuit_id, depth) DO UPDATE SET updated_at = NOW()`,
        [...shared(job), job.circuitId, depth, result.aggregationsUrl ?? '', circuits.length],
      );
    }
    return [TABLES.prover];
  });
}

export const saveTipResult = (pool: Pool, job: TipJob, result: Timed & { blobUrl: string }): Promise<boolean> =>
  saveSingle(pool, job, ROUND.tip, RECURSION_TIP_CIRCUIT_ID, result);

export const saveSchedulerResult = (
  pool: Pool,
  job: SchedulerJob,
  result: Timed & { blobUrl: string },
): Promise<boolean> => saveSingle(pool, job, ROUND.scheduler, SCHEDULER_CIRCUIT_ID, result);

function saveSingle(
  pool: Pool,
  job: TipJob | SchedulerJob,
  round: Round,
  circuitId: number,
  { blobUrl, timeTakenMs }: Timed & { blobUrl: string },
): Promise<boolean> {
  return finish(pool, job, timeTakenMs, {}, async (db) => {
    await insertProverJobs(db, job, { round, depth: 0 }, [{ sequence: 0, circuitId, blobUrl }]);
    return [TABLES.prover];
  });
}

/** The scheduler's proof (round 4) also queues the compression. */
export function saveProof(
  pool: Pool,
  job: ProverJob,
  { proofBlobUrl, timeTakenMs }: Timed & { proofBlobUrl: string },
): Promise<boolean> {
  return finish(pool, job, timeTakenMs, { set: 'proof_blob_url = $7', values: [proofBlobUrl] }, async (db) => {
    if (job.round !== ROUND.scheduler) return [];
    await db.query(
      `INSERT INTO ${TABLES.compression} (l1_batch_number, chain_id, status, fri_proof_blob_url, ${SHARED_COLUMNS})
       VALUES ($1, $2, 'queued', $7, ${SHARED_VALUES})
       ON CONFLICT (l1_batch_number, chain_id) DO NOTHING`,
      [...shared(job), proofBlobUrl],
    );
    return [TABLES.compression];
  });
}

export const saveCompression = (
  pool: Pool,
  job: CompressionJob,
  { l1ProofBlobUrl, timeTakenMs }: Timed & { l1ProofBlobUrl: string },
): Promise<boolean> =>
  finish(pool, job, timeTakenMs, { set: 'l1_proof_blob_url = $7', values: [l1ProofBlobUrl] }, async () => []);

/** The job failed by itself; the job monitor puts it back as long as attempts are left. */
/**
 * `final`: the job would fail the same way every time. It counts as having used up `maxAttempts`, so that no job monitor queues it
 * again; a requeue by hand starts it anew.
 */
export function saveFailure(pool: Pool, job: Job, error: string, final?: { maxAttempts: number }): Promise<boolean> {
  const text = final === undefined ? error : `${error}${NOT_TRIED_AGAIN}`;
  return inTransaction(pool, async (db) => {
    const set = "status = 'failed', error = $6, attempts = GREATEST(attempts, $7)";
    if (!(await endClaim(db, job, set, [text, final?.maxAttempts ?? 0]))) return false;
    await notify(db, TABLES[job.kind]);
    return true;
  });
}

/** The worker stops before it is done: back to `queued`, and the attempt does not count. */
export function releaseJob(pool: Pool, job: Job): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const set = "status = 'queued', attempts = GREATEST(attempts - 1, 0), picked_by = NULL";
    if (!(await endClaim(db, job, set, []))) return false;
    await notify(db, TABLES[job.kind]);
    return true;
  });
}

/** Columns that every new row takes from the job before it. */
const SHARED_COLUMNS = 'protocol_version, protocol_version_patch, priority, batch_sealed_at, created_at, updated_at';
const SHARED_VALUES = '$3, $4, $5, $6::timestamp, NOW(), NOW()';
const shared = (job: PickedJob): unknown[] => [
  job.batch,
  job.chainId,
  job.version.minor,
  job.version.patch,
  job.priority,
  job.batchSealedAt,
];

async function insertLeafAndNodeJobs(db: Queryable, job: BasicJob, leaf: BasicResult['leaf']): Promise<void> {
  const ids = leaf.map(({ circuitId }) => circuitId);
  await db.query(
    `INSERT INTO ${TABLES.leaf}
       (l1_batch_number, chain_id, status, circuit_id, number_of_basic_circuits, closed_form_inputs_blob_url, ${SHARED_COLUMNS})
     SELECT $1, $2, 'waiting_for_proofs', l.circuit, l.count, l.url, ${SHARED_VALUES}
     FROM unnest($7::smallint[], $8::integer[], $9::text[]) AS l (circuit, count, url)
     ON CONFLICT (l1_batch_number, chain_id, circuit_id) DO UPDATE SET updated_at = NOW()`,
    [...shared(job), ids, leaf.map(({ count }) => count), leaf.map(({ closedFormUrl }) => closedFormUrl)],
  );
  await db.query(
    `INSERT INTO ${TABLES.node} (l1_batch_number, chain_id, status, circuit_id, depth, aggregations_url, ${SHARED_COLUMNS})
     SELECT $1, $2, 'waiting_for_proofs', l.circuit, 0, '', ${SHARED_VALUES}
     FROM unnest($7::smallint[]) AS l (circuit)
     ON CONFLICT (l1_batch_number, chain_id, circuit_id, depth) DO UPDATE SET updated_at = NOW()`,
    [...shared(job), ids.map(recursionId)],
  );
}

async function insertProverJobs(
  db: Queryable,
  job: PickedJob,
  { round, depth, final = false }: { round: Round; depth: number; final?: boolean },
  circuits: readonly (NewCircuit & { circuitId: number })[],
): Promise<void> {
  for (let from = 0; from < circuits.length; from += ROWS_PER_INSERT) {
    const portion = circuits.slice(from, from + ROWS_PER_INSERT);
    await db.query(
      `INSERT INTO ${TABLES.prover}
         (l1_batch_number, chain_id, status, aggregation_round, depth, is_node_final_proof,
          circuit_id, sequence_number, circuit_blob_url, ${SHARED_COLUMNS})
       SELECT $1, $2, 'queued', $7, $8, $9, c.circuit, c.sequence, c.url, ${SHARED_VALUES}
       FROM unnest($10::smallint[], $11::integer[], $12::text[]) AS c (circuit, sequence, url)
       ON CONFLICT (l1_batch_number, chain_id, aggregation_round, circuit_id, depth, sequence_number)
       DO UPDATE SET updated_at = NOW()`,
      [
        ...shared(job),
        round,
        depth,
        final,
        portion.map(({ circuitId }) => circuitId),
        portion.map(({ sequence }) => sequence),
        portion.map(({ blobUrl }) => blobUrl),
      ],
    );
  }
}
