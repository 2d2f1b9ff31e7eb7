/** Programs that build things: are they here, new enough, and what they said when they failed. */
import { constants } from 'node:fs';
import { access, appendFile, mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { compareVersions } from '../core/requirements.ts';
import { ask } from './gpu/run.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface WantedTool {
  name: string;
  /** Oldest version that will do. */
  atLeast?: string;
  /** Folders to look in after PATH. */
  folders?: readonly string[];
  /** The first group is the version. */
  version: RegExp;
  /** What to do when it is not there, or too old. */
  fix: string;
}

export interface ToolFacts {
  name: string;
  /** Absolute; absent when there is none. */
  path?: string;
  version?: string;
  /** Not on PATH, but in one of the other folders. */
  offPath: boolean;
  /** What is wrong, in words; absent when nothing is. */
  problem?: string;
  fix: string;
}

/** Looks for a program and asks for its version. */
export async function toolFacts(wanted: WantedTool, env: Env, signal: AbortSignal): Promise<ToolFacts> {
  const { name, fix } = wanted;
  const onPath = await findProgram(name, (env['PATH'] ?? '').split(delimiter));
  const path = onPath ?? (await findProgram(name, wanted.folders ?? []));
  const offPath = onPath === undefined && path !== undefined;
  if (path === undefined) return { name, offPath, problem: `${name} is not on PATH`, fix };
  const answer = await ask([path], ['--version'], { env, signal });
  const version = answer.kind === 'ok' ? wanted.version.exec(answer.text)?.[1] : undefined;
  const found = { name, path, offPath, fix, ...(version === undefined ? {} : { version }) };
  if (answer.kind !== 'ok') return { ...found, problem: `${path} --version failed` };
  if (wanted.atLeast === undefined) return found;
  if (version === undefined) return { ...found, problem: `${path} does not say its version` };
  if (compareVersions(version, wanted.atLeast) >= 0) return found;
  return { ...found, problem: `${name} ${version} is too old, ${wanted.atLeast} or newer is needed` };
}

/** The first executable file of that name in the folders. */
export async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (folder !== '' && (await isExecutable(path))) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface ToolRun {
  program: string;
  args: readonly string[];
  cwd: string;
  /** The whole environment. */
  env: Env;
  signal: AbortSignal;
  /** Everything it prints goes there too, appended. */
  logFile?: string;
  onLine?: (line: string) => void;
}

/** A build program ended badly. */
export class ToolError extends Error {
  readonly lastLines: readonly string[];
  readonly exitCode: number | undefined;

  constructor(message: string, lastLines: readonly string[], exitCode: number | undefined, cause: unknown) {
    super(message, { cause });
    this.name = 'ToolError';
    this.lastLines = lastLines;
    this.exitCode = exitCode;
  }
}

const LAST_LINES = 20;
const STOP_MS = 5_000;

/**
 * Runs a program to its end, with its children as one group: aborting ends all of them.
 * @throws ToolError with the last lines it printed; the signal's reason when aborted
 */
export async function runTool(run: ToolRun): Promise<void> {
  const { program, args, signal, logFile } = run;
  signal.throwIfAborted();
  if (logFile !== undefined) await mkdir(dirname(logFile), { recursive: true });
  const { execa } = await import('execa'); // only where something is really built
  const child = execa(program, args, {
    cwd: run.cwd,
    env: run.env as Record<string, string>,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    detached: true,
  });
  const stop = stopOnAbort(child.pid, signal);
  const last: string[] = [];
  try {
    for await (const line of child.iterable({ from: 'all' })) {
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      run.onLine?.(line);
      if (logFile !== undefined) await appendFile(logFile, `${line}\n`);
    }
  } finally {
    stop[Symbol.dispose]();
  }
  const result = await child;
  signal.throwIfAborted();
  if (!result.failed) return;
  const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.exitCode}`;
  const why = result.exitCode === undefined && !result.signal ? `could not be started: ${result.originalMessage}` : how;
  throw new ToolError(`${program} ${why}`, last, result.exitCode, result);
}

function stopOnAbort(pid: number | undefined, signal: AbortSignal): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const end = (how: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, how);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended by itself
    }
  };
  const onAbort = (): void => {
    end('SIGTERM');
    timer = setTimeout(() => end('SIGKILL'), STOP_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}
