/**
 * Files of a producer: `<db-path>/asks/<key>/` holds who pushed the ask, the inputs and the proof of its job. Producers of one user may
 * share the folder; whoever holds the lock in it works on the ask, and a kernel lock ends with its holder.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../../lib/atomic-file.ts';
import { withFileLock } from '../../../../lib/file-lock.ts';

export interface AskFiles {
  /** Excludes other producers of this folder while asks are counted and pushed. */
  whileAsking<T>(fn: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Runs `fn` unless another process works on the ask; undefined then. */
  whileWorking<T>(askKey: string, fn: (folder: string) => Promise<T>): Promise<T | undefined>;
  /** Notes that this producer pushed the ask. */
  own(askKey: string): Promise<void>;
  /** Asks that a producer of this name pushed, and that are not forgotten. */
  owned(): Promise<string[]>;
  forget(askKey: string): Promise<void>;
}

export function askFiles(dbPath: string, ownerName: string): AskFiles {
  const folder = (askKey: string): string => join(dbPath, 'asks', askKey);
  const owner = (askKey: string): string => join(folder(askKey), 'owner');
  return {
    whileAsking: (fn, signal) => withFileLock(join(dbPath, 'asking.lock'), fn, signal),
    whileWorking: async (askKey, fn) => {
      const dir = folder(askKey);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const taken = new Error('taken');
      try {
        // an aborted signal: one attempt, no waiting
        return await withFileLock(join(dir, 'work.lock'), () => fn(dir), AbortSignal.abort(taken));
      } catch (error) {
        if (error === taken) return undefined;
        throw error;
      }
    },
    own: (askKey) => writeFileAtomic(owner(askKey), ownerName),
    owned: async () => {
      const keys = await readdir(join(dbPath, 'asks')).catch(() => []);
      const owners = await Promise.all(keys.map((key) => readFile(owner(key), 'utf8').catch(() => '')));
      return keys.filter((_, index) => owners[index] === ownerName);
    },
    forget: (askKey) => rm(folder(askKey), { recursive: true, force: true }),
  };
}
