/**
 * Why a download failed.
 * `unreachable`: no connection, or the server kept failing; `status`: it answered, and will answer the same again;
 * `changed`: the file is another one than the one asked for; `damaged`: twice not what it should be;
 * `disk`: no room; `invalid`: the server's list cannot be used.
 */
export type DownloadFailure = 'unreachable' | 'status' | 'changed' | 'damaged' | 'disk' | 'invalid';

export class DownloadError extends Error {
  readonly reason: DownloadFailure;
  /** HTTP status, when there was an answer. */
  readonly status: number | undefined;

  constructor(
    reason: DownloadFailure,
    message: string,
    options: { status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DownloadError';
    this.reason = reason;
    this.status = options.status;
  }
}

/** Worth another try: the connection was lost, or the server was busy. */
export class TransientError extends Error {
  /** What the server asked to wait. */
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;

  constructor(message: string, options: { retryAfterMs?: number; status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TransientError';
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
  }
}
