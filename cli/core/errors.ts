/** The one error class of the kit and the table of its codes. */

/** Exit codes (documented in docs/errors.md): 0 ok, 1 bug in devkit, then by kind. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  host: 3,
  component: 4,
  job: 5,
  timeout: 6,
  rejected: 7,
  interrupted: 130,
  terminated: 143,
} as const;

export const ERROR_CODES = {
  USAGE: { exit: EXIT.usage, about: 'The command line or a value in it is not valid.' },
  CONFIG_INVALID: { exit: EXIT.usage, about: 'A configuration file cannot be used as it is.' },
  NOT_FOUND: { exit: EXIT.usage, about: 'A named thing (file, batch, devnet, component) does not exist.' },
  ALREADY_EXISTS: { exit: EXIT.usage, about: 'The thing to create is there already.' },
  PORT_TAKEN: { exit: EXIT.usage, about: 'A port asked for explicitly is in use.' },
  UNSAFE: { exit: EXIT.usage, about: 'Refused because it would put something insecure where it could matter.' },
  HOST_UNFIT: { exit: EXIT.host, about: 'This machine lacks something that is needed.' },
  COMPONENT_FAILED: { exit: EXIT.component, about: 'A component ended or did not become ready.' },
  JOB_FAILED: { exit: EXIT.job, about: 'A job used up its attempts.' },
  TIMED_OUT: { exit: EXIT.timeout, about: 'A deadline passed.' },
  PROOF_REJECTED: { exit: EXIT.rejected, about: 'A verifier rejected the proof, or it cannot be decoded.' },
  INTERRUPTED: { exit: EXIT.interrupted, about: 'Stopped by Ctrl-C.' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorOptions {
  /** The exact next command, or what to change, with real values. */
  hint?: string;
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** A failure the user can understand and act on. Anything else that is thrown is a bug (exit code 1). */
export class DevkitError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DevkitError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}
