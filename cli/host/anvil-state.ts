import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { anvilGenesisState, type GenesisAlloc } from '../core/infrastructure.ts';
import { exists } from './unprivileged.ts';

/** Writes the first state file from a genesis `alloc` unless anvil has one already: the next start of anvil loads it. */
export async function ensureAnvilState(stateFile: string, alloc?: GenesisAlloc): Promise<void> {
  await mkdir(dirname(stateFile), { recursive: true });
  if (alloc === undefined || (await exists(stateFile))) return;
  await writeFileAtomic(stateFile, JSON.stringify(anvilGenesisState(alloc)));
}

/** The file that anvil keeps its state in, from its arguments. */
export function anvilStateFile(argv: readonly string[]): string | undefined {
  const at = argv.indexOf('--state');
  return at < 0 ? undefined : argv[at + 1];
}

const backupOf = (stateFile: string): string => `${stateFile}.backup`;

/**
 * anvil overwrites its state in place, so a SIGKILL can leave a part of it, which anvil then refuses to load.
 * Call before a start: a whole file is kept as backup, a damaged one replaced by the last backup.
 */
export async function repairAnvilState(stateFile: string): Promise<'missing' | 'whole' | 'restored'> {
  if (!(await exists(stateFile))) return 'missing';
  if (await backUpAnvilState(stateFile)) return 'whole';
  const backup = backupOf(stateFile);
  if (!(await exists(backup))) throw new Error(`${stateFile} is damaged and there is no backup of it`);
  await writeFileAtomic(stateFile, await readFile(backup));
  return 'restored';
}

/** Keeps a copy of the state file if it is whole now. */
export async function backUpAnvilState(stateFile: string): Promise<boolean> {
  const bytes = await readFile(stateFile);
  try {
    JSON.parse(bytes.toString('utf8'));
  } catch {
    return false; // being written, or cut off
  }
  await writeFileAtomic(backupOf(stateFile), bytes);
  return true;
}
