/** The state of single batches, as `prover_cli status batch` and `stats` show it. */
import { ROUND } from '../ids.ts';
import type { Queryable } from './db.ts';
import { type JobKind, TABLES, WITNESS_KINDS, type WitnessKind } from './jobs.ts';

/** Texts of `prover_cli`. */
export const STATUS_TEXT = {
  jobsNotFound: 'Jobs not found 🚫',
  waitingForProofs: 'Waiting for Proof ⏱️',
  waitingForArtifacts: 'Waiting for Artifacts ⏱️',
  stuck: 'Stuck ⛔️',
  queued: 'Queued 📥',
  inProgress: 'In Progress ⌛️',
  inGpuProof: 'In GPU Proof ⚡️',
  successful: 'Successful ✅',
  failed: 'Failed',
  ignored: 'Ignored',
  skipped: 'Skipped ⏩',
  sentToServer: 'Sent to server 📤',
} as const;
export type StageStatus = keyof typeof STATUS_TEXT;

export interface JobState {
  status: string;
  attempts: number;
}

export interface WitnessJobState extends JobState {
  /** Base circuit id for leaf, recursion id for node; null for the others. */
  circuitId: number | null;
  depth: number;
}

export interface ProverJobState extends JobState {
  id: number;
  circuitId: number;
  round: number;
  depth: number;
}

export interface BatchStatus {
  batch: number;
  chainId: number;
  witness: Record<WitnessKind, WitnessJobState[]>;
  prover: ProverJobState[];
  compression: JobState | undefined;
}

/**
 * All job states of a batch, one entry per chain id it has rows under (usually one); `chainId` narrows. Empty: unknown batch.
 */
