/**
 * Inputs and results of the services behind the commands. Every service is
 * `(ctx: ServiceContext, input: …Input) => Promise<…Result>` (or an async iterable for streams) and knows no flags.
 * Results are what `--json` prints, beside `schemaVersion`; their zod schemas are in `results.ts`.
 */

import type { Aggregation } from '../../systems/zksync/protocol/ids.ts';
import type { JobTick } from '../core/system.ts';
import type { RuntimeName } from '../core/types.ts';
import type { StackOptions } from './stack.ts';

/** Which chain, where the system has several; absent: the ecosystem's default chain. */
export interface ChainChoice {
  chain?: string | undefined;
}

// ---------------------------------------------------------------- quickstart, prove, watch, verify

/** `cli/services/quickstart.ts`: `quickstart(ctx, input): Promise<QuickstartResult>` */
export interface QuickstartInput {
  aggregation: Aggregation;
  /** `dev`, `ignition` or the folder of a CRS. */
  crs: string;
  /** Distinct contract slots that the batch writes. */
  slots: number;
  /** L2 to L1 messages in the batch. */
  messages: number;
  timeoutMs?: number | undefined;
}

export type Verdict = 'accepted' | 'rejected';

export interface VerifierCheck {
  /** `bundle`, `api` or `l1`. */
  verifier: string;
  /** What this verifier's answer says: `batch`, or only that the public values `links`. */
  attests: 'batch' | 'links';
  verdict: Verdict;
  /** Why it was rejected, or what the verifier answered. */
  reason?: string | undefined;
}

export interface StageTime {
  name: string;
  wallMs: number;
  cpuMs?: number | undefined;
}

/** The receipt: what was proven, by what, and who accepted it. Also written beside the proof. */
export interface Receipt {
  verdict: Verdict;
  system: 'zksync';
  variant: 'reference' | 'upstream';
  aggregation: Aggregation;
  crs: string;
  batch: number;
  chainId: number;
  protocolVersion: string;
  /** Program name to version, e.g. `bb` → `bb 5.0.0, dev G2`. */
  programs: Record<string, string>;
  /** Key name to hash. */
  keyHashes: Record<string, string>;
  oldRoot: string;
  newRoot: string;
  records: number;
  messages: number;
  proofFile: string;
  proofBytes: number;
  stages: StageTime[];
  checks: VerifierCheck[];
}

export interface ProveResult extends Receipt {
  receiptFile: string;
}

export interface QuickstartResult extends ProveResult {
  devnet: string;
  /** Damaged copies of the proof that were submitted: all of them must be rejected. */
  badCopies: { name: string; verdict: Verdict; reason?: string | undefined }[];
  executedOnL1: boolean;
  /** The next commands to try. */
  next: string[];
}

/** `cli/services/prove.ts`: `prove(ctx, input): Promise<ProveResult>`; starts what is missing, waits, verifies. */
export interface ProveInput extends ChainChoice {
  /** Absent: the newest sealed batch that is not verified, or a fresh one. */
  batch?: number | undefined;
  timeoutMs?: number | undefined;
}

/** `cli/services/watch.ts`: `watch(ctx, input): AsyncIterable<JobTick>`; ends when what is watched has its proof. */
export interface WatchInput extends ChainChoice {
  /** Number of a batch, key of an order; absent: the newest, or all. */
  job?: string | undefined;
  intervalMs: number;
  timeoutMs?: number | undefined;
}

/** Of a batch: `state` is `waiting`, `proving`, `compressing`, `proven` or `failed`. */
export interface WatchTick extends JobTick {
  batch: number | null;
  chainId: number | null;
}

/** `cli/services/verify.ts`: `verifyBatch(ctx, input): Promise<VerifyResult>` */
export interface VerifyInput extends ChainChoice {
  batch: number;
  /** Absolute path of a proof file; absent: the prover's own store. */
  proof?: string | undefined;
}

export interface VerifyResult {
  batch: number;
  chainId: number;
  aggregation: Aggregation;
  crs: string;
  proofFile: string;
  verdict: Verdict;
  checks: VerifierCheck[];
}

