/** The frame of every component's main program: name, log, stop signals, exit code. */
import { randomBytes } from 'node:crypto';
import { createLog, type Logger } from './log.ts';
import { Refusal } from './refusal.ts';

export interface ComponentContext {
  log: Logger;
  /** Aborted by SIGINT or SIGTERM; `main` then has `graceMs` to end. */
  signal: AbortSignal;
  /** Under which this process takes work; unique. */
  podName: string;
  /** `POD_NAME` was given: work taken under it is this process's own, from an earlier life. */
  podNameGiven: boolean;
}

export interface ComponentOptions {
  /** Time to finish after a stop signal. */
  graceMs?: number;
}

const DEFAULT_GRACE_MS = 5_000;
const EXIT = { ok: 0, failed: 1, refused: 2 } as const;

/**
 * Runs a component until it ends or is told to stop, then ends the process: 0 when `main` returned or a stop was clean, 2 for a
 * refusal, 1 for the rest. A second signal ends it at once.
 */
export async function runComponent(
  name: string,
  main: (context: ComponentContext) => Promise<void>,
  { graceMs = DEFAULT_GRACE_MS }: ComponentOptions = {},
): Promise<never> {
  const log = createLog(name);
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    log.info({ signal, graceMs }, 'stopping');
    controller.abort(new StopError(signal));
    setTimeout(() => {
      log.error(`not done ${graceMs} ms after ${signal}, giving up`);
      process.exit(EXIT.failed);
    }, graceMs).unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const given = process.env.POD_NAME;
  const podName = given || `${name}-${randomBytes(4).toString('hex')}`;
  try {
    log.info({ pod: podName, pid: process.pid }, 'starting');
    await main({ log, signal: controller.signal, podName, podNameGiven: Boolean(given) });
    log.info('stopped');
    process.exit(EXIT.ok);
  } catch (error) {
    process.exit(exitCodeOf(error, controller.signal, log));
  }
}

/** Reason of the abort after a stop signal. */
export class StopError extends Error {
  override readonly name = 'StopError';

  constructor(signal: string) {
    super(`stopped by ${signal}`);
  }
}

function exitCodeOf(error: unknown, signal: AbortSignal, log: Logger): number {
  if (signal.aborted && (error === signal.reason || isAbort(error))) {
    log.info('stopped');
    return EXIT.ok;
  }
  if (error instanceof Refusal) {
    log.fatal(error.message);
    return EXIT.refused;
  }
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  return EXIT.failed;
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