export async function batchStatus(db: Queryable, batch: number, chainId?: number): Promise<BatchStatus[]> {
  const columns: Record<JobKind, string> = {
    basic: 'NULL::bigint, NULL::integer, 0, 0',
    leaf: 'id, circuit_id, 1, 0',
    node: 'id, circuit_id, 2, depth',
    tip: 'NULL::bigint, NULL::integer, 3, 0',
    scheduler: 'NULL::bigint, NULL::integer, 4, 0',
    prover: 'id, circuit_id, aggregation_round, depth',
    compression: 'NULL::bigint, NULL::integer, 5, 0',
  };
  const parts = Object.entries(columns).map(
    ([kind, own]) =>
      `SELECT '${kind}', chain_id, status, attempts, ${own} FROM ${TABLES[kind as JobKind]}
       WHERE l1_batch_number = $1 AND ($2::integer IS NULL OR chain_id = $2)`,
  );
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT * FROM (${parts.join(' UNION ALL ')}) AS s (kind, chain_id, status, attempts, id, circuit_id, round, depth)
     ORDER BY chain_id, round, circuit_id, depth, id`,
    [batch, chainId ?? null],
  );
  const byChain = Map.groupBy(rows, (row) => Number(row.chain_id));
  return [...byChain].map(([chain, own]) => batchStatusOf(batch, chain, own));
}

function batchStatusOf(batch: number, chainId: number, rows: readonly Record<string, unknown>[]): BatchStatus {
  const of = (kind: JobKind) => rows.filter((row) => row.kind === kind);
  const state = (row: Record<string, unknown>): JobState => ({
    status: String(row.status),
    attempts: Number(row.attempts),
  });
  const witness = WITNESS_KINDS.map((kind): [WitnessKind, WitnessJobState[]] => [
    kind,
    of(kind).map((row) => ({
      ...state(row),
      circuitId: row.circuit_id === null ? null : Number(row.circuit_id),
      depth: Number(row.depth),
    })),
  ]);
  const [compression] = of('compression');
  return {
    batch,
    chainId,
    witness: Object.fromEntries(witness) as Record<WitnessKind, WitnessJobState[]>,
    prover: of('prover').map((row) => ({
      ...state(row),
      id: Number(row.id),
      circuitId: Number(row.circuit_id),
      round: Number(row.round),
      depth: Number(row.depth),
    })),
    compression: compression && state(compression),
  };
}

const SINGLE: Readonly<Record<string, StageStatus>> = {
  waiting_for_proofs: 'waitingForProofs',
  waiting_for_artifacts: 'waitingForArtifacts',
  queued: 'queued',
  in_progress: 'inProgress',
  in_gpu_proof: 'inGpuProof',
  successful: 'successful',
  failed: 'failed',
  ignored: 'ignored',
  skipped: 'skipped',
  sent_to_server: 'sentToServer',
};

const isStuck = ({ status, attempts }: JobState, maxAttempts: number): boolean =>
  (status === 'failed' || status === 'in_progress') && attempts >= maxAttempts;

/** Status of a witness stage with several jobs. */
export function witnessStageStatus(jobs: readonly JobState[], maxAttempts: number): StageStatus {
  const all = (...statuses: string[]): boolean => jobs.every(({ status }) => statuses.includes(status));
  if (jobs.length === 0) return 'jobsNotFound';
  if (all('waiting_for_proofs')) return 'waitingForProofs';
  if (jobs.some((job) => isStuck(job, maxAttempts))) return 'stuck';
  if (all('queued', 'waiting_for_proofs')) return 'queued';
  return all('successful') ? 'successful' : 'inProgress';
}

/** Status of a stage with one job: basic, recursion tip, scheduler, compression. */
export function singleStageStatus(job: JobState | undefined, maxAttempts: number): StageStatus {
  if (job === undefined) return 'jobsNotFound';
  if (isStuck(job, maxAttempts)) return 'stuck';
  return SINGLE[job.status] ?? 'inProgress';
}

export function proverStageStatus(jobs: readonly JobState[], maxAttempts: number): StageStatus {
  const all = (wanted: string): boolean => jobs.every(({ status }) => status === wanted);
  if (jobs.length === 0) return 'jobsNotFound';
  if (jobs.some((job) => isStuck(job, maxAttempts))) return 'stuck';
  if (all('in_gpu_proof')) return 'inGpuProof';
  if (all('queued')) return 'queued';
  return all('successful') ? 'successful' : 'inProgress';
}

export interface Stage {
  /** As printed: `Basic Witness Generator`. */
  name: string;
  /** Null: proof compression. */
  round: number | null;
  status: StageStatus;
  /** Rounds 0–2: the proofs of the round. */
  proverStatus: StageStatus | undefined;
}

const STAGE_NAMES: Record<WitnessKind, string> = {
  basic: 'Basic Witness Generator',
  leaf: 'Leaf Witness Generator',
  node: 'Node Witness Generator',
  tip: 'Recursion Tip',
  scheduler: 'Scheduler',
};

/** The six stages that `status batch` shows. */
export function batchStages(status: BatchStatus, maxAttempts: number): Stage[] {
  const witness = WITNESS_KINDS.map((kind, round): Stage => {
    const jobs = status.witness[kind];
    const several = kind === 'leaf' || kind === 'node';
    const proofs = status.prover.filter((job) => job.round === round);
    return {
      name: STAGE_NAMES[kind],
      round,
      status: several ? witnessStageStatus(jobs, maxAttempts) : singleStageStatus(jobs[0], maxAttempts),
      proverStatus: round <= ROUND.node ? proverStageStatus(proofs, maxAttempts) : undefined,
    };
  });
  const compression = singleStageStatus(status.compression, maxAttempts);
  return [...witness, { name: 'Compressor', round: null, status: compression, proverStatus: undefined }];
}

export interface BatchTime {
  batch: number;
  chainId: number;
  createdAt: Date;
  timeTakenMs: number;
}

/** Batches proven whose input came since then: from the input's row to the proof's last change. Slowest first. */
export async function provenSince(db: Queryable, since: Date): Promise<BatchTime[]> {
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT c.l1_batch_number AS batch, c.chain_id, extract(epoch FROM w.created_at::timestamptz) AS created,
       extract(epoch FROM c.updated_at - w.created_at) AS taken
     FROM ${TABLES.compression} AS c JOIN ${TABLES.basic} AS w USING (l1_batch_number, chain_id)
     WHERE c.status IN ('successful', 'sent_to_server') AND w.created_at::timestamptz >= $1::timestamptz
     ORDER BY taken DESC`,
    [since.toISOString()],
  );
  return rows.map((row) => ({
    batch: Number(row.batch),
    chainId: Number(row.chain_id),
    createdAt: new Date(Number(row.created) * 1000),
    timeTakenMs: Math.round(Number(row.taken) * 1000),
  }));
}
