/** Images of the kit: made on this machine from `compose/images`, never published. */
import { withFileLock } from '../../../../lib/file-lock.ts';
import { DevkitError } from '../../../core/errors.ts';
import type { EventSink } from '../../../core/events.ts';
import type { Engine } from '../engine.ts';
import { engineCall } from '../errors.ts';
import { buildBase } from './base.ts';
import { buildImage, IMAGE_LABEL } from './build.ts';
import { imageArch } from './files.ts';
import { findImage, imagesLock } from './inspect.ts';
import { imageRecipe, type Recipe } from './recipe.ts';

export { type ListedImage, listImages, type PrunedImages, pruneImages } from './catalog.ts';
export { imageNames } from './definition.ts';

/** `devkit/<name>:<recipe>`: what the image is called when it is up to date. @throws DevkitError NOT_FOUND */
export const localImageTag = async (name: string): Promise<string> => (await imageRecipe(name)).tag;

export interface EnsureOptions {
  signal: AbortSignal;
  emit: EventSink;
  /** Ask no registry and no package archive: Node and libraries of this machine. */
  offline?: boolean;
  /** Make the named images again although they are up to date. */
  force?: boolean;
}

export interface EnsuredImage {
  name: string;
  tag: string;
  sizeBytes: number;
  /** Where Node and the C library came from: `registry`, `debian` or `host`. */
  base: string;
  /** False: it was there. */
  built: boolean;
}

/**
 * Makes those of the images that are missing or not up to date, and what they stand on. One builder at a time on this machine.
 * @throws DevkitError NOT_FOUND for a name that is no image, HOST_UNFIT when one cannot be made
 */
export async function ensureImages(
  engine: Engine,
  names: readonly string[],
  options: EnsureOptions,
): Promise<EnsuredImage[]> {
  const { signal, force = false } = options;
  const recipes = await Promise.all([...new Set(names)].map((name) => imageRecipe(name)));
  const there = await Promise.all(recipes.map(({ tag }) => findImage(engine, tag)));
  const built = new Set<string>();
  if (force || there.includes(undefined)) {
    await checkPlatform(engine);
    await withFileLock(imagesLock(), () => buildMissing(engine, recipes, options, built), signal);
  }
  return Promise.all(recipes.map((recipe) => ensured(engine, recipe, built)));
}

async function buildMissing(
  engine: Engine,
  recipes: readonly Recipe[],
  options: EnsureOptions,
  built: Set<string>,
): Promise<void> {
  for (const base of uniqueBases(recipes)) await buildOne(engine, base, options, built, asked(recipes, base));
  const others = recipes.filter(({ base }) => base !== undefined);
  await Promise.all(others.map((recipe) => buildOne(engine, recipe, options, built, true)));
}

const asked = (recipes: readonly Recipe[], base: Recipe): boolean => recipes.some(({ name }) => name === base.name);

function uniqueBases(recipes: readonly Recipe[]): Recipe[] {
  const bases = recipes.map((recipe) => recipe.base ?? recipe);
  return [...new Map(bases.map((base) => [base.name, base])).values()];
}

/** `named`: the user asked for this one, so `force` means it. */
async function buildOne(
  engine: Engine,
  recipe: Recipe,
  { signal, emit, offline = false, force = false }: EnsureOptions,
  built: Set<string>,
  named: boolean,
): Promise<void> {
  const again = force && named;
  if (!again && (await findImage(engine, recipe.tag)) !== undefined) return;
  const started = performance.now();
  const event = { step: `image:${recipe.name}`, title: `image ${recipe.tag}` };
  emit({ type: 'step.started', ...event });
  try {
    if (recipe.base === undefined) await buildBase(engine, recipe, { signal, emit, offline, force: again });
    else await buildImage(engine, recipe, { baseImage: recipe.base.tag, force: again, signal });
  } catch (error) {
    emit({ type: 'step.failed', ...event, message: (error as Error).message.split('\n')[0] ?? '' });
    throw error;
  }
  built.add(recipe.name);
  emit({ type: 'step.done', ...event, durationMs: performance.now() - started });
}

/** Programs are taken from this machine's packages, so the engine must run the same kind of machine. */
async function checkPlatform({ docker, host }: Engine): Promise<void> {
  const { Arch, Os } = await engineCall({ host, action: 'say what it is' }, () => docker.version());
  if (process.platform === 'linux' && Os === 'linux' && Arch === imageArch()) return;
  throw new DevkitError(
    'HOST_UNFIT',
    `the engine at ${host} runs ${Os} on ${Arch}, this machine is ${process.platform} on ${imageArch()}: images can only be made for the same`,
    { hint: 'use an engine of this machine, or --runtime process' },
  );
}

async function ensured(engine: Engine, { name, tag }: Recipe, built: ReadonlySet<string>): Promise<EnsuredImage> {
  const found = await findImage(engine, tag);
  if (found === undefined) {
    throw new DevkitError('HOST_UNFIT', `image ${tag} was removed while it was being made`, {
      hint: `devkit images build ${name}`,
    });
  }
  const { sizeBytes, labels } = found;
  return { name, tag, sizeBytes, base: labels[IMAGE_LABEL.base] ?? 'unknown', built: built.has(name) };
}
