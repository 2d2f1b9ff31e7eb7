/** Counts over the tables: the queue report, the gauges, the groups that a watcher shows. One statement each. */
import { BASE_CIRCUIT_NAMES, baseIdOf, formatVersion } from '../ids.ts';
import type { Queryable } from './db.ts';
import { JOB_KINDS, type JobKind, TABLES } from './jobs.ts';

export interface QueueCount {
  queued: number;
  in_progress: number;
}

/** Entry of `GET /queue_report`. */
export interface VersionReport {
  version: string;
  report: Record<(typeof REPORT_KEYS)[JobKind], QueueCount>;
}

const REPORT_KEYS = {
  basic: 'basic_witness_jobs',
  leaf: 'leaf_witness_jobs',
  node: 'node_witness_jobs',
  tip: 'recursion_tip_witness_jobs',
  scheduler: 'scheduler_witness_jobs',
  prover: 'prover_jobs',
  compression: 'proof_compressor_jobs',
} as const;

/** Rows of one kind with one status, circuit and version. */
export interface StatusCount {
  kind: JobKind;
  status: string;
  circuitId: number | null;
  round: number | null;
  /** `0.x.y` */
  version: string;
  count: number;
  oldestBatch: number;
}

const CIRCUIT: Record<JobKind, string> = {
  basic: 'NULL::smallint, NULL::smallint',
  leaf: 'circuit_id, 1::smallint',
  node: 'circuit_id, 2::smallint',
  tip: 'NULL::smallint, 3::smallint',
  scheduler: 'NULL::smallint, 4::smallint',
  prover: 'circuit_id, aggregation_round',
  compression: 'NULL::smallint, NULL::smallint',
};

const countsOf = (where: string): string =>
  JOB_KINDS.map(
    (kind) =>
      `SELECT '${kind}' AS kind, status, ${CIRCUIT[kind]}, protocol_version, protocol_version_patch, count(*), min(l1_batch_number)
       FROM ${TABLES[kind]} ${where} GROUP BY 1, 2, 3, 4, 5, 6`,
  ).join(' UNION ALL ');

const COUNTS_SQL = `SELECT * FROM (${countsOf('')})
  AS c (kind, status, circuit_id, round, minor, patch, count, oldest)`;

/** All rows, grouped. The base of the report and the gauges. */
export async function statusCounts(db: Queryable): Promise<StatusCount[]> {
  const { rows } = await db.query<Record<string, unknown>>(COUNTS_SQL);
  return rows.map((row) => ({
    kind: row.kind as JobKind,
    status: String(row.status),
    circuitId: row.circuit_id === null ? null : Number(row.circuit_id),
    round: row.round === null ? null : Number(row.round),
    version: row.minor === null ? 'unknown' : formatVersion({ minor: Number(row.minor), patch: Number(row.patch) }),
    count: Number(row.count),
    oldestBatch: Number(row.oldest),
  }));
}

/** One entry per protocol version that occurs in the tables. */
export function queueReport(counts: readonly StatusCount[]): VersionReport[] {
  const versions = [...new Set(counts.map(({ version }) => version))].sort();
  return versions.map((version) => {
    const entries = JOB_KINDS.map((kind) => {
      const sum = (status: string): number =>
        counts
          .filter((c) => c.version === version && c.kind === kind && c.status === status)
          .reduce((total, c) => total + c.count, 0);
      return [REPORT_KEYS[kind], { queued: sum('queued'), in_progress: sum('in_progress') }];
    });
    return { version, report: Object.fromEntries(entries) };
  });
}

/** Jobs of one kind in one stage, for people. */
export interface JobGroupCounts {
  kind: JobKind;
  round: number | null;
  stage: string;
  /** E.g. `9 StorageFilter`; empty where a stage has only one kind. */
  label: string;
  queued: number;
  waiting: number;
  inProgress: number;
  successful: number;
  failed: number;
  /** Highest number of attempts among the failed ones. */
  failedAttempts: number;
}

const GROUPS_SQL = JOB_KINDS.map(
  (kind) =>
    `SELECT '${kind}' AS kind, ${CIRCUIT[kind]},
       count(*) FILTER (WHERE status = 'queued'),
       count(*) FILTER (WHERE status IN ('waiting_for_proofs', 'waiting_for_artifacts')),
       count(*) FILTER (WHERE status IN ('in_progress', 'in_gpu_proof')),
       count(*) FILTER (WHERE status IN ('successful', 'sent_to_server', 'skipped')),
       count(*) FILTER (WHERE status = 'failed'),
       COALESCE(max(attempts) FILTER (WHERE status = 'failed'), 0)
     FROM ${TABLES[kind]} WHERE l1_batch_number = $1 AND chain_id = $2 GROUP BY 1, 2, 3`,
).join(' UNION ALL ');

