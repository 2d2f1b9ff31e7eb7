/** Orders in the kit's one job model: created = queued, processing = in progress, completed = successful, withdrawn = failed. */
import { DevkitError } from '../../cli/core/errors.ts';
import type { JobReader, JobTick } from '../../cli/core/system.ts';
import type { JobGroup } from '../../cli/core/types.ts';
import type { Pool } from '../../lib/postgres.ts';
import { openMarketDb } from './protocol/db.ts';
import {
  changedOrders,
  countOrders,
  type OrderCounts,
  type OrderJob,
  openOrders,
  orderAndCounterpart,
} from './protocol/jobs.ts';
import { toKey } from './protocol/validation.ts';

export type { OrderJob } from './protocol/jobs.ts';

/** `orders`: of one order, itself and its counterpart; of all, what is open at the first look and what changed at each later one. */
export interface MarketTick extends JobTick {
  orders: OrderJob[];
}

const SHOWN = 100;
/** Changes become visible when their transaction ends, which may be a little after the time they carry. */
const OVERLAP_MS = 2_000;

export interface MarketJobs extends JobReader {
  /** @throws DevkitError NOT_FOUND for an order that is not there */
  tick(job?: string): Promise<MarketTick>;
}

/** Follows all orders of a market, or one by its key. */
export function openMarketJobs(databaseUrl: string): MarketJobs {
  const pool = openMarketDb(databaseUrl, { max: 2 });
  const looks: Looks = { said: new Map() };
  return {
    tick: async (job) => (job === undefined ? allOrders(pool, looks) : oneOrder(pool, job)),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** What earlier looks at all orders have told. */
interface Looks {
  /** Changes before that time were seen; absent: the first look is still to come. */
  since?: number;
  /** By order. */
  said: Map<string, string>;
}

async function oneOrder(pool: Pool, job: string): Promise<MarketTick> {
  const now = Date.now();
  const key = toKey(job);
  const orders = key === undefined ? [] : await orderAndCounterpart(pool, key, now);
  const [order] = orders;
  if (order === undefined) {
    throw new DevkitError('NOT_FOUND', `there is no order ${job} in this market`, {
      hint: 'devkit market bid get, devkit market ask get   (list them)',
    });
  }
  const state = order.verifying ? 'verifying' : order.status;
  return { ...tick(now, state, await countOrders(pool)), ...outcomeOf(order), orders };
}

const outcomeOf = ({ status }: OrderJob): Pick<JobTick, 'outcome'> =>
  status === 'completed' ? { outcome: 'done' } : status === 'withdrawn' ? { outcome: 'failed' } : {};

async function allOrders(pool: Pool, looks: Looks): Promise<MarketTick> {
  const now = Date.now();
  const { said, since } = looks;
  const changed = await changedOrders(pool, { since: since ?? now - OVERLAP_MS, now, limit: 10 * SHOWN });
  const found = since === undefined ? await openOrders(pool, { now, limit: SHOWN }) : changed;
  const orders = found.filter((order) => said.get(order.key) !== textOf(order));
  // at the first look too: what has ended just before is no news later
  for (const order of [...changed, ...orders]) said.set(order.key, textOf(order));
  looks.since = now - OVERLAP_MS;
  const counts = await countOrders(pool);
  const busy = counts.some((one) => one.counts.processing > 0);
  const open = counts.some((one) => one.counts.created > 0);
  return { ...tick(now, busy ? 'proving' : open ? 'open' : 'idle', counts), orders };
}

/** What people see of an order: news when it differs. */
const textOf = ({ status, counterpart, verifying }: OrderJob): string => `${status} ${counterpart} ${verifying}`;

const tick = (now: number, state: string, counts: readonly OrderCounts[]): JobTick => ({
  at: new Date(now).toISOString(),
  state,
  groups: counts.map(toGroup),
});

const toGroup = ({ side, statementKey, statementName, counts }: OrderCounts): JobGroup => ({
  stage: side === 'bid' ? 'bids' : 'asks',
  kind: `${statementKey} ${statementName}`,
  queued: counts.created,
  waiting: 0,
  inProgress: counts.processing,
  successful: counts.completed,
  failed: counts.withdrawn,
});
