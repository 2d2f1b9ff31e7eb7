/** How errors look: one clear line, then the next command. */
import { type DevkitError, EXIT } from '../core/errors.ts';
import { explain } from './explain.ts';
import { jsonLine } from './json.ts';

export interface ErrorReport {
  exitCode: number;
  /** For stderr, with the final newline. */
  text: string;
}

const REPORT_AT = 'please report it, with the lines above, where you got devkit';

export function reportError(error: unknown, options: { json: boolean; verbose: boolean }): ErrorReport {
  const known = explain(error);
  if (options.json)
    return { exitCode: known ? exitCodeOf(known) : EXIT.bug, text: jsonLine({ error: errorData(error, known) }) };
  if (!known) {
    return {
      exitCode: EXIT.bug,
      text: `${stackOf(error)}\nerror: this is a bug in devkit (exit code 1)\n→ ${REPORT_AT}\n`,
    };
  }
  const lines = [known.code === 'INTERRUPTED' ? known.message : `error: ${known.message}`];
  if (known.hint) lines.push(`→ ${known.hint}`);
  if (options.verbose && known.cause !== undefined) lines.push(`cause: ${stackOf(known.cause)}`);
  return { exitCode: exitCodeOf(known), text: `${lines.join('\n')}\n` };
}

/** SIGTERM and Ctrl-C share the error code, not the exit code. */
const exitCodeOf = (error: DevkitError): number =>
  error.code === 'INTERRUPTED' && error.details?.['signal'] === 'SIGTERM' ? EXIT.terminated : error.exitCode;

function errorData(error: unknown, known: DevkitError | undefined): Record<string, unknown> {
  if (!known) return { code: 'BUG', exitCode: EXIT.bug, message: String(error), stack: stackOf(error) };
  const { code, message, hint, details } = known;
  return { code, exitCode: exitCodeOf(known), message, ...(hint ? { hint } : {}), ...(details ? { details } : {}) };
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
