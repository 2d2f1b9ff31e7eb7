/** What containers are given of this machine: images, folders they may write, copies of files they may read. Of any system. */
import { existsSync } from 'node:fs';
import { chmod, copyFile, lchown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../lib/cache-dir.ts';
import type { ContainerPlaces } from '../core/system.ts';
import type { ComponentSpec, RuntimeName } from '../core/types.ts';
import { NOBODY, runsAsRoot } from '../host/unprivileged.ts';
import type { ServiceContext } from './context.ts';

/** Account of the containers that write to folders of this machine: ours; nobody when we are root. */
export const containerUser = (): string => {
  const { uid, gid } = runsAsRoot() ? NOBODY : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return `${uid}:${gid}`;
};

/** `configs`: name of the folder with the copies of the configuration files. */
export function containerPlaces({ paths }: ServiceContext, runtime: RuntimeName, configs: string): ContainerPlaces {
  return {
    configsDir: join(paths.containersDir, configs),
    cacheDir: cacheDir(),
    compileCacheDir: join(paths.containersDir, 'compile-cache'),
    user: containerUser(),
    network: runtime === 'docker' ? 'devnet' : 'host',
  };
}

/** Makes the images of this machine that are missing. */
export async function ensureLocalImages(ctx: ServiceContext, specs: readonly ComponentSpec[]): Promise<void> {
  const images = specs.map(({ container }) => container?.image);
  const names = [...new Set(images.flatMap((image) => (image && 'local' in image ? [image.local] : [])))];
  if (names.length === 0) return;
  const [{ connectEngine }, { ensureImages }] = await Promise.all([
    import('../runtimes/docker/engine.ts'),
    import('../runtimes/docker/images/index.ts'),
  ]);
  await ensureImages(await connectEngine(), names, { emit: ctx.emit, signal: ctx.signal });
}

/** Copies under `dir`, by name: the account of the containers may not be able to read the files themselves (0600). */
export async function copyForContainers(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const [name, source] of Object.entries(files)) {
    const target = join(dir, name);
    await copyFile(source, target);
    await chmod(target, 0o600);
  }
  await handOver(dir);
}

/** What is in it belongs to the containers already. */
export async function prepareCompileCache(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  if (runsAsRoot()) await lchown(dir, NOBODY.uid, NOBODY.gid);
}

/** Folders of this machine that containers write to; `except`: those that are theirs already. */
export async function handOverMounts(specs: readonly ComponentSpec[], except: readonly string[] = []): Promise<void> {
  const mounts = specs.flatMap(({ container }) => container?.mounts ?? []);
  const folders = mounts.filter(
    ({ source, readOnly }) => !readOnly && source.startsWith('/') && !except.includes(source),
  );
  await Promise.all(folders.map(({ source }) => mkdir(source, { recursive: true }).then(() => handOver(source))));
}

/** Root gives the folder and all in it to the containers' account; anybody else is that account. */
export async function handOver(dir: string): Promise<void> {
  if (!runsAsRoot() || !existsSync(dir)) return;
  await lchown(dir, NOBODY.uid, NOBODY.gid);
  const entries = await readdir(dir, { withFileTypes: true });
  await Promise.all(
    entries.map((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? handOver(path) : lchown(path, NOBODY.uid, NOBODY.gid).catch(ignoreGone);
    }),
  );
}

/** Temporary files come and go while others work. */
function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
