/**
 * The kit as a library.
 *
 * ```ts
 * await using devnet = await createDevnet({ dir: '/tmp/my-devnet' });
 * await devnet.sendTransactions({ slots: 32, messages: 3 });
 * const receipt = await devnet.prove(); // seals what is pending
 * receipt.verdict; // 'accepted' or 'rejected'
 * ```
 */
import { resolve } from 'node:path';
import type { Aggregation } from '../systems/zksync/protocol/ids.ts';
import type { EventSink } from './core/events.ts';
import type { RuntimeName } from './core/types.ts';
import { batchList, batchSeal } from './services/batch.ts';
import { openServiceContext, type ServiceContext } from './services/context.ts';
import { downDespiteAbort, undoneOnFailure } from './services/down-devnet.ts';
import type {
  BatchRow,
  BatchSealResult,
  ProveResult,
  QuickstartInput,
  QuickstartResult,
  TxSendResult,
  VerifyResult,
  WatchTick,
} from './services/inputs.ts';
import { statusOf } from './services/lifecycle.ts';
import { prove } from './services/prove.ts';
import { CHAIN, quickstart, setUpDevnet } from './services/quickstart.ts';
import { allSpecs, ensureVersionRow, startComponents } from './services/start.ts';
import type { DevnetStatus } from './services/status.ts';
import { txSend } from './services/traffic.ts';
import { verifyBatch } from './services/verify.ts';
import { watch } from './services/watch.ts';

export { DevkitError, ERROR_CODES, type ErrorCode, EXIT } from './core/errors.ts';
export type { DevkitEvent, EventSink } from './core/events.ts';
export type {
  BatchRow,
  BatchSealResult,
  ProveResult,
  QuickstartInput,
  QuickstartResult,
  Receipt,
  TxSendResult,
  VerifierCheck,
  VerifyResult,
  WatchTick,
} from './services/inputs.ts';
export {
  createMarket,
  type FlowResult,
  type MarketClient,
  type MarketDevnet,
  type MarketOptions,
} from './services/market/library.ts';
export type { DevnetStatus } from './services/status.ts';

export interface DevnetOptions {
  /** Workspace folder; made if it is not there. */
  dir: string;
  /** Default `default`. */
  name?: string;
  /** Default `linked`. */
  aggregation?: Aggregation;
  /** Default: processes. A devnet keeps what it was made with. */
  runtime?: RuntimeName;
  /** `dev` (default), `ignition`, or the folder of a reference string. */
  crs?: string;
  /** Hears what happens. */
  onEvent?: EventSink;
  /** Aborts whatever is going on. */
  signal?: AbortSignal;
  /** On disposal also remove databases, chain state and logs. Default true. */
  removeOnDispose?: boolean;
}

/** A running devnet. Disposing it stops everything it started. */
export interface Devnet extends AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  /** Folder with ZkStack.yaml. */
  readonly ecosystemDir: string;
  /** Signed L2 transactions; defaults: 32 slots, 2 messages, 1 transfer. */
  sendTransactions(options?: { slots?: number; messages?: number; transfers?: number }): Promise<TxSendResult>;
  sealBatch(options?: { timeoutMs?: number }): Promise<BatchSealResult>;
  batches(options?: { limit?: number }): Promise<BatchRow[]>;
  /** Starts what is missing, waits for the proof, verifies it. @throws DevkitError JOB_FAILED, TIMED_OUT */
  prove(options?: { batch?: number; timeoutMs?: number }): Promise<ProveResult>;
  /** Job counts until the batch has its proof. */
  watch(options?: { batch?: number; intervalMs?: number; timeoutMs?: number }): AsyncIterable<WatchTick>;
  verifyBatch(options: { batch: number; proof?: string }): Promise<VerifyResult>;
  status(): Promise<DevnetStatus>;
  /** Stops it; its data stays. */
  down(): Promise<void>;
}

/**
 * Makes a devnet with one chain (or uses the one that is there) and starts it. A start that fails is undone, unless some of it ran before.
 * @throws DevkitError ALREADY_EXISTS when it is there with another aggregation or reference string
 */
export async function createDevnet(options: DevnetOptions): Promise<Devnet> {
  const ctx = contextOf(options);
  return undoneOnFailure(ctx, async () => {
    const { aggregation = 'linked', crs = 'dev' } = options;
    const devnet = await setUpDevnet(ctx, { aggregation, crs });
    await ensureVersionRow(devnet);
    await startComponents(devnet, await allSpecs(devnet));
    return handle(devnet.ctx, options);
  });
}

/** From nothing to a verified batch, as `devkit quickstart`. The devnet stays up. */
export const quickstartDevnet = (
  options: DevnetOptions & Partial<Pick<QuickstartInput, 'slots' | 'messages' | 'timeoutMs'>>,
): Promise<QuickstartResult> =>
  quickstart(contextOf(options), {
    aggregation: options.aggregation ?? 'linked',
    crs: options.crs ?? 'dev',
    slots: options.slots ?? 32,
    messages: options.messages ?? 4,
    timeoutMs: options.timeoutMs,
  });

function contextOf(options: DevnetOptions): ServiceContext {
  const dir = resolve(options.dir);
  return openServiceContext({
    cwd: dir,
    workspace: dir,
    devnet: options.name ?? 'default',
    system: 'zksync',
    runtime: options.runtime,
    emit: options.onEvent ?? (() => {}),
    signal: options.signal ?? new AbortController().signal,
  });
}

function handle(ctx: ServiceContext, options: DevnetOptions): Devnet {
  const chain = CHAIN;
  return {
    name: ctx.paths.name,
    dir: ctx.paths.workspace,
    ecosystemDir: ctx.paths.defaultEcosystemDir,
    sendTransactions: ({ slots = 32, messages = 2, transfers = 1 } = {}) =>
      txSend(ctx, { chain, slots, messages, transfers }),
    sealBatch: ({ timeoutMs } = {}) => batchSeal(ctx, { chain, timeoutMs }),
    batches: async ({ limit = 20 } = {}) => (await batchList(ctx, { chain, limit })).batches,
    prove: ({ batch, timeoutMs } = {}) => prove(ctx, { chain, batch, timeoutMs }),
    watch: ({ batch, intervalMs = 500, timeoutMs } = {}) =>
      watch(ctx, { chain, job: batch?.toString(), intervalMs, timeoutMs }) as AsyncIterable<WatchTick>,
    verifyBatch: ({ batch, proof }) => verifyBatch(ctx, { chain, batch, proof }),
    status: () => statusOf(ctx),
    down: async () => {
      await downDespiteAbort(ctx, { removeData: false });
    },
    [Symbol.asyncDispose]: async () => {
      await downDespiteAbort(ctx, { removeData: options.removeOnDispose ?? true });
    },
  };
}
