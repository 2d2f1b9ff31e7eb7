/** Keys of the prover, of whichever variant the ecosystem is: `prover setup-keys`, `compressor-keys`, `init-bellman-cuda`. */
import type { KeyRegion } from '../../systems/zksync/upstream/key-buckets.ts';
import type { BellmanCudaInput } from './bellman-cuda.ts';
import type { ServiceContext } from './context.ts';
import type { Ecosystem } from './ecosystem/files.ts';
import {
  type CompressorKeysResult,
  compressorKeys,
  type KeysMode,
  type SetupKeysResult,
  setupKeys,
} from './ecosystem/keys.ts';
import type { GeneratedKeys } from './upstream-key-generator.ts';
import {
  type DownloadedCompressorKey,
  type DownloadedKeys,
  downloadCompressorKey,
  downloadSetupKeys,
  isUpstream,
  type UpstreamKeyInput,
} from './upstream-keys.ts';

export interface InstallKeysInput extends UpstreamKeyInput {
  mode: KeysMode;
  /** Upstream's buckets; default `us`. */
  region?: KeyRegion | undefined;
  /** Upstream's program, for `generate`. */
  keyGenerator?: string | undefined;
  ignorePrerequisites?: boolean | undefined;
}

export type InstalledKeys = SetupKeysResult | DownloadedKeys | GeneratedKeys;

/** Reference keys ship with the kit or are made; upstream's are downloaded from its buckets or generated on a GPU. */
export async function installSetupKeys(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: InstallKeysInput,
): Promise<InstalledKeys> {
  if (!(await isUpstream(ctx, ecosystem, input.chain))) {
    ignore(ctx, { '--region': input.region, '--keys-url': input.keysUrl, '--verify': input.verify });
    return setupKeys(ctx, ecosystem, input.mode);
  }
  if (input.mode === 'download') return downloadSetupKeys(ctx, ecosystem, { ...input, region: input.region ?? 'us' });
  const { generateSetupKeys } = await import('./upstream-key-generator.ts');
  return generateSetupKeys(ctx, ecosystem, input);
}

export type InstalledCompressorKey = CompressorKeysResult | DownloadedCompressorKey;

/** The reference string, or upstream's universal setup; both are named in `general.yaml`. */
export async function installCompressorKey(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: UpstreamKeyInput & { path?: string | undefined },
): Promise<InstalledCompressorKey> {
  if (await isUpstream(ctx, ecosystem, input.chain)) return downloadCompressorKey(ctx, ecosystem, input);
  ignore(ctx, { '--keys-url': input.keysUrl, '--verify': input.verify });
  return compressorKeys(ctx, ecosystem, input.path);
}

/** Upstream's GPU compressor is linked with it; the reference one needs none, so nothing is built for it. */
export async function prepareBellmanCuda(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  input: BellmanCudaInput & { chain?: string | undefined },
): Promise<{ bellmanCudaDir: string | null; cloned: boolean }> {
  if (await isUpstream(ctx, ecosystem, input.chain)) {
    const { initBellmanCuda } = await import('./bellman-cuda.ts');
    return initBellmanCuda(ctx, ecosystem, input);
  }
  const message = 'bellman-cuda is not needed: the reference compressor proves on the CPU; nothing is cloned or built';
  ctx.emit({ type: 'notice', message });
  if (input.dir === undefined) return { bellmanCudaDir: null, cloned: false };
  const { editYaml } = await import('./ecosystem/yaml-file.ts');
  await editYaml(ecosystem.paths.file, { bellman_cuda_dir: input.dir });
  return { bellmanCudaDir: input.dir, cloned: false };
}

function ignore(ctx: ServiceContext, flags: Record<string, unknown>): void {
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined || value === false) continue;
    const text = value === true ? flag : `${flag} ${value}`;
    ctx.emit({ type: 'notice', message: `${text} is ignored: the keys ship with the kit` });
  }
}
