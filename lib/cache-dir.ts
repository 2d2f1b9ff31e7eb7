import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Folder for what can be made again: $DEVKIT_CACHE_DIR, else $XDG_CACHE_HOME/devkit, else ~/.cache/devkit. */
export function cacheDir(env: Record<string, string | undefined> = process.env): string {
  if (env.DEVKIT_CACHE_DIR) return resolve(env.DEVKIT_CACHE_DIR);
  if (env.XDG_CACHE_HOME) return resolve(env.XDG_CACHE_HOME, 'devkit');
  return join(homedir(), '.cache', 'devkit');
}
