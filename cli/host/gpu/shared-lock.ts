import { chmod, open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { sleep } from '../../../lib/deadline.ts';

const SQLITE_BUSY = 5;
const POLL_MS = 20;

/**
 * As `withFileLock`, for a file that several accounts use in a folder with the sticky bit: the kernel lets nobody open another account's
 * file there with the flag that may create it (fs.protected_regular), so the file is made first, open to all, and then only opened.
 */
export async function withSharedLock<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  await makeOpenToAll(path);
  const url = pathToFileURL(path);
  url.searchParams.set('mode', 'rw');
  const db = new DatabaseSync(url, { timeout: 0 });
  try {
    while (!tryLock(db)) await sleep(POLL_MS, signal);
    return await work();
  } finally {
    db.close();
  }
}

async function makeOpenToAll(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o666)).close();
    await chmod(path, 0o666);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
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
