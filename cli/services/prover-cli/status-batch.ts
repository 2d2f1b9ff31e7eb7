/** `status batch`: upstream's texts, for the right chain id. */
import { BASE_CIRCUIT_NAMES, baseIdOf, ROUND } from '../../../systems/zksync/protocol/ids.ts';
import {
  type BatchStatus,
  batchStages,
  batchStatus,
  type JobState,
  type ProverJobState,
  proverStageStatus,
  STATUS_TEXT,
  type Stage,
  type StageStatus,
  witnessStageStatus,
} from '../../../systems/zksync/protocol/prover-db/status.ts';
import { withProverDb } from '../ecosystem/protocol-versions.ts';

export interface StatusBatchInput {
  batches: readonly number[];
  /** Absent: every chain id that the batch has rows under. */
  chainId?: number | undefined;
  maxFailureAttempts: number;
}

export interface BatchReport {
  batch: number;
  /** Null: no such batch. */
  chainId: number | null;
  sentToServer: boolean;
  stages: StageReport[];
}

interface StageReport {
  name: string;
  round: number | null;
  status: StageStatus;
  proverStatus?: StageStatus | undefined;
  /** Per kind of circuit, for `--verbose`. */
  witnessJobs: { circuit: string; status: StageStatus }[];
  proverJobs: CircuitReport[];
}

interface CircuitReport {
  circuit: string;
  status: StageStatus;
  counts: { total: number; successful: number; inProgress: number; queued: number; failed: number };
  stuck: { id: number; attempts: number }[];
}

export async function statusBatch(url: string, input: StatusBatchInput): Promise<{ batches: BatchReport[] }> {
  return withProverDb(url, async (pool) => {
    const batches: BatchReport[] = [];
    for (const batch of input.batches) {
      const found = await batchStatus(pool, batch, input.chainId);
      if (found.length === 0) batches.push({ batch, chainId: null, sentToServer: false, stages: [] });
      for (const status of found) batches.push(reportOf(status, input.maxFailureAttempts));
    }
    return { batches };
  });
}

function reportOf(status: BatchStatus, max: number): BatchReport {
  const { batch, chainId } = status;
  if (status.compression?.status === 'sent_to_server') return { batch, chainId, sentToServer: true, stages: [] };
  if (status.witness.basic.length === 0) return { batch, chainId: null, sentToServer: false, stages: [] };
  return {
    batch,
    chainId,
    sentToServer: false,
    stages: batchStages(status, max).map((stage) => stageReport(status, stage, max)),
  };
}

function stageReport(status: BatchStatus, stage: Stage, max: number): StageReport {
  const { round } = stage;
  const proofs = status.prover.filter((job) => job.round === round);
  const witness = round === ROUND.leaf ? status.witness.leaf : round === ROUND.node ? status.witness.node : [];
  return {
    ...stage,
    witnessJobs: byCircuit(witness, (job) => circuitName(job.circuitId ?? 0, round === ROUND.node)).map(
      ([circuit, jobs]) => ({ circuit, status: witnessStageStatus(jobs, max) }),
    ),
    proverJobs: byCircuit(proofs, (job) => circuitName(job.circuitId, round !== ROUND.basic)).map(([circuit, jobs]) =>
      circuitReport(circuit, jobs, max),
    ),
  };
}

const byCircuit = <T>(jobs: readonly T[], name: (job: T) => string): [string, T[]][] => [...Map.groupBy(jobs, name)];

const circuitName = (id: number, recursion: boolean): string =>
  BASE_CIRCUIT_NAMES[recursion ? baseIdOf(id) : id] ?? `circuit ${id}`;

function circuitReport(circuit: string, jobs: readonly ProverJobState[], max: number): CircuitReport {
  const count = (...statuses: string[]): number => jobs.filter((job) => statuses.includes(job.status)).length;
  const isStuck = (job: JobState): boolean => ['failed', 'in_progress'].includes(job.status) && job.attempts >= max;
  return {
    circuit,
    status: proverStageStatus(jobs, max),
    counts: {
      total: jobs.length,
      successful: count('successful'),
      inProgress: count('in_progress', 'in_gpu_proof'),
      queued: count('queued'),
      failed: count('failed'),
    },
    stuck: jobs.filter(isStuck).map(({ id, attempts }) => ({ id, attempts })),
  };
}

/** Upstream's output (without the bold of the title, which `bold` adds). */
export function batchLines(report: BatchReport, options: { verbose: boolean; bold(text: string): string }): string[] {
  const title = `== ${options.bold(`Batch ${report.batch} Status`)} ==`;
  if (report.sentToServer) return [title, '> Proof sent to server ✅'];
  if (report.stages.length === 0) return [title, '> No batch found. 🚫'];
  const chain = report.chainId === 0 ? [] : [`> Chain id ${report.chainId}`];
  return [title, ...chain, ...report.stages.flatMap((stage) => stageLines(stage, options.verbose))];
}

function stageLines(stage: StageReport, verbose: boolean): string[] {
  const header = stage.round === null ? '-- Proof Compression --' : `-- Aggregation Round ${stage.round} --`;
  const expanded = verbose && stage.status !== 'successful' && stage.witnessJobs.length > 0;
  const mark = verbose ? (expanded ? 'v ' : '> ') : '';
  const lines = ['', header, `${mark}${stage.name}: ${STATUS_TEXT[stage.status]}`];
  if (expanded) lines.push(...stage.witnessJobs.map((job) => `   > ${job.circuit}: ${STATUS_TEXT[job.status]}`));
  const shown = stage.status === 'inProgress' || stage.status === 'successful';
  if (stage.proverStatus === undefined || !shown) return lines;
  const open = verbose && (stage.proverStatus === 'inProgress' || stage.proverStatus === 'stuck');
  lines.push(`${open ? 'v' : '>'} Prover Jobs: ${STATUS_TEXT[stage.proverStatus]}`);
  if (open) lines.push(...stage.proverJobs.flatMap(circuitLines));
  return lines;
}

function circuitLines({ circuit, status, counts, stuck }: CircuitReport): string[] {
  const lines = [`   > ${circuit}: ${STATUS_TEXT[status]}`];
  if (status === 'inProgress') {
    lines.push(
      `     - Total jobs: ${counts.total}`,
      `     - Successful: ${counts.successful}`,
      `     - In Progress: ${counts.inProgress}`,
      `     - Queued: ${counts.queued}`,
      `     - Failed: ${counts.failed}`,
    );
  }
  lines.push(...stuck.map(({ id, attempts }) => `     - Prover Job: ${id} stuck after ${attempts} attempts`));
  return lines;
}
