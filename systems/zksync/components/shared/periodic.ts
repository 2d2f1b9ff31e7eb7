/** A loop that acts at an interval, earlier when woken, and less and less often while there is nothing to do. */
import { sleep } from '../../../../lib/deadline.ts';
import type { Logger } from './log.ts';
import type { Subscription } from './waker.ts';
import { isConnectionError } from './worker-loop.ts';

export interface PeriodicLoop {
  name: string;
  intervalMs: number;
  /** Longest interval, as of now, while `run` keeps finding nothing; default: no stretching. */
  idleIntervalMs?: () => number;
  /** Answers whether there was something to do. */
  run: () => Promise<boolean>;
  wait: Subscription['wait'];
  /** Woken: run at once, or only go back to the short interval. */
  onWake: 'run' | 'shorten';
  log: Logger;
  signal: AbortSignal;
}

/** Until aborted. Errors of the database connection are logged and the loop goes on; other errors end it. */
export async function periodicLoop(loop: PeriodicLoop): Promise<void> {
  const { signal, intervalMs } = loop;
  let waitMs = intervalMs;
  while (!signal.aborted) {
    const busy = await runOrLog(loop);
    const maxMs = Math.max(loop.idleIntervalMs?.() ?? 0, intervalMs);
    waitMs = busy ? intervalMs : Math.min(waitMs * 2, maxMs);
    try {
      if (!(await loop.wait(waitMs, signal))) continue;
      waitMs = intervalMs;
      if (loop.onWake === 'shorten') await sleep(intervalMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function runOrLog({ name, run, log }: PeriodicLoop): Promise<boolean> {
  try {
    return await run();
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    log.warn(`${name}: database not reachable, trying again: ${(error as Error).message}`);
    return false;
  }
}
