/** Downloads of upstream's keys as people see them: progress, notices, errors with the next command. */
import { DownloadError, type DownloadFailure } from '../../lib/download/errors.ts';
import { downloadFolder, type FolderProgress, type FolderResult } from '../../lib/download/folder.ts';
import type { AskOptions, RemoteFile } from '../../lib/download/listing.ts';
import { PATIENCE } from '../../lib/download/request.ts';
import { formatBytes, formatDuration } from '../../lib/units.ts';
import { BUCKET_SERVER } from '../../systems/zksync/upstream/key-buckets.ts';
import { DevkitError, type ErrorCode } from '../core/errors.ts';
import type { ServiceContext } from './context.ts';
import { step } from './step.ts';

export interface UpstreamDownload {
  /** Id and title of the step. */
  step: string;
  title: string;
  dir: string;
  /** Name of the set in the record. */
  source: string;
  list: (options: AskOptions) => Promise<RemoteFile[]>;
  verify: boolean;
  /** The next command by reason; a reason without one gets the general one. */
  hints?: Partial<Record<DownloadFailure | 'denied', string>>;
}

/** @throws DevkitError HOST_UNFIT (disk, network, no permission), NOT_FOUND, COMPONENT_FAILED (the server's files are wrong) */
export async function downloadKeys(ctx: ServiceContext, wanted: UpstreamDownload): Promise<FolderResult> {
  const ask = { patience: PATIENCE, signal: ctx.signal };
  try {
    return await step(ctx, wanted.step, wanted.title, async () => {
      const result = await downloadFolder({
        dir: wanted.dir,
        source: wanted.source,
        list: () => wanted.list(ask),
        verify: wanted.verify,
        patience: PATIENCE,
        signal: ctx.signal,
        onProgress: progressReporter(ctx, wanted.step),
        onNote: (message) => ctx.emit({ type: 'notice', message }),
      });
      const unverified = result.files.filter(({ verified }) => verified === 'unverified').length;
      if (unverified > 0) {
        const message = `${unverified} of ${result.files.length} files are unverified: the server does not say their hashes`;
        ctx.emit({ type: 'notice', message });
      }
      return result;
    }).catch((error: unknown) => {
      throw asDevkitError(error, wanted);
    });
  } catch (error) {
    if (ctx.signal.aborted) {
      ctx.emit({ type: 'notice', message: 'what was downloaded is kept: the same command goes on from there' });
    }
    throw error;
  }
}

/** Server of the buckets: flag, then DEVKIT_KEYS_URL, then upstream's. @throws DevkitError USAGE */
export function keysServer(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): { url: string; mirror: boolean } {
  const url = (given ?? (env['DEVKIT_KEYS_URL'] || BUCKET_SERVER)).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw new DevkitError('USAGE', `${given ? '--keys-url' : 'DEVKIT_KEYS_URL'} takes an http(s) URL, not "${url}"`, {
      hint: `upstream's is ${BUCKET_SERVER}`,
    });
  }
  return { url, mirror: url !== BUCKET_SERVER };
}

const CODES: Readonly<Record<DownloadFailure, ErrorCode>> = {
  unreachable: 'HOST_UNFIT',
  status: 'HOST_UNFIT',
  disk: 'HOST_UNFIT',
  changed: 'COMPONENT_FAILED',
  damaged: 'COMPONENT_FAILED',
  invalid: 'COMPONENT_FAILED',
};

const HINTS: Readonly<Record<DownloadFailure, string>> = {
  unreachable: 'the same command goes on where it stopped; a mirror is named by --keys-url or DEVKIT_KEYS_URL',
  status: 'a mirror is named by --keys-url or DEVKIT_KEYS_URL',
  disk: 'free some space, or put the folder on another disk',
  changed: 'the same command again, or another server with --keys-url',
  damaged: 'the same command again, or another server with --keys-url',
  invalid: 'another server with --keys-url or DEVKIT_KEYS_URL',
};

function asDevkitError(error: unknown, { hints }: UpstreamDownload): unknown {
  if (!(error instanceof DownloadError)) return error;
  const denied = error.status === 401 || error.status === 403;
  const code = error.reason === 'status' && error.status === 404 ? 'NOT_FOUND' : CODES[error.reason];
  const message = denied ? `${error.message}: it is not public` : error.message;
  const hint = (denied ? hints?.denied : undefined) ?? hints?.[error.reason] ?? HINTS[error.reason];
  return new DevkitError(code, message, { hint, cause: error });
}

const LINE_MS = 1_000;
const NOTICE_MS = 30_000;

/** A log line a second, a notice every half minute. */
function progressReporter(ctx: ServiceContext, component: string): (progress: FolderProgress) => void {
  const start = performance.now();
  let line = { at: start, bytes: 0, first: true };
  let noticeAt = start;
  return (progress) => {
    const now = performance.now();
    // what a former command had downloaded is no speed of this one
    if (line.first) line = { at: now, bytes: progress.doneBytes, first: false };
    if (now - line.at < LINE_MS) return;
    const text = progressText(progress, ((progress.doneBytes - line.bytes) / (now - line.at)) * 1000);
    line = { at: now, bytes: progress.doneBytes, first: false };
    ctx.emit({ type: 'log', component, line: text });
    if (now - noticeAt < NOTICE_MS) return;
    noticeAt = now;
    ctx.emit({ type: 'notice', message: text });
  };
}

export function progressText(progress: FolderProgress, bytesPerSecond: number): string {
  const { doneBytes, totalBytes, doneFiles, totalFiles } = progress;
  const speed = Math.max(0, bytesPerSecond);
  const left =
    speed > 0 && totalBytes > doneBytes ? `, ${formatDuration(((totalBytes - doneBytes) / speed) * 1000)} left` : '';
  const of = totalBytes > 0 ? ` of ${formatBytes(totalBytes)}` : '';
  return `${formatBytes(doneBytes)}${of}, ${doneFiles} of ${totalFiles} files, ${formatBytes(speed)}/s${left}`;
}
