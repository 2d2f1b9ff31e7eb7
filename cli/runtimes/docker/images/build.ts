/** One image: its build context sent to the engine, what the engine says turned into events or an error. */
import { DevkitError } from '../../../core/errors.ts';
import type { Engine } from '../engine.ts';
import { daemonText, httpStatus, translateError } from '../errors.ts';
import { packEntries } from './context.ts';
import { contextEntries } from './files.ts';
import type { Recipe } from './recipe.ts';
import { EngineStreamError, followLines } from './stream.ts';

/** Labels of images. `base`: where Node and the C library came from. */
export const IMAGE_LABEL = { image: 'devkit.image', recipe: 'devkit.recipe', base: 'devkit.base' } as const;

/** Name of what the base is built on when it was made here. */
export const ROOTFS = 'rootfs';

export interface BuildOptions {
  /** Reference or id of the image it stands on. */
  baseImage: string;
  labels?: Record<string, string>;
  /** Also where the engine has the layers already. */
  force?: boolean;
  signal: AbortSignal;
}

/**
 * Builds and tags the image. Needs no network: nothing is pulled, and nothing runs while it is built.
 * @throws DevkitError HOST_UNFIT: disk full, base missing, a failed build step with what the engine said last
 */
export async function buildImage(engine: Engine, recipe: Recipe, options: BuildOptions): Promise<void> {
  const { baseImage, labels = {}, force = false, signal } = options;
  const context = packEntries(await contextEntries(recipe.definition, signal), signal);
  const done = new AbortController();
  let step = 'the build context';
  try {
    const stream = await engine.docker.buildImage(context, {
      t: recipe.tag,
      buildargs: { BASE_IMAGE: baseImage },
      labels: { [IMAGE_LABEL.image]: recipe.name, [IMAGE_LABEL.recipe]: recipe.hash, ...labels },
      networkmode: 'none',
      rm: true,
      forcerm: true,
      nocache: force,
      abortSignal: AbortSignal.any([signal, done.signal]),
    });
    await followLines(stream, (line) => {
      if (line.stream?.startsWith('Step ')) step = line.stream.trim();
    });
  } catch (error) {
    signal.throwIfAborted();
    const failed = { host: engine.host, name: recipe.name, baseImage, step };
    throw buildFailure(failed, context.errored ?? error);
  } finally {
    context.destroy();
    done.abort();
  }
}

/** What failed: the image, what it was built on, the step as the engine names it. */
export interface FailedBuild {
  host: string;
  name: string;
  baseImage: string;
  step: string;
}

const NO_BASE = /pull access denied|manifest unknown|no such image|repository does not exist|invalid from flag/i;
const SHOWN_LINES = 5;

/** The error of a failed build in words that say what to do; its last lines follow the first one. */
export function buildFailure({ host, name, baseImage, step }: FailedBuild, cause: unknown): unknown {
  if (isDiskFull(cause)) return diskFull(`image ${name}`, cause);
  const { message } = cause as Error;
  if (NO_BASE.test(message)) {
    return new DevkitError('HOST_UNFIT', `image ${name}: the engine has no image ${baseImage} to build it on`, {
      hint: 'devkit images build base',
      cause,
    });
  }
  if (!(cause instanceof EngineStreamError) && httpStatus(cause) === undefined) {
    return translateError(cause, { host, action: `build the image ${name}` });
  }
  const lines = cause instanceof EngineStreamError ? cause.lines : [];
  const shown = lines.slice(-SHOWN_LINES).map((line) => `\n  ${line}`);
  return new DevkitError(
    'HOST_UNFIT',
    `image ${name} could not be built: ${step}: ${daemonText(cause)}${shown.join('')}`,
    {
      hint: `devkit images build ${name} --force`,
      details: { step, lines },
      cause,
    },
  );
}

export const isDiskFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' || /no space left on device/i.test((error as Error).message);

export const diskFull = (what: string, cause: unknown): DevkitError =>
  new DevkitError('HOST_UNFIT', `${what}: the disk of the container engine is full`, {
    hint: 'devkit images prune   removes images of older versions; docker system df   says what takes the space',
    cause,
  });
