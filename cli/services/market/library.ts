/**
 * The library's part for the proof market; `cli/index.ts` exports it.
 *
 * ```ts
 * await using market = await createMarket({ dir: '/tmp/my-market' });
 * const bid = await (await market.client('requester')).bids.push({ statement_key: '32326', cost: 2, input }, signal);
 * const { verdict } = await market.flow(); // or the whole guide
 * ```
 */
import { resolve } from 'node:path';
import type { MarketClient } from '../../../systems/proof-market/protocol/client/client.ts';
import type { EventSink } from '../../core/events.ts';
import type { RuntimeName } from '../../core/types.ts';
import { openServiceContext } from '../context.ts';
import { downDespiteAbort, undoneOnFailure } from '../down-devnet.ts';
import { envOf, statusOf } from '../lifecycle.ts';
import type { DevnetStatus } from '../status.ts';
import { up } from '../up.ts';
import { type FlowResult, marketFlow } from './flow.ts';
import { actAs, openMarket } from './session.ts';

export type { MarketClient } from '../../../systems/proof-market/protocol/client/client.ts';
export type { FlowResult } from './flow.ts';

export interface MarketOptions {
  /** Workspace folder; made if it is not there. */
  dir: string;
  /** Default `default`. */
  name?: string;
  /** Default: processes. A devnet keeps what it was made with. */
  runtime?: RuntimeName;
  /** Hears what happens. */
  onEvent?: EventSink;
  /** Aborts whatever is going on. */
  signal?: AbortSignal;
  /** On disposal also remove database and logs. Default true. */
  removeOnDispose?: boolean;
}

/** A running market. Disposing it stops everything it started. */
export interface MarketDevnet extends AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  /** Root of the API, with a slash at its end. */
  readonly url: string;
  /** As `devkit env`. */
  readonly variables: Readonly<Record<string, string>>;
  /** The API as a user whose login is kept: `requester`, `producer`, or one that `market user signup` made. @throws DevkitError NOT_FOUND */
  client(user: string): Promise<MarketClient>;
  /** The guide from bid to proof. @throws DevkitError JOB_FAILED, TIMED_OUT */
  flow(options?: { cost?: number; timeoutMs?: number }): Promise<FlowResult>;
  status(): Promise<DevnetStatus>;
  /** Stops it; its data stays. */
  down(): Promise<void>;
}

/** Makes a market (or uses the one that is there) and starts it. A start that fails is undone, unless some of it ran before. */
export async function createMarket(options: MarketOptions): Promise<MarketDevnet> {
  const { signal = new AbortController().signal } = options;
  const dir = resolve(options.dir);
  const ctx = openServiceContext({
    cwd: dir,
    workspace: dir,
    devnet: options.name ?? 'default',
    system: 'proof-market',
    runtime: options.runtime,
    emit: options.onEvent ?? (() => {}),
    signal,
  });
  const stop = async (removeData: boolean): Promise<void> => {
    await downDespiteAbort(ctx, { removeData });
  };
  await undoneOnFailure(ctx, () => up(ctx, { plan: false }));
  const session = await openMarket(ctx);
  const { variables } = await envOf(ctx, {});
  return {
    name: ctx.paths.name,
    dir,
    url: session.url,
    variables,
    client: async (user) => (await actAs(session, { user }, user)).client,
    flow: ({ cost = 2, timeoutMs } = {}) => marketFlow(ctx, { cost, timeoutMs }),
    status: () => statusOf(ctx),
    down: () => stop(false),
    [Symbol.asyncDispose]: () => stop(options.removeOnDispose ?? true),
  };
}
