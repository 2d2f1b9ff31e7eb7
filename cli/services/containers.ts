/** What containers are given of this machine: images, configuration files they may read, folders they may write. */
import { existsSync } from 'node:fs';
import { chmod, copyFile, lchown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../lib/cache-dir.ts';
import { createBb } from '../../proving/bb.ts';
import { ensureCrs } from '../../proving/crs.ts';
import { coreStoreDir, proverStoreDir } from '../../systems/zksync/containers.ts';
import { CRS_POINTS } from '../../systems/zksync/protocol/circuits.ts';
import type { Aggregation } from '../../systems/zksync/protocol/ids.ts';
import { ALL_BUCKETS } from '../../systems/zksync/protocol/store/buckets.ts';
import type { ComponentSpec } from '../core/types.ts';
import { NOBODY, runsAsRoot } from '../host/unprivileged.ts';
import type { ServiceContext } from './context.ts';
import type { OpenDevnet } from './devnet.ts';

/** Account of the containers that write to folders of this machine: ours; nobody when we are root. */
export const containerUser = (): string => {
  const { uid, gid } = runsAsRoot() ? NOBODY : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return `${uid}:${gid}`;
};

/** The copies of a chain's configuration files that its containers read. */
export const containerConfigsDir = (ctx: ServiceContext, chain: string): string =>
  join(ctx.paths.containersDir, `configs-${chain}`);

/** Before the database and the L1 of a devnet are started in containers. */
export async function prepareInfrastructureContainers(
  ctx: ServiceContext,
  specs: readonly ComponentSpec[],
): Promise<void> {
  await Promise.all([ensureLocalImages(ctx, specs), handOverMounts(specs)]);
}

/** Before components of a chain are started in containers. */
export async function prepareContainers(devnet: OpenDevnet, specs: readonly ComponentSpec[]): Promise<void> {
  const { ctx, zksync, config } = devnet;
  const foreign = specs.filter(({ container }) => container && 'reference' in container.image);
  if (foreign.length > 0) {
    const { prepareUpstreamContainers } = await import('./upstream.ts');
    await prepareUpstreamContainers(devnet, foreign);
    // they run as root: nothing is handed over, and they want neither our images nor our reference string
    if (foreign.length === specs.length) return copyConfigs(devnet);
  }
  const stores = [proverStoreDir(zksync), coreStoreDir(zksync)];
  await Promise.all([
    ensureLocalImages(ctx, specs),
    copyConfigs(devnet),
    warmCache(ctx, config.devkit.crs, config.devkit.aggregation as Aggregation),
    ...stores.map(prepareStore),
    prepareCompileCache(zksync.containers.compileCacheDir),
    handOverMounts(specs.filter(({ program }) => program === 'anvil')),
  ]);
}

async function ensureLocalImages(ctx: ServiceContext, specs: readonly ComponentSpec[]): Promise<void> {
  const images = specs.map(({ container }) => container?.image);
  const names = [...new Set(images.flatMap((image) => (image && 'local' in image ? [image.local] : [])))];
  if (names.length === 0) return;
  const [{ connectEngine }, { ensureImages }] = await Promise.all([
    import('../runtimes/docker/engine.ts'),
    import('../runtimes/docker/images/index.ts'),
  ]);
  await ensureImages(await connectEngine(), names, { emit: ctx.emit, signal: ctx.signal });
}

/** The account of the containers may not be able to read the chain's own files (0600). */
async function copyConfigs({ ctx, zksync }: OpenDevnet): Promise<void> {
  const dir = zksync.containers.configsDir;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const names = (await readdir(zksync.configsDir)).filter((name) => name.endsWith('.yaml'));
  for (const name of names) {
    ctx.signal.throwIfAborted();
    const target = join(dir, name);
    await copyFile(join(zksync.configsDir, name), target);
    await chmod(target, 0o600);
  }
  await handOver(dir);
}

/** Containers only read the cache: the reference string and the verifier's copy of `bb` must be there. */
async function warmCache(ctx: ServiceContext, crsName: string, aggregation: Aggregation): Promise<void> {
  const points = CRS_POINTS[aggregation].prove;
  const crs = await ensureCrs({ crs: crsName, points, cacheDir: cacheDir(), signal: ctx.signal });
  await createBb({ crs, cacheDir: cacheDir() }).prepare();
}

/** What is in it belongs to the containers already. */
async function prepareCompileCache(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  if (runsAsRoot()) await lchown(dir, NOBODY.uid, NOBODY.gid);
}

/** Every bucket exists before any component makes it as another account. */
async function prepareStore(dir: string): Promise<void> {
  for (const bucket of ALL_BUCKETS) await mkdir(join(dir, bucket), { recursive: true });
  await handOver(dir);
}

/** Folders of this machine that containers write to. */
async function handOverMounts(specs: readonly ComponentSpec[]): Promise<void> {
  const mounts = specs.flatMap(({ container }) => container?.mounts ?? []);
  const folders = mounts.filter(({ source, readOnly }) => !readOnly && source.startsWith('/'));
  await Promise.all(folders.map(({ source }) => mkdir(source, { recursive: true }).then(() => handOver(source))));
}

/** Root gives the folder and all in it to the containers' account; anybody else is that account. */
async function handOver(dir: string): Promise<void> {
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
