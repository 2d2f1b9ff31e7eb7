/** What the containers of a chain are given of this machine: images, its configuration files, its object stores, the reference string. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../lib/cache-dir.ts';
import { createBb } from '../../proving/bb.ts';
import { ensureCrs } from '../../proving/crs.ts';
import { coreStoreDir, proverStoreDir } from '../../systems/zksync/containers.ts';
import { CRS_POINTS } from '../../systems/zksync/protocol/circuits.ts';
import type { Aggregation } from '../../systems/zksync/protocol/ids.ts';
import { ALL_BUCKETS } from '../../systems/zksync/protocol/store/buckets.ts';
import type { ComponentSpec } from '../core/types.ts';
import {
  copyForContainers,
  ensureLocalImages,
  handOver,
  handOverMounts,
  prepareCompileCache,
} from './container-places.ts';
import type { ServiceContext } from './context.ts';
import type { OpenDevnet } from './devnet.ts';

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

async function copyConfigs({ zksync }: OpenDevnet): Promise<void> {
  const names = (await readdir(zksync.configsDir)).filter((name) => name.endsWith('.yaml'));
  await copyForContainers(
    zksync.containers.configsDir,
    Object.fromEntries(names.map((name) => [name, join(zksync.configsDir, name)])),
  );
}

/** Containers only read the cache: the reference string and the verifier's copy of `bb` must be there. */
async function warmCache(ctx: ServiceContext, crsName: string, aggregation: Aggregation): Promise<void> {
  const points = CRS_POINTS[aggregation].prove;
  const crs = await ensureCrs({ crs: crsName, points, cacheDir: cacheDir(), signal: ctx.signal });
  await createBb({ crs, cacheDir: cacheDir() }).prepare();
}

/** Every bucket exists before any component makes it as another account. */
async function prepareStore(dir: string): Promise<void> {
  for (const bucket of ALL_BUCKETS) await mkdir(join(dir, bucket), { recursive: true });
  await handOver(dir);
}
