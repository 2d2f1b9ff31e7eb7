/** What the prover job monitor does to the tables: moving rounds, requeueing, archiving. */
import { PROVER_CHANNEL, type Queryable } from './db.ts';
import { JOB_KINDS, type JobKind, TABLES, type WitnessKind } from './jobs.ts';

export interface Moved {
  kind: WitnessKind;
  batch: number;
  chainId: number;
  /** Leaf and node jobs only. */
  circuitId: number | null;
}

/** Number of successful proofs of the job's own batch that satisfy `rule`. */
const proofs = (rule: string): string =>
  `(SELECT count(*) FROM ${TABLES.prover} AS p WHERE p.l1_batch_number = j.l1_batch_number AND p.chain_id = j.chain_id
    AND p.status = 'successful' AND ${rule})`;

const move = (kind: WitnessKind, circuit: string, condition: string): string =>
  `UPDATE ${TABLES[kind]} AS j SET status = 'queued' WHERE j.status = 'waiting_for_proofs' AND ${condition}
   RETURNING '${kind}' AS kind, j.l1_batch_number AS batch, j.chain_id, ${circuit} AS circuit_id`;

const MOVE_ALL = `
  WITH leaf AS (${move(
    'leaf',
    'j.circuit_id::integer',
    `j.number_of_basic_circuits > 0
     AND j.number_of_basic_circuits = ${proofs('p.aggregation_round = 0 AND p.circuit_id = j.circuit_id')}`,
  )}),
  node AS (${move(
    'node',
    'j.circuit_id::integer',
    `j.number_of_dependent_jobs > 0
     AND j.number_of_dependent_jobs = ${proofs(
       'p.aggregation_round = CASE WHEN j.depth = 0 THEN 1 ELSE 2 END AND p.circuit_id = j.circuit_id AND p.depth = j.depth',
     )}`,
  )}),
  tip AS (${move(
    'tip',
    'NULL::integer',
    `j.number_of_final_node_jobs > 0
     AND j.number_of_final_node_jobs = ${proofs('p.aggregation_round = 2 AND p.is_node_final_proof')}`,
  )}),
  scheduler AS (${move('scheduler', 'NULL::integer', `${proofs('p.aggregation_round = 3')} > 0`)})
  SELECT m.*, pg_notify('${PROVER_CHANNEL}', CASE m.kind
      WHEN 'leaf' THEN '${TABLES.leaf}' WHEN 'node' THEN '${TABLES.node}'
      WHEN 'tip' THEN '${TABLES.tip}' ELSE '${TABLES.scheduler}' END)
  FROM (SELECT * FROM leaf UNION ALL SELECT * FROM node UNION ALL SELECT * FROM tip UNION ALL SELECT * FROM scheduler) AS m`;

/** `waiting_for_proofs` → `queued` for every witness job whose proofs are all there. One statement. */
export async function moveReadyJobs(db: Queryable): Promise<Moved[]> {
  const { rows } = await db.query<{ kind: WitnessKind; batch: string; chain_id: number; circuit_id: number | null }>(
    MOVE_ALL,
  );
  return rows.map((row) => ({
    kind: row.kind,
    batch: Number(row.batch),
    chainId: row.chain_id,
    circuitId: row.circuit_id,
  }));
}

export interface RequeueLimits {
  timeoutMs: number;
  maxAttempts: number;
}

export interface Requeued {
  kind: JobKind;
  /** Null for jobs keyed by batch and chain. */
  id: number | null;
  batch: number;
  chainId: number;
  attempts: number;
  /** Status before. */
  was: string;
  error: string | null;
  pickedBy: string | null;
}

const HAS_ID: ReadonlySet<JobKind> = new Set(['leaf', 'node', 'prover']);

/** Columns that name a row. */
export const keyColumns = (kind: JobKind): string => (HAS_ID.has(kind) ? 'id' : 'l1_batch_number, chain_id');

/** Join condition of a CTE `stuck` with the table `j`. */
export const sameKey = (kind: JobKind): string =>
  HAS_ID.has(kind) ? 'j.id = stuck.id' : 'j.l1_batch_number = stuck.l1_batch_number AND j.chain_id = stuck.chain_id';

