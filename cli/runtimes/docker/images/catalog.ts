/** The kit's images in an engine: which are up to date, which are left over. Only what carries our label is looked at. */
import { withFileLock } from '../../../../lib/file-lock.ts';
import type { Engine } from '../engine.ts';
import { engineCall, isConflict, isMissing, translateError } from '../errors.ts';
import { IMAGE_LABEL, ROOTFS } from './build.ts';
import { BASE_IMAGE, imageNames } from './definition.ts';
import { imagesLock } from './inspect.ts';
import { imageRecipe } from './recipe.ts';

export interface ListedImage {
  name: string;
  /** Null for an image that lost its name to a newer one. */
  tag: string | null;
  id: string | null;
  /** `current`: what a start would take; `stale`: of other sources; `missing`: would be made first. */
  state: 'current' | 'stale' | 'missing';
  /** With what it shares with other images. */
  sizeBytes: number | null;
  /** Where Node and the C library came from: `registry`, `debian`, `host`. */
  base: string | null;
  createdAt: string | null;
}

/** Every image of the kit that the engine has, and those it lacks; by name, newest first. */
export async function listImages(engine: Engine, signal: AbortSignal): Promise<ListedImage[]> {
  const recipes = await Promise.all((await imageNames()).map((name) => imageRecipe(name)));
  const current = new Set(recipes.map(({ hash }) => hash));
  const baseTag = recipes.find(({ name }) => name === BASE_IMAGE)?.tag ?? '';
  const filters = { label: [IMAGE_LABEL.image] };
  const list = { host: engine.host, action: 'list its images' };
  const found = await engineCall(list, () => engine.docker.listImages({ filters, abortSignal: signal }), signal);
  found.sort((a, b) => b.Created - a.Created);
  const baseNow = found.find(({ RepoTags }) => RepoTags?.includes(baseTag))?.Labels?.[IMAGE_LABEL.base];
  const rows = found.flatMap(({ Id, RepoTags, Labels, Size, Created }): ListedImage[] => {
    const labels = Labels ?? {};
    const tags = (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
    const madeFor = labels[IMAGE_LABEL.image] !== ROOTFS || labels[IMAGE_LABEL.base] === baseNow;
    const fresh = tags.length > 0 && madeFor && current.has(labels[IMAGE_LABEL.recipe] ?? '');
    return (tags.length === 0 ? [null] : tags).map((tag) => ({
      name: labels[IMAGE_LABEL.image] ?? '',
      tag,
      id: Id,
      state: fresh ? 'current' : 'stale',
      sizeBytes: Size,
      base: labels[IMAGE_LABEL.base] ?? null,
      createdAt: new Date(Created * 1000).toISOString(),
    }));
  });
  const there = new Set(rows.filter(({ state }) => state === 'current').map(({ tag }) => tag));
  const missing = recipes
    .filter(({ tag }) => !there.has(tag))
    .map(({ name, tag }): ListedImage => {
      return { name, tag, id: null, state: 'missing', sizeBytes: null, base: null, createdAt: null };
    });
  return [...rows, ...missing].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** What others stand on comes first. */
const rank = ({ name }: ListedImage): number => (name === ROOTFS ? 0 : name === BASE_IMAGE ? 1 : 2);

export interface PrunedImages {
  removed: ListedImage[];
  /** What stays, and why. */
  kept: { image: ListedImage; reason: string }[];
}

/** Removes left-over images of the kit, with `all` also the current ones; never one that a container uses. */
export async function pruneImages(
  engine: Engine,
  { all, signal }: { all: boolean; signal: AbortSignal },
): Promise<PrunedImages> {
  return withFileLock(
    imagesLock(),
    async () => {
      const listed = await listImages(engine, signal);
      const goes = listed.filter(({ state }) => state === 'stale' || (all && state === 'current'));
      const users = await containersByImage(engine, signal);
      const result: PrunedImages = { removed: [], kept: [] };
      // those that stand on others go first
      for (const image of goes.reverse()) {
        const reason = usedBy(users.get(image.id ?? '')) ?? (await remove(engine, image, signal));
        if (reason === undefined) result.removed.push(image);
        else result.kept.push({ image, reason });
      }
      return result;
    },
    signal,
  );
}

async function containersByImage({ docker, host }: Engine, signal: AbortSignal): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>();
  const list = { host, action: 'list its containers' };
  const found = await engineCall(list, () => docker.listContainers({ all: true, abortSignal: signal }), signal);
  for (const { ImageID, Names, Id } of found) {
    const name = Names[0]?.replace(/^\//, '') ?? Id.slice(0, 12);
    users.set(ImageID, [...(users.get(ImageID) ?? []), name]);
  }
  return users;
}

const usedBy = (containers: readonly string[] | undefined): string | undefined =>
  containers && `used by ${containers.length === 1 ? 'container' : 'containers'} ${containers.join(', ')}`;

/** Undefined when it is gone, else why it stays. */
async function remove(
  { docker, host }: Engine,
  { tag, id }: ListedImage,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await docker.getImage(tag ?? id ?? '').remove({ abortSignal: signal });
    return undefined;
  } catch (error) {
    if (isMissing(error)) return undefined; // went with another one
    if (isConflict(error)) return 'another image stands on it, or a container was just made from it';
    throw translateError(error, { host, action: `remove the image ${tag ?? id}` });
  }
}