// ---------------------------------------------------------------- one component per terminal

export const PROVER_COMPONENTS = [
  'gateway',
  'witness-generator',
  'circuit-prover',
  'compressor',
  'prover-job-monitor',
] as const;
export type ProverComponent = (typeof PROVER_COMPONENTS)[number];

export const WITNESS_ROUNDS = [
  'all-rounds',
  'basic-circuits',
  'leaf-aggregation',
  'node-aggregation',
  'recursion-tip',
  'scheduler',
] as const;
export type WitnessRound = (typeof WITNESS_ROUNDS)[number];

/**
 * `cli/services/prover-run.ts`: `proverRun(ctx, input): Promise<ProverRunResult>`; in the foreground until Ctrl-C.
 * `all` runs every prover component and restarts those that die.
 */
export type ProverRunInput = ChainChoice & {
  /** `--stack`, `--variant`, `--tag`. */
  stack?: StackOptions | undefined;
} & (
    | { all: true; threads?: number | undefined }
    | {
        all: false;
        component: ProverComponent;
        /** Absent: as the devnet runs. */
        runtime?: RuntimeName | undefined;
        /** witness-generator only. */
        round?: WitnessRound | undefined;
        /** circuit-prover only: either threads, or both counts. */
        threads?: number | undefined;
        lightWvgCount?: number | undefined;
        heavyWvgCount?: number | undefined;
        /** circuit-prover only, bytes of VRAM. */
        maxAllocation?: number | undefined;
        /** compressor only. */
        mode?: 'plonk' | 'fflonk' | undefined;
      }
  );

export interface ProverRunResult {
  components: { id: string; exitCode: number | null; signal: string | null; restarts: number }[];
}

/** `cli/services/server.ts`: `serverRun(ctx, input): Promise<ServerRunResult>`; in the foreground until Ctrl-C. */
export interface ServerRunInput extends ChainChoice {
  /** Absent: the kit's proving list. */
  components?: string[] | undefined;
  /** Run genesis, then end. */
  genesis: boolean;
  /** `--stack`, `--variant`, `--tag`. */
  stack?: StackOptions | undefined;
}

export interface ServerRunResult {
  exitCode: number | null;
  signal: string | null;
}

/** `cli/services/server.ts`: `serverWait(ctx, input): Promise<ServerWaitResult>` */
export interface ServerWaitInput extends ChainChoice {
  /** Absent: no limit. */
  timeoutMs?: number | undefined;
  pollIntervalMs: number;
}

export interface ServerWaitResult {
  url: string;
  waitedMs: number;
}

// ---------------------------------------------------------------- traffic, batches, keys

/** `cli/services/traffic.ts`: `txSend(ctx, input): Promise<TxSendResult>`; signed L2 transactions. */
export interface TxSendInput extends ChainChoice {
  /** Distinct contract slots to write; every fourth is written again. */
  slots: number;
  messages: number;
  transfers: number;
}

export interface TxSendResult {
  chainId: number;
  contract: string | null;
  transactions: { hash: string; kind: 'deploy' | 'store' | 'transfer' | 'message'; block: number }[];
}

export interface BatchRow {
  number: number;
  chainId: number;
  sealedAt: string | null;
  records: number | null;
  messages: number | null;
  /** Newest state that holds: `sealed`, `proving`, `proven`, `committed`, `verified`, `executed`. */
  state: string;
}

/** `cli/services/batch.ts`: `batchList(ctx, input): Promise<BatchListResult>` */
export interface BatchListInput extends ChainChoice {
  limit: number;
}

export interface BatchListResult {
  batches: BatchRow[];
}

/** `cli/services/batch.ts`: `batchSeal(ctx, input): Promise<BatchSealResult>`; waits until the batch is sealed. */
export interface BatchSealInput extends ChainChoice {
  timeoutMs?: number | undefined;
}

export interface BatchSealResult {
  batch: BatchRow;
}
