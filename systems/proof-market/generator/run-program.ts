/** One run of a program: its lines as they come, how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ProgramRun {
  argv: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** When aborted, SIGTERM to it and all that it started, and after five seconds SIGKILL; SIGKILL to what outlives it then. */
  signal: AbortSignal;
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  onStart?: (pid: number) => void;
}

export interface ProgramEnd {
  /** Null when a signal ended it. */
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
  /** The last lines of both streams, in the order they came. */
  lines: string[];
}

const KEPT_LINES = 200;
const KILL_AFTER_MS = 5_000;

/** Runs it to its end; every way to end is a return value. @throws Error when it cannot be started; the reason of an abort */
export async function runProgram({ argv, cwd, env, signal, onLine, onStart }: ProgramRun): Promise<ProgramEnd> {
  signal.throwIfAborted();
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // a process group of its own, so that its children can be stopped with it
    detached: true,
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env }),
  });
  const lines: string[] = [];
  const streams = (['stdout', 'stderr'] as const).map(async (name) => {
    for await (const line of createInterface({ input: child[name]!, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (lines.push(line) > KEPT_LINES) lines.shift();
      onLine?.(line, name);
    }
  });
  const stop = stopWhenAborted(child, signal);
  try {
    if (child.pid !== undefined) onStart?.(child.pid);
    const [exitCode, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    await Promise.all(streams);
    signal.throwIfAborted();
    return { exitCode, killedBy, lines };
  } finally {
    stop();
  }
}

/** The returned function ends the watch; after an abort it also ends what the program left running. */
function stopWhenAborted(child: ChildProcess, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup(child, 'SIGTERM');
    timer = setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  return () => {
    signal.removeEventListener('abort', stop);
    clearTimeout(timer);
    if (timer !== undefined) killGroup(child, 'SIGKILL');
  };
}

function killGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // all of it has ended
  }
}
