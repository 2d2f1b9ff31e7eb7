/** `checked.json` beside downloaded files: what each was when it was last hashed, so that a look at size and time is enough. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../atomic-file.ts';
import type { Hashes } from './hashes.ts';
import type { RemoteFile } from './listing.ts';

export const CHECKED_FILE = 'checked.json';
const SCHEMA_VERSION = 1;

/** Who vouched for the content: the server's object list, its headers, or nobody. */
export type Verified = 'listing' | 'headers' | 'unverified';

export interface CheckedFile extends Hashes {
  url: string;
  bytes: number;
  mtimeMs: number;
  generation?: string;
  verified: Verified;
  checkedAt: string;
}

export interface CheckedRecord {
  schemaVersion: typeof SCHEMA_VERSION;
  files: Record<string, CheckedFile>;
  /** Source → names of all its files, once all of them were here. */
  complete: Record<string, string[]>;
}

/** A missing, damaged or newer record is an empty one: everything is hashed again. */
export async function readChecked(dir: string): Promise<CheckedRecord> {
  const empty: CheckedRecord = { schemaVersion: SCHEMA_VERSION, files: {}, complete: {} };
  try {
    const found = await readJson<Partial<CheckedRecord>>(join(dir, CHECKED_FILE));
    if (found?.schemaVersion !== SCHEMA_VERSION || !found.files || !found.complete) return empty;
    return found as CheckedRecord;
  } catch {
    return empty;
  }
}

export const writeChecked = (dir: string, record: CheckedRecord): Promise<void> =>
  writeFileAtomic(join(dir, CHECKED_FILE), `${JSON.stringify(record, null, 2)}\n`);

/** The file is as it was when it was hashed, by size and time. */
export async function isUntouched(dir: string, name: string, checked: CheckedFile): Promise<boolean> {
  const now = await sizeAndTime(join(dir, name));
  return now !== undefined && now.bytes === checked.bytes && now.mtimeMs === checked.mtimeMs;
}

/** What was hashed is what the server has now. */
export function isSameContent(checked: CheckedFile, remote: RemoteFile): boolean {
  if (remote.bytes !== undefined && remote.bytes !== checked.bytes) return false;
  if (remote.crc32c !== undefined && remote.crc32c !== checked.crc32c) return false;
  if (remote.md5 !== undefined && remote.md5 !== checked.md5) return false;
  if (remote.crc32c !== undefined || remote.md5 !== undefined) return true;
  return remote.generation === undefined || remote.generation === checked.generation;
}

/** The remote file as it was recorded, for when the server cannot be asked. */
export function asRemote(name: string, { url, bytes, crc32c, md5, generation, verified }: CheckedFile): RemoteFile {
  const hashesFrom = verified === 'unverified' ? 'none' : verified;
  return { name, url, bytes, crc32c, md5, ...(generation === undefined ? {} : { generation }), hashesFrom };
}

export async function sizeAndTime(path: string): Promise<{ bytes: number; mtimeMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { bytes: size, mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
