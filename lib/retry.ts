import { sleep } from './deadline.ts';

export interface RetryOptions {
  /** Number of calls at most, the first included. */
  attempts: number;
  /** Wait before each further call. */
  delayMs: number;
  /** Whether this error is worth another try; default: every error. */
  retryIf?: (error: unknown) => boolean;
  signal: AbortSignal;
}

/** Calls `fn` until it succeeds; throws its last error when the attempts are used up or `retryIf` says no. */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (error) {
      if (attempt >= options.attempts || options.signal.aborted || options.retryIf?.(error) === false) throw error;
    }
    await sleep(options.delayMs, options.signal);
  }
}
