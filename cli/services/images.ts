/** `devkit images`: make, list and remove the kit's own container images. */
import type { EventSink } from '../core/events.ts';
import { connectEngine } from '../runtimes/docker/engine.ts';
import {
  type EnsuredImage,
  ensureImages,
  imageNames,
  type ListedImage,
  listImages,
  type PrunedImages,
  pruneImages,
} from '../runtimes/docker/images/index.ts';

/** The machine's engine, whatever the devnet. */
interface MachineContext {
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
}

export interface BuildImagesInput {
  /** Empty: all. */
  names: readonly string[];
  /** Ask no registry and no package archive. */
  offline: boolean;
  /** Make them again although they are up to date. */
  force: boolean;
}

/** @throws DevkitError NOT_FOUND for a name that is no image, HOST_UNFIT without an engine or when one cannot be made */
export async function buildImages(
  ctx: MachineContext & { emit: EventSink },
  input: BuildImagesInput,
): Promise<{ images: EnsuredImage[] }> {
  const names = input.names.length > 0 ? input.names : await imageNames();
  const { offline, force } = input;
  const engine = await connectEngine({ env: ctx.env });
  const { emit, signal } = ctx;
  return { images: await ensureImages(engine, names, { emit, signal, offline, force }) };
}

export async function imageList(ctx: MachineContext): Promise<{ engine: string; images: ListedImage[] }> {
  const engine = await connectEngine({ env: ctx.env });
  return { engine: `Docker ${engine.version} at ${engine.host}`, images: await listImages(engine, ctx.signal) };
}

/** Left-over images; with `all` the current ones too. What a container uses stays. */
export async function imagePrune(ctx: MachineContext, { all }: { all: boolean }): Promise<PrunedImages> {
  return pruneImages(await connectEngine({ env: ctx.env }), { all, signal: ctx.signal });
}
