/** One run of the `bb` command in a private folder that is always removed. */
import { mkdtemp, readdir, readlink, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Crs } from '../types.ts';

/** `bb` failed: wrong use, crash, killed, missing file. Never the meaning "the proof is invalid". */
export class BbError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'BbError';
  }
}

/** The reference string on disk has too few points for the circuit (or, for `ignition`, cannot be downloaded). */
export class CrsTooSmallError extends Error {
  constructor(crs: Crs, detail: string) {
    super(
      crs.kind === 'ignition'
        ? `bb could not download the Ignition reference string into ${crs.dir}: ${detail}; check the network, or name a folder that has it`
        : `the reference string ${crs.id} in ${crs.dir} has ${crs.points} points, too few for this circuit: ask for more`,
    );
    this.name = 'CrsTooSmallError';
  }
}

export interface BbRun {
  binary: string;
  args: string[];
  /** Threads of bb; 1 or more. */
  threads: number;
  cwd: string;
  signal: AbortSignal | undefined;
}

export interface BbResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs bb and returns its exit code (0 or 1) and output; a signal, another code or a start failure throws. */
export async function runBb(run: BbRun): Promise<BbResult> {
  run.signal?.throwIfAborted();
  const { execa } = await import('execa'); // a tenth of a second to load: only where bb really runs
  const result = await execa(run.binary, run.args, {
    cwd: run.cwd,
    env: { HARDWARE_CONCURRENCY: String(run.threads) },
    stdin: 'ignore',
    reject: false,
    stripFinalNewline: false,
    forceKillAfterDelay: 500,
    ...(run.signal === undefined ? {} : { cancelSignal: run.signal }),
  });
  run.signal?.throwIfAborted();
  const command = `bb ${run.args[0]}`;
  if (result.exitCode === undefined || result.signal !== undefined) {
    const why =
      result.signal === undefined ? (result.originalMessage ?? 'it did not start') : `killed by ${result.signal}`;
    throw new BbError(`${command} failed: ${why}${lastLines(result.stderr)}`, { cause: result });
  }
  if (result.exitCode > 1) throw new BbError(`${command} exited with ${result.exitCode}${lastLines(result.stderr)}`);
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** As `runBb`, but exit code 1 throws too. */
export async function mustRunBb(run: BbRun, crs?: Crs): Promise<BbResult> {
  const result = await runBb(run);
  if (result.exitCode === 0) return result;
  const download = /^(HTTP request failed|.*CRS download failed).*$/m.exec(result.stderr);
  if (crs !== undefined && download !== null) throw new CrsTooSmallError(crs, download[0].trim());
  throw new BbError(`bb ${run.args[0]} failed${lastLines(result.stderr)}`);
}

const TEMP_PREFIX = 'devkit-bb-';
const HOUR_MS = 3_600_000;

/** Runs `fn` with a fresh folder, and removes it. */
export async function withTempDir<T>(fn: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), `${TEMP_PREFIX}${process.pid}-`));
  try {
    return await fn(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Removes folders of processes that were killed: older than an hour, and no process has the number in the name. */
export async function sweepTempDirs(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${TEMP_PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const path = join(tmpdir(), name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > HOUR_MS) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Gives bb a folder for `-c`. When its file is too small, bb downloads the Ignition points and overwrites the file, which would turn
 * a dev reference string into the real one without a word. So only `ignition` is given as it is, others as links in `dir`.
 */
export async function crsFolder(crs: Crs, dir: string): Promise<string> {
  if (crs.kind === 'ignition') return crs.dir;
  const { size } = await stat(join(crs.dir, CRS_FILES[0])).catch(() => {
    throw new BbError(`the reference string ${crs.id} is gone from ${crs.dir}`);
  });
  if (size < 64 * crs.points) throw new CrsTooSmallError({ ...crs, points: Math.floor(size / 64) }, '');
  for (const name of CRS_FILES) await symlink(resolve(crs.dir, name), join(dir, name));
  return dir;
}

/** Throws if bb used points of its own: it downloads into the folder, beside the linked files or in their place. */
export async function assertCrsUntouched(crs: Crs, dir: string): Promise<void> {
  if (crs.kind === 'ignition') return;
  for (const name of (await readdir(dir)).filter((file) => file.startsWith('bn254_'))) {
    const target = await readlink(join(dir, name)).catch(() => undefined);
    if (target !== resolve(crs.dir, name)) throw new CrsTooSmallError(crs, 'bb downloaded other points');
  }
}

const CRS_FILES = ['bn254_g1.dat', 'bn254_g2.dat'] as const;

/** The end of bb's own words, as a suffix of a message. */
function lastLines(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Scheme is:'));
  return lines.length === 0 ? '' : `: ${lines.slice(-3).join(' | ')}`;
}
