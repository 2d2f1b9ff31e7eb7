/** Picking: one UPDATE per job, its row found with FOR UPDATE SKIP LOCKED, in upstream's order. */
import type { ProtocolVersion, Round } from '../ids.ts';
import type { Queryable } from './db.ts';
import {
  type BasicJob,
  type CompressionJob,
  type JobKind,
  type LeafJob,
  type NodeJob,
  type PickedJob,
  type ProverJob,
  type SchedulerJob,
  TABLES,
  type TipJob,
  type WitnessJob,
  type WitnessKind,
} from './jobs.ts';

/** Base circuits whose witness vectors need most memory. */
export const HEAVY_CIRCUITS = [2, 4, 8, 9, 10, 11, 12] as const;

export interface Picker {
  version: ProtocolVersion;
  /** Unique name of the worker, written to `picked_by`. */
  podName: string;
}

/** Env `POD_NAME`, else what upstream writes. */
export const podNameFrom = (env: Readonly<Record<string, string | undefined>>): string => env.POD_NAME || 'UNKNOWN_POD';

const BY_SEAL_TIME = 'priority DESC, batch_sealed_at ASC';
const HEAVY = `aggregation_round = 0 AND circuit_id IN (${HEAVY_CIRCUITS.join(', ')})`;
const HAS_ID: ReadonlySet<JobKind> = new Set(['leaf', 'node', 'prover']);

interface Row extends Record<string, unknown> {
  l1_batch_number: string;
}

async function pickRow(
  db: Queryable,
  kind: JobKind,
  picker: Picker,
  rule: { where?: string; order: string },
): Promise<Row | undefined> {
  const table = TABLES[kind];
  const key = HAS_ID.has(kind) ? 'id' : 'l1_batch_number, chain_id';
  const { rows } = await db.query<Row>(
    `UPDATE ${table} AS j
     SET status = 'in_progress', attempts = attempts + 1, updated_at = NOW(), processing_started_at = NOW(), picked_by = $3
     WHERE (${key}) = (
       SELECT ${key} FROM ${table}
       WHERE status = 'queued' AND protocol_version = $1 AND protocol_version_patch = $2 ${rule.where ? `AND ${rule.where}` : ''}
       ORDER BY ${rule.order}
       LIMIT 1
       FOR UPDATE SKIP LOCKED
     )
     RETURNING j.*, j.batch_sealed_at::text AS sealed_at_text, j.processing_started_at::text AS claimed_at_text`,
    [picker.version.minor, picker.version.patch, picker.podName],
  );
  return rows[0];
}

function common(row: Row): PickedJob {
  return {
    batch: Number(row.l1_batch_number),
    chainId: Number(row.chain_id),
    version: { minor: Number(row.protocol_version), patch: Number(row.protocol_version_patch) },
    priority: Number(row.priority),
    batchSealedAt: String(row.sealed_at_text),
    pickedBy: String(row.picked_by),
    attempt: Number(row.attempts),
    claimedAt: String(row.claimed_at_text),
  };
}

export async function pickBasicJob(db: Queryable, picker: Picker): Promise<BasicJob | undefined> {
  const row = await pickRow(db, 'basic', picker, { order: BY_SEAL_TIME });
  return row && { kind: 'basic', ...common(row) };
}

export async function pickLeafJob(db: Queryable, picker: Picker): Promise<LeafJob | undefined> {
  const row = await pickRow(db, 'leaf', picker, { order: BY_SEAL_TIME });
  if (!row) return undefined;
  const count = Number(row.number_of_basic_circuits);
  return { kind: 'leaf', ...common(row), id: Number(row.id), circuitId: Number(row.circuit_id), count };
}

export async function pickNodeJob(db: Queryable, picker: Picker): Promise<NodeJob | undefined> {
  const row = await pickRow(db, 'node', picker, { order: `${BY_SEAL_TIME}, depth ASC, id ASC` });
  if (!row) return undefined;
  return {
    kind: 'node',
    ...common(row),
    id: Number(row.id),
    circuitId: Number(row.circuit_id),
    depth: Number(row.depth),
    count: Number(row.number_of_dependent_jobs),
  };
}

export async function pickTipJob(db: Queryable, picker: Picker): Promise<TipJob | undefined> {
  const row = await pickRow(db, 'tip', picker, { order: BY_SEAL_TIME });
  return row && { kind: 'tip', ...common(row), count: Number(row.number_of_final_node_jobs) };
}

export async function pickSchedulerJob(db: Queryable, picker: Picker): Promise<SchedulerJob | undefined> {
  const row = await pickRow(db, 'scheduler', picker, { order: BY_SEAL_TIME });
  return row && { kind: 'scheduler', ...common(row) };
}

export async function pickCompressionJob(db: Queryable, picker: Picker): Promise<CompressionJob | undefined> {
  const row = await pickRow(db, 'compression', picker, { order: BY_SEAL_TIME });
  return row && { kind: 'compression', ...common(row) };
}

const WITNESS_PICKERS: {
  [K in WitnessKind]: (db: Queryable, picker: Picker) => Promise<WitnessJob | undefined>;
} = {
  basic: pickBasicJob,
  leaf: pickLeafJob,
  node: pickNodeJob,
  tip: pickTipJob,
  scheduler: pickSchedulerJob,
};

export const pickWitnessJob = (db: Queryable, kind: WitnessKind, picker: Picker): Promise<WitnessJob | undefined> =>
  WITNESS_PICKERS[kind](db, picker);

/**
 * `next`: anything, as with `--threads`. `light`: everything but the heavy round-0 circuits. `heavy`: those first, and
 * when there are none the same as `light`.
 */
export async function pickProverJob(
  db: Queryable,
  picker: Picker,
  mode: 'next' | 'light' | 'heavy' = 'next',
): Promise<ProverJob | undefined> {
  if (mode === 'heavy') {
    const heavy = await pickRow(db, 'prover', picker, {
      where: HEAVY,
      order: `${BY_SEAL_TIME}, circuit_id ASC, id ASC`,
    });
    if (heavy) return proverJob(heavy);
  }
  const order = `${BY_SEAL_TIME}, aggregation_round ASC, circuit_id ASC, id ASC`;
  const row = await pickRow(db, 'prover', picker, mode === 'next' ? { order } : { where: `NOT (${HEAVY})`, order });
  return row && proverJob(row);
}

const proverJob = (row: Row): ProverJob => ({
  kind: 'prover',
  ...common(row),
  id: Number(row.id),
  circuitId: Number(row.circuit_id),
  round: Number(row.aggregation_round) as Round,
  sequence: Number(row.sequence_number),
  depth: Number(row.depth),
  isNodeFinalProof: row.is_node_final_proof === true,
});