/** All jobs of a batch, grouped by stage and circuit, in the order of the pipeline. */
export async function jobGroups(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<JobGroupCounts[]> {
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT * FROM (${GROUPS_SQL})
     AS g (kind, circuit_id, round, queued, waiting, in_progress, successful, failed, failed_attempts)`,
    [batch, chainId],
  );
  const groups = rows.map((row) => {
    const kind = row.kind as JobKind;
    const round = row.round === null ? null : Number(row.round);
    const circuitId = row.circuit_id === null ? null : Number(row.circuit_id);
    return {
      kind,
      round,
      circuitId,
      stage: stageOf(kind, round),
      label: labelOf(kind, round, circuitId),
      queued: Number(row.queued),
      waiting: Number(row.waiting),
      inProgress: Number(row.in_progress),
      successful: Number(row.successful),
      failed: Number(row.failed),
      failedAttempts: Number(row.failed_attempts),
    };
  });
  groups.sort((a, b) => orderOf(a) - orderOf(b) || (a.circuitId ?? 0) - (b.circuitId ?? 0));
  return groups.map(({ circuitId: _, ...group }) => group);
}

const ROUND_STAGES = ['basic circuits', 'leaf aggregation', 'node aggregation', 'recursion tip', 'scheduler'];
const WITNESS_ROUND: Partial<Record<JobKind, number>> = { basic: 0, leaf: 1, node: 2, tip: 3, scheduler: 4 };

function stageOf(kind: JobKind, round: number | null): string {
  if (kind === 'compression') return 'compression';
  if (kind === 'prover') return ROUND_STAGES[round ?? 0] ?? `round ${round}`;
  return `${ROUND_STAGES[WITNESS_ROUND[kind] ?? 0]} witness`;
}

const orderOf = ({ kind, round }: { kind: JobKind; round: number | null }): number => {
  if (kind === 'compression') return 100;
  return kind === 'prover' ? 2 * (round ?? 0) + 1 : 2 * (WITNESS_ROUND[kind] ?? 0);
};

/** Leaf witness jobs carry base ids; node witness jobs and the proofs of rounds 1 and 2 recursion ids. */
function labelOf(kind: JobKind, round: number | null, circuitId: number | null): string {
  if (circuitId === null || round === 3 || round === 4) return '';
  const recursive = kind === 'node' || (kind === 'prover' && round !== 0);
  const base = recursive ? baseIdOf(circuitId) : circuitId;
  return `${base} ${BASE_CIRCUIT_NAMES[base] ?? 'unknown'}`;
}

/** A job that used up its attempts. */
export interface ExhaustedJob {
  kind: JobKind;
  id: number | null;
  batch: number;
  chainId: number;
  circuitId: number | null;
  round: number | null;
  status: string;
  attempts: number;
  error: string | null;
  /** Still within the time of its last attempt: it may yet succeed. */
  running: boolean;
}

type Limits = Record<JobKind, { timeoutMs: number; maxAttempts: number }>;

/** Jobs `failed` or `in_progress` that are not requeued any more; of one batch, or of all. One statement. */
export async function exhaustedJobs(
  db: Queryable,
  limits: Limits,
  of?: { batch: number; chainId: number },
): Promise<ExhaustedJob[]> {
  const parts = JOB_KINDS.map(
    (kind, index) =>
      `SELECT '${kind}', ${HAS_ID.has(kind) ? 'id' : 'NULL::bigint'}, l1_batch_number, chain_id, ${CIRCUIT[kind]}, status, attempts, error,
         status = 'in_progress' AND processing_started_at > NOW() - make_interval(secs => $${2 * index + 1})
       FROM ${TABLES[kind]} WHERE status IN ('failed', 'in_progress') AND attempts >= $${2 * index + 2}
       ${of ? 'AND l1_batch_number = $15 AND chain_id = $16' : ''}`,
  );
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT * FROM (${parts.join(' UNION ALL ')})
     AS e (kind, id, batch, chain_id, circuit_id, round, status, attempts, error, running)`,
    [
      ...JOB_KINDS.flatMap((kind) => [limits[kind].timeoutMs / 1000, limits[kind].maxAttempts]),
      ...(of ? [of.batch, of.chainId] : []),
    ],
  );
  return rows.map((row) => ({
    kind: row.kind as JobKind,
    id: row.id === null ? null : Number(row.id),
    batch: Number(row.batch),
    chainId: Number(row.chain_id),
    circuitId: row.circuit_id === null ? null : Number(row.circuit_id),
    round: row.round === null ? null : Number(row.round),
    status: String(row.status),
    attempts: Number(row.attempts),
    error: row.error === null ? null : String(row.error),
    running: row.running === true,
  }));
}

const HAS_ID: ReadonlySet<JobKind> = new Set(['leaf', 'node', 'prover']);
