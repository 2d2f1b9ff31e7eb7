/** Failures of the database that pass by themselves: it is down, restarting, or not set up yet. */
import { isConnectionError } from '../../../../lib/postgres.ts';
import { retry } from '../../../../lib/retry.ts';

/** No such database, no such table. */
const NOT_SET_UP = new Set(['3D000', '42P01']);

const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? '';

/** Whether waiting may help at the start of a component. */
export const isOutage = (error: unknown): boolean => isConnectionError(error) || NOT_SET_UP.has(codeOf(error));

/** One line for people. */
export function outageText(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const message = first instanceof Error && first.message !== '' ? first.message : codeOf(error) || String(error);
  return NOT_SET_UP.has(codeOf(error)) ? `${message}: run: devkit prover init` : message;
}

const RETRY_MS = 100;
/** Work that is done does not wait longer than this for a database that is away. */
const PATIENCE_MS = 60_000;

/** Repeats a write until the database is back, so that finished work is not lost. Only for writes that are safe to repeat. */
export function persist<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retry(write, { attempts: PATIENCE_MS / RETRY_MS, delayMs: RETRY_MS, retryIf: isConnectionError, signal });
}
