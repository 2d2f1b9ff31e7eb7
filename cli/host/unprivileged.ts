import { lstat, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The account for programs that refuse to run as root: nobody. Postgres wants one with a passwd entry. */
export const NOBODY = { uid: 65_534, gid: 65_534 } as const;

export const runsAsRoot = (): boolean => process.getuid?.() === 0;

/** Account to start an unprivileged program with: nobody for root, otherwise our own. */
export const unprivilegedAccount = (): { uid?: number; gid?: number } => (runsAsRoot() ? NOBODY : {});

/** Whether every folder on the way can be entered by everybody, so that nobody can run programs there. */
export async function reachableByAll(path: string): Promise<boolean> {
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    const info = await stat(dir);
    if (info.isDirectory() && (info.mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
