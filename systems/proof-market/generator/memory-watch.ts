/** Memory of a process and all below it, together. */
import { readdir, readFile } from 'node:fs/promises';
import { sleep } from '../../../lib/deadline.ts';
import { formatBytes } from '../../../lib/units.ts';
import { type ProgramEnd, type ProgramRun, runProgram } from './run-program.ts';

/** The program was stopped: all of its processes together had more than they may have. */
export class MemoryExceededError extends Error {
  override readonly name = 'MemoryExceededError';
}

/** Runs a program to its end, unless its processes have more than this together. @throws MemoryExceededError, and as `runProgram` */
export async function runWatched(run: Omit<ProgramRun, 'onStart'>, limitBytes: number): Promise<ProgramEnd> {
  const exceeded = new AbortController();
  const watching = new AbortController();
  let watch: Promise<unknown> = Promise.resolve();
  const tooMuch = (bytes: number): void =>
    exceeded.abort(
      new MemoryExceededError(`more than the ${formatBytes(limitBytes)} that it may have (${formatBytes(bytes)})`),
    );
  try {
    return await runProgram({
      ...run,
      signal: AbortSignal.any([run.signal, exceeded.signal]),
      onStart: (pid) => {
        watch = watchMemory(pid, limitBytes, tooMuch, watching.signal);
      },
    });
  } finally {
    watching.abort();
    await watch;
  }
}

const INTERVAL_MS = 100;

/**
 * Looks at the private memory of the process tree ten times a second (Linux) until aborted or the process is gone; calls `onExceeded`
 * once with the bytes found when they are more than the limit. Gives the most that was seen.
 */
export async function watchMemory(
  pid: number,
  limitBytes: number,
  onExceeded: (bytes: number) => void,
  signal: AbortSignal,
): Promise<number> {
  let most = 0;
  let told = false;
  while (!signal.aborted) {
    const bytes = await treeMemory(pid);
    if (bytes === undefined) break;
    most = Math.max(most, bytes);
    if (bytes > limitBytes && !told) {
      told = true;
      onExceeded(bytes);
    }
    await sleep(INTERVAL_MS, signal).catch(() => {}); // only an abort, which the condition above sees
  }
  return most;
}

/** Anonymous resident bytes of a process and its descendants; undefined when it is gone or there is no /proc. */
async function treeMemory(root: number): Promise<number | undefined> {
  const names = await readdir('/proc').catch(() => []);
  const processes = new Map<number, { parent: number; bytes: number }>();
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const field = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    if (status !== '') processes.set(Number(name), { parent: field('PPid'), bytes: 1024 * field('RssAnon') });
  }
  if (!processes.has(root)) return undefined;
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined; at = processes.get(at)?.parent)
      if (at === root) return true;
    return false;
  };
  return [...processes].reduce((sum, [pid, { bytes }]) => (isBelow(pid) ? sum + bytes : sum), 0);
}
