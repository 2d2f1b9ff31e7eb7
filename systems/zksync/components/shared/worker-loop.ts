/** The loop of a worker: pick, run, and wait longer and longer while there is nothing to pick. */
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import { isConnectionError } from '../../../../lib/postgres.ts';
import type { Subscription } from './waker.ts';

export interface Backoff {
  /** First wait when there was nothing to pick; doubles up to `maxMs`. Upstream: 1 s, 5 s. */
  initialMs: number;
  maxMs: number;
  /** Where the doubling ends while notifications arrive, which wake the loop anyway; default `maxMs`. */
  idleMs?: number;
}

export interface WorkerLoop<J> {
  pick: () => Promise<J | undefined>;
  /** Handles the errors of the job itself; what it throws ends the loop. */
  run: (job: J) => Promise<void>;
  backoff: Backoff;
  /** Ends the waits early; one subscription per loop. */
  wakeup?: { subscription: Subscription; connected: () => boolean };
  /** Return after that many jobs. */
  maxJobs?: number;
  log: Logger;
  signal: AbortSignal;
}

/** Runs until the signal is aborted (then it returns, after the current job) or `maxJobs` is reached. */
export async function workerLoop<J>(loop: WorkerLoop<J>): Promise<void> {
  const { signal, backoff, maxJobs = Number.POSITIVE_INFINITY } = loop;
  const pick = tolerant('worker', loop.log, loop.pick);
  let waitMs = backoff.initialMs;
  for (let jobs = 0; jobs < maxJobs; ) {
    if (signal.aborted) return;
    const job = await pick();
    if (job !== undefined) {
      await loop.run(job);
      jobs++;
      waitMs = backoff.initialMs;
      continue;
    }
    const maxMs = loop.wakeup?.connected() ? Math.max(backoff.idleMs ?? 0, backoff.maxMs) : backoff.maxMs;
    const woken = await idle(loop, Math.min(waitMs, maxMs));
    waitMs = woken ? backoff.initialMs : Math.min(waitMs * 2, maxMs);
  }
}

/**
 * The database may be away for a while (restarted, killed, made anew): that is no reason to end. The call then answers
 * undefined; the log says it once, and once when the database is back.
 */
export function tolerant<T>(what: string, log: Logger, call: () => Promise<T>): () => Promise<T | undefined> {
  let away = false;
  return async () => {
    try {
      const result = await call();
      if (away) log.info(`${what}: the database is back`);
      away = false;
      return result;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      if (!away) log.warn(`${what}: database not available, trying again: ${(error as Error).message}`);
      away = true;
      return undefined;
    }
  };
}

async function idle<J>({ wakeup, signal }: WorkerLoop<J>, ms: number): Promise<boolean> {
  try {
    if (wakeup) return await wakeup.subscription.wait(ms, signal);
    await sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return false;
}

/** No such database, no such table. */
const NOT_SET_UP: readonly string[] = ['3D000', '42P01'];

/** Lost connection, or database or tables (dropped and) not made yet. */
export const isDatabaseAway = (error: unknown): boolean =>
  isConnectionError(error) || NOT_SET_UP.includes((error as { code?: string } | undefined)?.code ?? '');
