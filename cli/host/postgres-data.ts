import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, cp, lchown, mkdir, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../lib/cache-dir.ts';
import { poll } from '../../lib/deadline.ts';
import { withFileLock } from '../../lib/file-lock.ts';
import { DevkitError } from '../core/errors.ts';
import { POSTGRES_PASSWORD, POSTGRES_USER } from '../core/infrastructure.ts';
import { findByFolder, signalProcess } from './proc.ts';
import { postgresBinaries } from './programs.ts';
import { exists, NOBODY, runsAsRoot, unprivilegedAccount } from './unprivileged.ts';

/** Settings of the template; a change makes a new one. */
const INITDB_ARGS = [
  `--username=${POSTGRES_USER}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C.UTF-8',
  '--wal-segsize=1',
  '--no-sync',
  '--no-instructions',
];

/**
 * Makes a ready Postgres data folder (user `postgres`, upstream's default password) unless there is one.
 * initdb runs once per machine; a devnet gets a copy. Complete or absent, never half made.
 */
export async function ensurePostgresData(dataDir: string, signal?: AbortSignal): Promise<void> {
  if (await hasPostgresData(dataDir)) return;
  const template = await ensurePostgresTemplate(signal);
  await mkdir(dirname(dataDir), { recursive: true });
  await buildFolder(dataDir, (temp) => copyData(template, temp));
}

/** Whether a complete data folder is there. */
export const hasPostgresData = (dataDir: string): Promise<boolean> => exists(join(dataDir, 'PG_VERSION'));

/**
 * Call before a start, when no start of this devnet is known to run: ends what a killed postmaster left behind and removes its pid
 * file. Postgres would trust that file when its pid is a zombie that nobody reaps, or another program's by now, and refuse to start.
 */
export async function clearStalePostmaster(dataDir: string, signal: AbortSignal): Promise<void> {
  const dir = await realpath(dataDir);
  await poll(
    async () => {
      const left = findByFolder(dir, 'postgres');
      for (const { pid, startTicks } of left) signalProcess(pid, startTicks, 'SIGKILL');
      return left.length === 0 ? true : undefined;
    },
    { intervalMs: 10, timeoutMs: 10_000, signal },
  );
  await rm(join(dir, 'postmaster.pid'), { force: true });
}

/** Hash over what initdb is told. */
export const postgresDataRecipe = (): string =>
  createHash('sha256')
    .update(`${INITDB_ARGS.join(' ')} ${POSTGRES_PASSWORD}`)
    .digest('hex')
    .slice(0, 8);

/** The folder that devnets get a copy of; only to be read. It is the unprivileged account's when we are root. */
export async function ensurePostgresTemplate(signal?: AbortSignal): Promise<string> {
  const { binDir, version } = await postgresBinaries();
  const recipe = postgresDataRecipe();
  const templates = join(cacheDir(), 'postgres-data');
  const template = join(templates, `${version}-${process.arch}-${process.getuid?.() ?? 0}-${recipe}`);
  const data = join(template, 'data');
  await withFileLock(
    `${template}.lock`,
    async () => {
      if (!(await hasPostgresData(data))) await buildFolder(template, (temp) => initdb(binDir, temp, signal));
    },
    signal,
  );
  return data;
}

/** initdb in a folder named through the working directory: the unprivileged account may not be able to walk the path to it. */
async function initdb(binDir: string, dir: string, signal?: AbortSignal): Promise<void> {
  const data = join(dir, 'data');
  const passwordFile = join(dir, 'password');
  await mkdir(data, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o755);
  await writeFile(passwordFile, `${POSTGRES_PASSWORD}\n`);
  await chmod(passwordFile, 0o644);
  if (runsAsRoot()) await chown(data, NOBODY.uid, NOBODY.gid);
  try {
    await promisify(execFile)(
      join(binDir, 'initdb'),
      [...INITDB_ARGS, '--pwfile=../password', '--pgdata=/proc/self/cwd'],
      {
        cwd: data,
        env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
        ...unprivilegedAccount(),
        ...(signal ? { signal } : {}),
      },
    );
  } catch (cause) {
    signal?.throwIfAborted();
    const said = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new DevkitError('HOST_UNFIT', `initdb failed: ${said}`, { cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function copyData(template: string, target: string): Promise<void> {
  await cp(template, target, { recursive: true, mode: constants.COPYFILE_FICLONE });
  if (runsAsRoot()) await giveToNobody(target);
}

async function giveToNobody(dir: string): Promise<void> {
  await lchown(dir, NOBODY.uid, NOBODY.gid);
  const entries = await readdir(dir, { withFileTypes: true });
  await Promise.all(
    entries.map((entry) =>
      entry.isDirectory() ? giveToNobody(join(dir, entry.name)) : lchown(join(dir, entry.name), NOBODY.uid, NOBODY.gid),
    ),
  );
}

/** Builds beside the target, then renames; what an interrupted call left is replaced. */
async function buildFolder(target: string, build: (temp: string) => Promise<void>): Promise<void> {
  const temp = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await build(temp);
    await rm(target, { recursive: true, force: true });
    await rename(temp, target);
  } catch (error) {
    await rm(temp, { recursive: true, force: true });
    throw error;
  }
}
