/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Thrown by `poll` when its time is up. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`not done within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

/** How `poll` asks: every `intervalMs`, growing by half to `maxIntervalMs` (default: no growth). */
export interface PollOptions {
  intervalMs: number;
  maxIntervalMs?: number;
  /** No limit when absent. */
  timeoutMs?: number;
  signal: AbortSignal;
}

/**
 * Calls `fn` until it gives something other than undefined. What `fn` throws is passed on; use a return value for "not yet".
 * @throws DeadlineError after `timeoutMs`; the signal's reason when aborted.
 */
export async function poll<T>(fn: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const { timeoutMs, signal, maxIntervalMs = options.intervalMs } = options;
  const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  let intervalMs = options.intervalMs;
  while (true) {
    signal.throwIfAborted();
    const value = await fn();
    if (value !== undefined) return value;
    const leftMs = end - performance.now();
    if (leftMs <= 0) throw new DeadlineError(timeoutMs as number);
    await sleep(Math.min(intervalMs, leftMs), signal);
    intervalMs = Math.min(intervalMs * 1.5, maxIntervalMs);
  }
}
