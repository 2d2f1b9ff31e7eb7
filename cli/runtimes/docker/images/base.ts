/** The base image: Node from a registry where one can be reached, else from Debian's packages, else from this machine. */
import type { Readable } from 'node:stream';
import { DevkitError } from '../../../core/errors.ts';
import type { EventSink } from '../../../core/events.ts';
import type { Engine } from '../engine.ts';
import { daemonText, translateError } from '../errors.ts';
import { buildImage, diskFull, IMAGE_LABEL, isDiskFull, ROOTFS } from './build.ts';
import { findImage } from './inspect.ts';
import type { Recipe } from './recipe.ts';
import { debianObstacle, debianRootfs, hostRootfs } from './rootfs.ts';
import { followLines } from './stream.ts';

/** Where a base image comes from. */
export type BaseKind = 'registry' | 'debian' | 'host';

/** A registry that says nothing for so long is not there. */
const SILENCE_MS = 15_000;

export interface BaseOptions {
  /** Ask no registry and no package archive. */
  offline: boolean;
  force: boolean;
  emit: EventSink;
  signal: AbortSignal;
}

/** Makes the base image and says in one line what it was made from. */
export async function buildBase(engine: Engine, recipe: Recipe, options: BaseOptions): Promise<void> {
  const { emit, signal, force } = options;
  const found = await findFoundation(engine, recipe, options);
  await buildImage(engine, recipe, {
    baseImage: found.image,
    labels: { [IMAGE_LABEL.base]: found.kind },
    force,
    signal,
  });
  emit({ type: 'notice', message: `image ${recipe.tag}: ${found.about}` });
}

interface Foundation {
  kind: BaseKind;
  image: string;
  about: string;
}

async function findFoundation(engine: Engine, recipe: Recipe, options: BaseOptions): Promise<Foundation> {
  const { offline, signal } = options;
  const reference = publishedBase(recipe.definition.dockerfile);
  if ((await findImage(engine, reference)) !== undefined) {
    return { kind: 'registry', image: reference, about: `Node from ${reference}, which the engine has` };
  }
  const refused: string[] = [];
  if (offline) refused.push('offline');
  else {
    const problem = await pullBase(engine, reference, { signal });
    if (problem === undefined) return { kind: 'registry', image: reference, about: `Node from ${reference}` };
    refused.push(`${reference} cannot be pulled (${problem})`);
    const debian = await fromDebian(engine, recipe, options);
    if (typeof debian !== 'string') return { ...debian, about: `${debian.about}, because ${refused[0]}` };
    refused.push(`nor be made from Debian's packages (${debian})`);
  }
  const image = await importRootfs(engine, recipe, 'host', await hostRootfs(signal), options);
  const about = `Node and libraries of this machine, because ${refused.join(', ')}`;
  return { kind: 'host', image, about };
}

/** What the Dockerfile names as the base when nobody says otherwise. */
export function publishedBase(dockerfile: string): string {
  const named = /^ARG BASE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1];
  if (named === undefined) throw new Error('the Dockerfile of the base image has no ARG BASE_IMAGE=<reference>');
  return named;
}

/** Undefined when pulled, else the reason in a few words. Gives up after `silenceMs` without a word of progress. */
export async function pullBase(
  engine: Engine,
  reference: string,
  { signal, silenceMs = SILENCE_MS }: { signal: AbortSignal; silenceMs?: number },
): Promise<string | undefined> {
  const silence = new AbortController();
  const giveUp = (): void => silence.abort(new Error(`no answer for ${silenceMs / 1000} s`));
  let timer = setTimeout(giveUp, silenceMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, silenceMs);
  };
  try {
    const abortSignal = AbortSignal.any([signal, silence.signal]);
    await followLines(await engine.docker.pull(reference, { abortSignal }), heard);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (isDiskFull(error)) throw diskFull(`pulling ${reference}`, error);
    const known = translateError(error, { host: engine.host, action: `pull ${reference}` });
    if (known instanceof DevkitError && isEngineTrouble(known)) throw known;
    const reason = silence.signal.aborted ? (silence.signal.reason as Error) : (error as Error);
    return shortReason(daemonText(reason));
  } finally {
    clearTimeout(timer);
  }
}

/** Of the engine's sentences the part that says what went wrong. */
export function shortReason(text: string): string {
  if (/no such host|lookup .* (server misbehaving|i\/o timeout)/i.test(text)) return 'its registry has no address here';
  if (/connection refused/i.test(text)) return 'its registry refuses connections';
  if (/i\/o timeout|deadline exceeded|Client\.Timeout|request canceled|no route to host|unreachable/i.test(text)) {
    return 'its registry cannot be reached';
  }
  return text.split('\n')[0] ?? text;
}

async function fromDebian(engine: Engine, recipe: Recipe, options: BaseOptions): Promise<Foundation | string> {
  const obstacle = await debianObstacle();
  if (obstacle !== undefined) return obstacle;
  try {
    const image = await importRootfs(engine, recipe, 'debian', () => debianRootfs(options.signal), options);
    return { kind: 'debian', image, about: "the kit's Node on Debian's packages" };
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof DevkitError && isEngineTrouble(error)) throw error;
    return (error as Error).message;
  }
}

/** Full or gone: another way to make the base would not help. */
const isEngineTrouble = ({ cause, details }: DevkitError): boolean =>
  isDiskFull(cause ?? {}) || details?.['engineGone'] === true;

type Made = Readable | (() => Promise<Readable>);

/** Gives the engine a file system as an image of its own, once per recipe. Returns its tag. */
async function importRootfs(
  engine: Engine,
  recipe: Recipe,
  kind: BaseKind,
  made: Made,
  { signal, force }: BaseOptions,
): Promise<string> {
  const [repo, tag] = [`devkit/${ROOTFS}`, `${kind}-${recipe.hash.slice(0, 12)}`];
  const reference = `${repo}:${tag}`;
  if (!force && (await findImage(engine, reference)) !== undefined) return reference;
  const file = typeof made === 'function' ? await made() : made;
  const labels = { [IMAGE_LABEL.image]: ROOTFS, [IMAGE_LABEL.recipe]: recipe.hash, [IMAGE_LABEL.base]: kind };
  const changes = `LABEL ${Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')}`;
  try {
    await followLines(await engine.docker.importImage(file, { repo, tag, changes, abortSignal: signal }));
  } catch (error) {
    signal.throwIfAborted();
    const cause = file.errored ?? error;
    if (isDiskFull(cause)) throw diskFull('the base image', cause);
    throw translateError(cause, { host: engine.host, action: 'import the base image' });
  } finally {
    file.destroy();
  }
  return reference;
}
