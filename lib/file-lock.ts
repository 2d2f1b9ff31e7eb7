import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sleep } from './deadline.ts';

const SQLITE_BUSY = 5;
const POLL_MS = 20;

/**
 * Runs `fn` while holding an exclusive lock named by a file. Excludes other processes and other callers in this one.
 * The lock is the kernel's (SQLite's lock on an empty database file), so it ends with its holder, kill -9 included,
 * and there is no stale lock to break. The file stays; it must not be deleted while in use. Not re-entrant.
 */
export async function withFileLock<T>(path: string, fn: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!tryLock(db)) await sleep(POLL_MS, signal);
    return await fn();
  } finally {
    db.close();
  }
}

function tryLock(db: DatabaseSync): boolean {
  try {
    db.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
