import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import type { DevnetPaths } from '../core/paths.ts';
import type { DevnetState } from '../core/state.ts';

/**
 * Variables with which the user's own tools reach a devnet: the kit's, plus the system's own (URLs, database names).
 * Never the tags of components: a shell that had them would be taken for one.
 */
export function devnetEnv(
  paths: DevnetPaths,
  state: DevnetState,
  system: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    DEVKIT_WORKSPACE: paths.workspace,
    DEVKIT_DEVNET: state.name,
    ...system,
  };
}

/** Others may neither read secrets nor run what they cannot read. */
const MODE = { file: 0o600, program: 0o700 } as const;
/** What was there before and was not ours. */
const KEPT = '.orig';

/** Writes the files under `dir`; one that is there, and is another, is kept beside it once. */
export async function writeToolFiles(dir: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    const there = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (there !== undefined && there !== content && !existsSync(path + KEPT)) await copyFile(path, path + KEPT);
    await writeFileAtomic(path, content, { mode: content.startsWith('#!') ? MODE.program : MODE.file });
    written.push(path);
  }
  return written;
}