/** What `requeuedOf` reads, of table `j` and CTE `stuck`. */
export const requeuedColumns = (kind: JobKind): string =>
  `'${kind}' AS kind, ${HAS_ID.has(kind) ? 'j.id' : 'NULL::bigint AS id'}, j.l1_batch_number, j.chain_id, j.attempts,
   stuck.was, j.error, j.picked_by`;

export function requeuedOf(row: Record<string, unknown>): Requeued {
  return {
    kind: row.kind as JobKind,
    id: row.id === null ? null : Number(row.id),
    batch: Number(row.l1_batch_number),
    chainId: Number(row.chain_id),
    attempts: Number(row.attempts),
    was: String(row.was),
    error: row.error === null ? null : String(row.error),
    pickedBy: row.picked_by === null ? null : String(row.picked_by),
  };
}

/** `in_gpu_proof` is written by no current program, but old rows may still have it. */
const runningStatuses = (kind: JobKind): string =>
  kind === 'prover' ? "'in_progress', 'in_gpu_proof'" : "'in_progress'";

/**
 * Rows `in_progress` for too long, or `failed`, with attempts left: back to `queued`. Attempts stay as they are. One statement
 * for all kinds that have limits.
 */
export async function requeueStuckJobs(
  db: Queryable,
  limits: Partial<Record<JobKind, RequeueLimits>>,
): Promise<Requeued[]> {
  const kinds = JOB_KINDS.filter((kind) => limits[kind] !== undefined);
  if (kinds.length === 0) return [];
  const ctes = kinds.map(
    (kind, index) => `stuck_${kind} AS (
       SELECT ${keyColumns(kind)}, status AS was FROM ${TABLES[kind]}
       WHERE attempts < $${2 * index + 2} AND (status = 'failed' OR (status IN (${runningStatuses(kind)})
         AND processing_started_at <= NOW() - make_interval(secs => $${2 * index + 1})))
       FOR UPDATE SKIP LOCKED
     ), done_${kind} AS (
       UPDATE ${TABLES[kind]} AS j SET status = 'queued', updated_at = NOW(), processing_started_at = NOW()
       FROM stuck_${kind} AS stuck WHERE ${sameKey(kind)}
       RETURNING ${requeuedColumns(kind)}, '${TABLES[kind]}' AS table_name
     )`,
  );
  const { rows } = await db.query<Record<string, unknown>>(
    `WITH ${ctes.join(', ')}
     SELECT r.*, pg_notify('${PROVER_CHANNEL}', r.table_name)
     FROM (${kinds.map((kind) => `SELECT * FROM done_${kind}`).join(' UNION ALL ')}) AS r`,
    kinds.flatMap((kind) => [(limits[kind]?.timeoutMs ?? 0) / 1000, limits[kind]?.maxAttempts ?? 0]),
  );
  return rows.map(requeuedOf);
}

export interface Archived {
  archived: number;
  removed: number;
}

const ARCHIVE_LIFE_MS = 7 * 24 * 3600 * 1000;

/**
 * Moves finished prover jobs, untouched for `afterMs`, of batches whose proof the core has, to the archive table, and drops
 * archived rows older than 7 days.
 */
export async function archiveProverJobs(db: Queryable, afterMs: number): Promise<Archived> {
  const moved = await db.query<{ count: string }>(
    `WITH deleted AS (
       DELETE FROM ${TABLES.prover} AS p USING ${TABLES.compression} AS c
       WHERE p.status NOT IN ('queued', 'in_progress', 'in_gpu_proof', 'failed')
         AND p.updated_at < NOW() - make_interval(secs => $1)
         AND c.l1_batch_number = p.l1_batch_number AND c.chain_id = p.chain_id AND c.status = 'sent_to_server'
       RETURNING p.*
     ), inserted AS (
       INSERT INTO prover_jobs_fri_archive SELECT * FROM deleted
     )
     SELECT count(*) FROM deleted`,
    [afterMs / 1000],
  );
  const removed = await db.query(
    'DELETE FROM prover_jobs_fri_archive WHERE updated_at < NOW() - make_interval(secs => $1)',
    [ARCHIVE_LIFE_MS / 1000],
  );
  return { archived: Number(moved.rows[0]?.count ?? 0), removed: removed.rowCount ?? 0 };
}
