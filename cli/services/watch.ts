/** `devkit watch`: the job tables, tick by tick, until what is watched has its proof. */
import { sleep } from '../../lib/deadline.ts';
import { isConnectionError } from '../../lib/postgres.ts';
import type { JobReader, JobTick } from '../core/system.ts';
import type { ServiceContext } from './context.ts';
import type { WatchInput } from './inputs.ts';
import { openSystemDevnet } from './system-devnet.ts';

/** Ends with the tick that has an `outcome`. Components that die meanwhile are started again. */
export async function* watch(ctx: ServiceContext, input: WatchInput): AsyncGenerator<JobTick> {
  const devnet = await openSystemDevnet(ctx, { chain: input.chain });
  const running = new Set((await devnet.runtime.list()).map(({ id }) => id));
  const specs = devnet.specs.filter(({ id }) => running.has(id));
  const finished = new AbortController();
  const supervising = devnet.whileRunning(specs, (signal) => untilAborted(AbortSignal.any([signal, finished.signal])));
  supervising.catch(() => undefined); // its failure is thrown below, when the loop notices it
  try {
    yield* ticks(devnet.openJobs(), input, ctx.signal, supervising);
  } finally {
    finished.abort();
    await Promise.allSettled([supervising]);
  }
}

async function* ticks(
  opened: JobReader,
  input: WatchInput,
  signal: AbortSignal,
  supervising: Promise<void>,
): AsyncGenerator<JobTick> {
  await using jobs = opened;
  const until = input.timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + input.timeoutMs;
  while (Date.now() < until) {
    const tick = await jobs.tick(input.job).catch(orDatabaseAway);
    if (tick !== undefined) yield tick;
    if (tick?.outcome !== undefined) return;
    await Promise.race([sleep(input.intervalMs, signal), supervising]);
  }
}

/** The database may be killed and come back while we watch. */
function orDatabaseAway(error: unknown): undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (isConnectionError(at)) return;
  throw error;
}

/** Waits, and returns. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
