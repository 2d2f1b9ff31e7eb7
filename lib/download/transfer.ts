/** One file over HTTP: goes on where it stopped, and is put in place only when it is what it should be. */
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sleep } from '../deadline.ts';
import { DownloadError, TransientError } from './errors.ts';
import type { Hashes } from './hashes.ts';
import type { RemoteFile } from './listing.ts';
import { beginAnew, notePart, openPart, type Part, partPath, removePart, removeSidecar } from './part.ts';
import { type Answer, backoffMs, type Patience, release, request } from './request.ts';

export interface TransferOptions {
  patience: Patience;
  signal: AbortSignal;
  /** `bytes` of the file are here now (fewer than before when it had to be begun anew). */
  onBytes?: (bytes: number) => void;
  /** Something went wrong that is tried again. */
  onRetry?: (why: string) => void;
}

export interface Transferred extends Hashes {
  bytes: number;
  mtimeMs: number;
}

/**
 * Downloads to `<path>.part`, checks size and hashes over the whole file, then renames. A file that is not what
 * the server says is fetched once more from its first byte. Aborting leaves the part; the next call goes on.
 * @throws DownloadError `unreachable`, `status`, `changed`, `damaged`; the signal's reason
 */
export async function downloadFile(remote: RemoteFile, path: string, options: TransferOptions): Promise<Transferred> {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const got = await fetchWhole(remote, path, options);
    const wrong = differenceOf(remote, got);
    if (wrong === undefined) {
      await rename(partPath(path), path);
      await removeSidecar(path);
      return { ...got, mtimeMs: (await stat(path)).mtimeMs };
    }
    await removePart(path);
    if (attempt === 2) throw new DownloadError('damaged', `${remote.url}: downloaded twice, and both times ${wrong}`);
    options.onRetry?.(`${remote.name}: ${wrong}; it is downloaded again`);
  }
}

/** What is not as it should be, in words; undefined when nothing is. */
export function differenceOf(remote: RemoteFile, got: Hashes & { bytes: number }): string | undefined {
  if (remote.bytes !== undefined && got.bytes !== remote.bytes) {
    return `size ${got.bytes} bytes, expected ${remote.bytes}`;
  }
  for (const name of ['crc32c', 'md5'] as const) {
    const expected = remote[name];
    if (expected !== undefined && got[name] !== expected) return `${name} ${got[name]}, expected ${expected}`;
  }
  return undefined;
}

async function fetchWhole(
  remote: RemoteFile,
  path: string,
  options: TransferOptions,
): Promise<Hashes & { bytes: number }> {
  const part = await openPart(path, remote, options.signal);
  try {
    options.onBytes?.(part.bytes);
    await fetchWithRetries(remote, part, options);
    await part.file.sync();
    const { size } = await part.file.stat();
    if (size !== part.bytes) throw new Error(`${partPath(path)} has ${size} bytes, ${part.bytes} were written`);
    return { bytes: part.bytes, ...part.hasher.digest() };
  } finally {
    await part.file.close();
  }
}

/** Not `lib/retry`: tries are counted in a row, and every byte that comes begins the count again. */
async function fetchWithRetries(remote: RemoteFile, part: Part, options: TransferOptions): Promise<void> {
  const { patience, signal } = options;
  for (let failures = 0; ; ) {
    if (remote.bytes !== undefined && part.bytes === remote.bytes && part.bytes > 0) return;
    const before = part.bytes;
    try {
      await fetchRest(remote, part, options);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      failures = part.bytes > before ? 1 : failures + 1;
      if (failures >= patience.attempts) {
        throw new DownloadError('unreachable', `${error.message} (${failures} tries)`, {
          status: error.status,
          cause: error,
        });
      }
      options.onRetry?.(error.message);
      await sleep(backoffMs(failures, patience, error), signal);
    }
  }
}

async function fetchRest(remote: RemoteFile, part: Part, options: TransferOptions): Promise<void> {
  const answer = await request(remote.url, {
    headers: headersFor(remote, part),
    stallMs: options.patience.stallMs,
    signal: options.signal,
  });
  try {
    await acceptAnswer(remote, part, answer, options);
  } catch (error) {
    await release(answer);
    throw error;
  }
  if (!answer.response.ok) return fetchRest(remote, part, options); // begun anew, without a range
  await notePart(part, remote);
  await receive(remote, part, answer, options);
}

function headersFor(remote: RemoteFile, part: Part): Record<string, string> {
  return {
    ...(part.bytes > 0 ? { range: `bytes=${part.bytes}-` } : {}),
    ...(part.bytes > 0 && part.etag !== undefined ? { 'if-range': part.etag } : {}),
    ...(remote.generation === undefined ? {} : { 'x-goog-if-generation-match': remote.generation }),
  };
}

/** Whether the body continues the part, begins it, or is of another file. */
async function acceptAnswer(
  remote: RemoteFile,
  part: Part,
  { response }: Answer,
  options: TransferOptions,
): Promise<void> {
  const { status, headers } = response;
  const generation = headers.get('x-goog-generation');
  if (status === 412 || (response.ok && generation !== null && (remote.generation ?? generation) !== generation)) {
    throw new DownloadError('changed', `${remote.url}: the file was replaced on the server`, { status });
  }
  if (status === 416 && part.bytes > 0) {
    await beginAnew(part);
    return;
  }
  if (status !== 200 && status !== 206) {
    throw new DownloadError('status', `${remote.url}: HTTP ${status}`, { status });
  }
  const range = status === 206 ? rangeOf(headers.get('content-range')) : undefined;
  if (status === 206 && range?.from !== part.bytes) {
    await beginAnew(part);
    throw new TransientError(`${remote.url}: not the range that was asked for`);
  }
  if (status === 200 && part.bytes > 0) await beginAnew(part); // the server knows no ranges, or the file is another one
  const total = range ? range.total : lengthOf(headers.get('content-length'));
  if (total !== undefined && remote.bytes !== undefined && total !== remote.bytes) {
    throw new DownloadError('changed', `${remote.url}: ${total} bytes on the server, expected ${remote.bytes}`);
  }
  const etag = headers.get('etag');
  part.etag = etag === null || etag.startsWith('W/') ? undefined : etag;
  options.onBytes?.(part.bytes);
}

async function receive(remote: RemoteFile, part: Part, answer: Answer, options: TransferOptions): Promise<void> {
  const length = lengthOf(answer.response.headers.get('content-length'));
  const end = remote.bytes ?? (length === undefined ? undefined : part.bytes + length);
  for await (const chunk of answer.chunks()) {
    if (remote.bytes !== undefined && part.bytes + chunk.length > remote.bytes) {
      throw new DownloadError('changed', `${remote.url}: more than the expected ${remote.bytes} bytes`);
    }
    await writeAll(part, chunk);
    part.hasher.update(chunk);
    part.bytes += chunk.length;
    options.onBytes?.(part.bytes);
  }
  if (end !== undefined && part.bytes < end) {
    throw new TransientError(`${remote.url}: the connection ended after ${part.bytes} of ${end} bytes`);
  }
}

/** A write may take less than it was given. */
async function writeAll({ file }: Part, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}

function rangeOf(header: string | null): { from: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '');
  if (!match) return undefined;
  return { from: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

const lengthOf = (header: string | null): number | undefined => (header === null ? undefined : Number(header));
