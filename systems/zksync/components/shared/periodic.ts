/** A loop that acts at an interval, earlier when woken, and less and less often while there is nothing to do. */
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import type { Subscription } from './waker.ts';
import { tolerant } from './worker-loop.ts';

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

/** Until aborted. While the database is away the loop goes on; other errors end it. */
export async function periodicLoop(loop: PeriodicLoop): Promise<void> {
  const { signal, intervalMs } = loop;
  const run = tolerant(loop.name, loop.log, loop.run);
  let waitMs = intervalMs;
  while (!signal.aborted) {
    const busy = (await run()) ?? false;
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
