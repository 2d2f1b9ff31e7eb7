/** Upstream's programs for a devnet: which specs, from which images or programs, and what must be there before they start. */
import { mkdir } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { isAbsolute } from 'node:path';
import { proverSpecs, serverSpec, type WorkerOptions } from '../../systems/zksync/index.ts';
import { floatingTagNotice } from '../../systems/zksync/upstream/images.ts';
import { affordableThreads } from '../../systems/zksync/upstream/memory.ts';
import {
  type Devices,
  type UpstreamOptions,
  upstreamProverSpecs,
  upstreamServerSpec,
  upstreamVersion,
} from '../../systems/zksync/upstream.ts';
import type { Stack, Variant } from '../core/stack.ts';
import type { ComponentSpec, RuntimeName } from '../core/types.ts';
import type { OpenDevnet } from './devnet.ts';
import { readYaml, textAt } from './ecosystem/yaml-file.ts';

type Devnet = Pick<OpenDevnet, 'zksync' | 'config' | 'ecosystem'>;

/** Whose components: what the stack says (file, DEVKIT_VARIANT or --variant), else the chain's general.yaml (`devkit.variant`). */
export function variantOf({ config }: Pick<OpenDevnet, 'config'>, stack: Stack): Variant {
  return stack.sources['variant'] === 'default' ? config.devkit.variant : stack.variant;
}

/** The prover components of the variant, for one runtime. */
export async function specsOfVariant(
  devnet: Devnet,
  stack: Stack,
  runtime: RuntimeName,
  workers: WorkerOptions & { devices?: Devices } = {},
): Promise<ComponentSpec[]> {
  if (variantOf(devnet, stack) === 'upstream') {
    const options = await upstreamOptions(devnet, stack, runtime, workers);
    return upstreamProverSpecs(devnet.zksync, options).map(withMemory(stack));
  }
  const { lightWvgCount, heavyWvgCount } = workers;
  const counted = lightWvgCount !== undefined || heavyWvgCount !== undefined;
  const threads = workers.threads ?? (counted ? undefined : cpus().length);
  return proverSpecs(devnet.zksync, { ...workers, threads }).map(withMemory(stack));
}

/** The memory limit that the stack gives a component's container. */
const withMemory =
  ({ memory }: Stack) =>
  (spec: ComponentSpec): ComponentSpec => {
    const bytes = memory[spec.id];
    if (bytes === undefined || spec.container === undefined) return spec;
    const limits = { ...spec.container.limits, memoryMiB: Math.floor(bytes / 2 ** 20) };
    return { ...spec, container: { ...spec.container, limits } };
  };

/** The server of the variant. */
export async function serverOfVariant(
  devnet: Devnet,
  stack: Stack,
  runtime: RuntimeName,
  components?: readonly string[],
): Promise<ComponentSpec> {
  const spec =
    variantOf(devnet, stack) === 'reference'
      ? serverSpec(devnet.zksync, components)
      : upstreamServerSpec(devnet.zksync, await upstreamOptions(devnet, stack, runtime), components);
  return withMemory(stack)(spec);
}

/** Options of upstream's specs as stack, flags and ecosystem say. `devices`: what placement chose; default: those of the stack. */
export async function upstreamOptions(
  devnet: Pick<OpenDevnet, 'ecosystem'>,
  stack: Stack,
  runtime: RuntimeName,
  workers: WorkerOptions & { devices?: Devices } = {},
): Promise<UpstreamOptions> {
  const bellmanCudaDir =
    runtime === 'process' ? textAt(await readYaml(devnet.ecosystem.paths.file), 'bellman_cuda_dir') : undefined;
  const counted = workers.threads ?? workers.lightWvgCount ?? workers.heavyWvgCount;
  return {
    devices: stack.devices === 'auto' ? 'all' : stack.devices,
    // the program's own default is one light and one heavy thread: a GPU would wait for them
    ...(counted === undefined ? { threads: affordableThreads({ cores: cpus().length, ramBytes: totalmem() }) } : {}),
    ...workers,
    tag: stack.tag,
    images: stack.images,
    binaries: stack.binaries,
    bellmanCudaDir,
  };
}

/**
 * Before any of `specs` is started in a container: folders to mount exist (the engine would refuse, or make them as root), images are
 * here or are pulled, and a tag that says nothing is pointed out. @throws DevkitError NOT_FOUND for an image that cannot be had
 */
export async function prepareUpstreamContainers(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  options: Pick<UpstreamOptions, 'version'> = {},
): Promise<void> {
  const { emit, signal } = devnet.ctx;
  const references = imagesOf(specs);
  const notice = floatingTagNotice(references, upstreamVersion(devnet.zksync, options));
  if (notice !== undefined) emit({ type: 'notice', message: notice });
  await makeMountSources(specs);
  const [{ connectEngine }, { pullMissing }] = await Promise.all([
    import('../runtimes/docker/engine.ts'),
    import('../runtimes/docker/pull.ts'),
  ]);
  await pullMissing(await connectEngine(), references, { emit, signal });
}

/** References of the images of a registry. */
export const imagesOf = (specs: readonly ComponentSpec[]): string[] => [
  ...new Set(
    specs.flatMap(({ container }) => (container && 'reference' in container.image ? [container.image.reference] : [])),
  ),
];

/** Makes the folders of this machine that will be mounted. */
export async function makeMountSources(specs: readonly ComponentSpec[]): Promise<void> {
  const mounts = specs.flatMap(({ container }) => container?.mounts ?? []);
  const folders = new Set(mounts.map(({ source }) => source).filter((source) => isAbsolute(source)));
  for (const folder of folders) await mkdir(folder, { recursive: true });
}
