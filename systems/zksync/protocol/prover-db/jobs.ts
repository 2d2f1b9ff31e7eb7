/** Job rows as values. */
import type { ProtocolVersion, Round } from '../ids.ts';

export const TABLES = {
  basic: 'witness_inputs_fri',
  leaf: 'leaf_aggregation_witness_jobs_fri',
  node: 'node_aggregation_witness_jobs_fri',
  tip: 'recursion_tip_witness_jobs_fri',
  scheduler: 'scheduler_witness_jobs_fri',
  prover: 'prover_jobs_fri',
  compression: 'proof_compression_jobs_fri',
} as const;

export type JobKind = keyof typeof TABLES;
/** In the order of the pipeline. */
export const JOB_KINDS = Object.keys(TABLES) as readonly JobKind[];
/** Witness jobs by round. */
export const WITNESS_KINDS = ['basic', 'leaf', 'node', 'tip', 'scheduler'] as const;
export type WitnessKind = (typeof WITNESS_KINDS)[number];

export type WitnessStatus =
  | 'queued'
  | 'in_progress'
  | 'successful'
  | 'failed'
  | 'skipped'
  | 'waiting_for_artifacts'
  | 'waiting_for_proofs';
export type ProverStatus = 'queued' | 'in_progress' | 'successful' | 'failed' | 'skipped' | 'ignored' | 'in_gpu_proof';
export type CompressionStatus = 'queued' | 'in_progress' | 'successful' | 'failed' | 'sent_to_server' | 'skipped';

/** Of every job that a worker has picked. The last three say which claim it is: a save by another claim changes nothing. */
export interface PickedJob {
  batch: number;
  chainId: number;
  version: ProtocolVersion;
  priority: number;
  /** Database text of the time, passed on unchanged to the rows that follow. */
  batchSealedAt: string;
  pickedBy: string;
  attempt: number;
  /** Database text, microseconds. */
  claimedAt: string;
}

export interface BasicJob extends PickedJob {
  kind: 'basic';
}

export interface LeafJob extends PickedJob {
  kind: 'leaf';
  id: number;
  /** Base circuit id. */
  circuitId: number;
  /** Number of round-0 proofs. */
  count: number;
}

export interface NodeJob extends PickedJob {
  kind: 'node';
  id: number;
  /** Recursion-layer leaf id. */
  circuitId: number;
  depth: number;
  /** Number of proofs below: round 1 at depth 0, round 2 of this depth above. */
  count: number;
}

export interface TipJob extends PickedJob {
  kind: 'tip';
  /** Number of final node proofs. */
  count: number;
}

export interface SchedulerJob extends PickedJob {
  kind: 'scheduler';
}

export interface ProverJob extends PickedJob {
  kind: 'prover';
  id: number;
  circuitId: number;
  round: Round;
  sequence: number;
  depth: number;
  isNodeFinalProof: boolean;
}

export interface CompressionJob extends PickedJob {
  kind: 'compression';
}

export type WitnessJob = BasicJob | LeafJob | NodeJob | TipJob | SchedulerJob;
export type Job = WitnessJob | ProverJob | CompressionJob;

/** `batch 3 of chain 271, prover job 17`: for log lines and errors. */
export function describeJob(job: Job): string {
  const id = 'id' in job ? ` ${job.id}` : '';
  return `${job.kind} job${id} of batch ${job.batch}, chain ${job.chainId}`;
}
