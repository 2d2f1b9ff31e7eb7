/** Brings a folder to what a server lists: nothing twice, several files at once, one command at a time. */
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileLock } from '../file-lock.ts';
import { formatBytes } from '../units.ts';
import {
  asRemote,
  CHECKED_FILE,
  type CheckedFile,
  type CheckedRecord,
  isSameContent,
  isUntouched,
  readChecked,
  sizeAndTime,
  type Verified,
  writeChecked,
} from './checked.ts';
import { DownloadError } from './errors.ts';
import { hashFile } from './hashes.ts';
import type { RemoteFile } from './listing.ts';
import { resumableBytes } from './part.ts';
import type { Patience } from './request.ts';
import { differenceOf, downloadFile, type Transferred } from './transfer.ts';

export interface FolderProgress {
  /** Of what has to be downloaded; sizes that nobody said count as 0. */
  doneBytes: number;
  totalBytes: number;
  doneFiles: number;
  totalFiles: number;
}

export interface FolderOptions {
  dir: string;
  /** Name of the set, kept in the record, e.g. `gs://bucket/prefix/`. */
  source: string;
  /** What the server has. Asked again when a file changes while it is downloaded. */
  list: () => Promise<RemoteFile[]>;
  /** Hash also what is unchanged since it was hashed. */
  verify: boolean;
  patience: Patience;
  signal: AbortSignal;
  /** At most 4. */
  parallel?: number;
  onProgress?: (progress: FolderProgress) => void;
  onNote?: (text: string) => void;
}

export interface FolderFile extends Pick<CheckedFile, 'bytes' | 'crc32c' | 'md5' | 'verified'> {
  name: string;
  /** `downloaded` now; `hashed` now, and right; `unchanged` since it was hashed. */
  how: 'downloaded' | 'hashed' | 'unchanged';
}

export interface FolderResult {
  files: FolderFile[];
  /** The server could not be asked; the files were compared with what was recorded. */
  offline: boolean;
}

const MAX_PARALLEL = 4;
const LOCK_FILE = '.download.lock';
const LOCK_NOTICE_MS = 500;
/** Free space that is asked for on top of what is missing. */
const DISK_MARGIN = 0.05;

/** @throws DownloadError; the signal's reason. What was downloaded before stays, also half files. */
export async function downloadFolder(options: FolderOptions): Promise<FolderResult> {
  await mkdir(options.dir, { recursive: true });
  const waiting = setTimeout(() => {
    options.onNote?.(`another command downloads to ${options.dir}: waiting for it`);
  }, LOCK_NOTICE_MS);
  try {
    return await withFileLock(
      join(options.dir, LOCK_FILE),
      () => {
        clearTimeout(waiting);
        return converge(options, 1);
      },
      options.signal,
    );
  } finally {
    clearTimeout(waiting);
  }
}

async function converge(options: FolderOptions, attempt: number): Promise<FolderResult> {
  const record = await readChecked(options.dir);
  const { remotes, offline } = await listed(options, record);
  const found = new Map<string, FolderFile>();
  const missing: RemoteFile[] = [];
  for (const remote of remotes) {
    const file = await lookAt(options, record, remote);
    if (file) found.set(remote.name, file);
    else missing.push(remote);
  }
  await writeChecked(options.dir, record); // hashing took long: it is not lost when the download fails
  await checkDisk(options.dir, missing);
  try {
    for (const file of await fetchAll(options, record, missing)) found.set(file.name, file);
  } catch (error) {
    if (!(error instanceof DownloadError) || error.reason !== 'changed' || attempt > 1) throw error;
    options.onNote?.(`${error.message}: the list is read again`);
    return converge(options, attempt + 1);
  }
  record.complete[options.source] = remotes.map(({ name }) => name);
  await writeChecked(options.dir, record);
  return { files: remotes.map(({ name }) => found.get(name) as FolderFile), offline };
}

/** Without the server, what was complete once is enough. */
async function listed(
  options: FolderOptions,
  record: CheckedRecord,
): Promise<{ remotes: RemoteFile[]; offline: boolean }> {
  try {
    const remotes = await options.list();
    const own = remotes.find(({ name }) => name === CHECKED_FILE);
    if (own) throw new DownloadError('invalid', `${own.url}: ${CHECKED_FILE} is the name of the kit's own record`);
    return { remotes, offline: false };
  } catch (error) {
    const names = record.complete[options.source];
    if (!(error instanceof DownloadError) || error.reason !== 'unreachable' || names === undefined) throw error;
    const known = names.flatMap((name) => record.files[name] ?? []);
    if (known.length !== names.length) throw error;
    options.onNote?.(`${error.message}: compared with what was recorded at the last download`);
    return { remotes: names.map((name) => asRemote(name, record.files[name] as CheckedFile)), offline: true };
  }
}

