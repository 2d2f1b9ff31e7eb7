/** The frame of every component's main program: log, stop signals, exit code. */
import { createLog, type Logger } from './log.ts';

export interface ComponentContext {
  log: Logger;
  /** Aborted by SIGINT or SIGTERM; `main` then has `graceMs` to end. */
  signal: AbortSignal;
}

export interface ComponentOptions {
  /** Time to finish after a stop signal. */
  graceMs?: number;
}

/** A command line that cannot be used: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A configuration file that cannot be used: exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const DEFAULT_GRACE_MS = 5_000;
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/**
 * Runs a component until it ends or is told to stop, then ends the process: 0 when `main` returned or a stop was clean, 2 for a
 * command line or configuration that cannot be used, 1 for the rest. A second signal ends it at once.
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
  try {
    log.info({ pid: process.pid }, 'starting');
    await main({ log, signal: controller.signal });
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
  if (signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))) {
    log.info('stopped');
    return EXIT.ok;
  }
  // the message says what somebody has to mend: no stack
  if (error instanceof UsageError || error instanceof ConfigError) {
    log.fatal(error.message);
    return EXIT.usage;
  }
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  return EXIT.failed;
}
