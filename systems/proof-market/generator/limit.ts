/** Memory limits of a child process. Node cannot set one itself, so a program in front of it does. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { formatBytes } from '../../../lib/units.ts';

export interface LimitedCommand {
  argv: string[];
  /** What is enforced and by whom, for people. */
  enforced: string;
}

/**
 * The command under RLIMIT_DATA (Linux counts all private writable memory), which its children inherit: set by `prlimit` where there is
 * one, else by the shell. The limit is of each process; their sum is for `watchMemory`.
 */
export async function limitMemory(
  argv: readonly string[],
  bytes: number,
  { platform = process.platform as string, shell = '/bin/sh' } = {},
): Promise<LimitedCommand> {
  if (platform !== 'linux') return { argv: [...argv], enforced: `not enforced on ${platform}` };
  const size = formatBytes(bytes);
  const each = (by: string): string => `no process of the prover gets more than ${size} (RLIMIT_DATA, by ${by})`;
  const watched = `its processes are stopped when they have more than ${size} together (looked at ten times a second)`;
  const prlimit = await findProgram('prlimit');
  if (prlimit !== undefined) {
    return {
      argv: [prlimit, `--data=${Math.floor(bytes)}`, '--', ...argv],
      enforced: `${each('prlimit')}; ${watched}`,
    };
  }
  if (!(await isProgram(shell))) return { argv: [...argv], enforced: `${watched}; no prlimit and no shell for more` };
  const kib = String(Math.floor(bytes / 1024));
  return {
    argv: [shell, '-c', 'ulimit -d "$0" && exec "$@"', kib, ...argv],
    enforced: `${each('ulimit')}; ${watched}`,
  };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    if (dir !== '' && (await isProgram(join(dir, name)))) return join(dir, name);
  }
  return undefined;
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