/** The file if it is here and right, noted in `record`; undefined when it has to be downloaded. */
async function lookAt(
  options: FolderOptions,
  record: CheckedRecord,
  remote: RemoteFile,
): Promise<FolderFile | undefined> {
  const { dir, signal } = options;
  const { name } = remote;
  const path = join(dir, name);
  const now = await sizeAndTime(path);
  if (now === undefined || (remote.bytes !== undefined && now.bytes !== remote.bytes)) return undefined;
  const known = record.files[name];
  if (known && !options.verify && isSameContent(known, remote) && (await isUntouched(dir, name, known))) {
    return { name, how: 'unchanged', ...pick(known) };
  }
  const hashes = await hashFile(path, signal);
  // without the server's hashes, what was recorded when it came is what it should be
  const expected =
    remote.hashesFrom === 'none' && known && isSameContent(known, remote) ? asRemote(name, known) : remote;
  const wrong = differenceOf(expected, hashes);
  if (wrong !== undefined) {
    options.onNote?.(`${path}: ${wrong}; it is downloaded again`);
    return undefined;
  }
  const checked = checkedFile(remote, { ...hashes, mtimeMs: now.mtimeMs });
  record.files[name] = checked;
  return { name, how: 'hashed', ...pick(checked) };
}

const pick = ({ bytes, crc32c, md5, verified }: CheckedFile): Omit<FolderFile, 'name' | 'how'> => ({
  bytes,
  crc32c,
  md5,
  verified,
});

const VERIFIED: Readonly<Record<RemoteFile['hashesFrom'], Verified>> = {
  listing: 'listing',
  headers: 'headers',
  none: 'unverified',
};

function checkedFile(remote: RemoteFile, got: Transferred): CheckedFile {
  const { url, generation, hashesFrom } = remote;
  const { bytes, crc32c, md5, mtimeMs } = got;
  return {
    url,
    bytes,
    mtimeMs,
    crc32c,
    md5,
    ...(generation === undefined ? {} : { generation }),
    verified: VERIFIED[hashesFrom],
    checkedAt: new Date().toISOString(),
  };
}

/** @throws DownloadError `disk` with the arithmetic */
async function checkDisk(dir: string, missing: readonly RemoteFile[]): Promise<void> {
  let bytes = 0;
  for (const remote of missing) {
    bytes += Math.max(0, (remote.bytes ?? 0) - (await resumableBytes(join(dir, remote.name), remote)));
  }
  const needed = Math.ceil(bytes * (1 + DISK_MARGIN));
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (bytes === 0 || needed <= free) return;
  throw new DownloadError(
    'disk',
    `${dir}: ${formatBytes(bytes)} to download + ${DISK_MARGIN * 100} % = ${formatBytes(needed)}, but ${formatBytes(free)} are free`,
  );
}

/** Several at once; the first failure stops the others, whose halves stay. */
async function fetchAll(
  options: FolderOptions,
  record: CheckedRecord,
  missing: readonly RemoteFile[],
): Promise<FolderFile[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const progress = progressOf(options, missing);
  const queue = [...missing];
  const files: FolderFile[] = [];
  let saving = Promise.resolve();
  const work = async (): Promise<void> => {
    for (let remote = queue.shift(); remote !== undefined; remote = queue.shift()) {
      signal.throwIfAborted();
      const { name } = remote;
      const got = await downloadFile(remote, join(options.dir, name), {
        patience: options.patience,
        signal,
        onBytes: (bytes) => progress.bytes(name, bytes),
        onRetry: (why) => options.onNote?.(why),
      });
      const checked = checkedFile(remote, got);
      record.files[name] = checked;
      files.push({ name, how: 'downloaded', ...pick(checked) });
      progress.done();
      saving = saving.then(() => writeChecked(options.dir, record));
      await saving;
    }
  };
  let first: unknown;
  const workers = Array.from({ length: Math.min(options.parallel ?? MAX_PARALLEL, MAX_PARALLEL) }, () =>
    work().catch((error: unknown) => {
      first ??= error;
      failed.abort(error);
    }),
  );
  await Promise.all(workers);
  options.signal.throwIfAborted();
  if (first !== undefined) throw first;
  return files;
}

function progressOf(options: FolderOptions, missing: readonly RemoteFile[]) {
  const now = new Map<string, number>();
  const state: FolderProgress = {
    doneBytes: 0,
    totalBytes: missing.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    doneFiles: 0,
    totalFiles: missing.length,
  };
  return {
    bytes(name: string, bytes: number): void {
      state.doneBytes += bytes - (now.get(name) ?? 0);
      now.set(name, bytes);
      options.onProgress?.({ ...state });
    },
    done(): void {
      state.doneFiles += 1;
      options.onProgress?.({ ...state });
    },
  };
}
