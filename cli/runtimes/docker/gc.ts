import { stat } from 'node:fs/promises';
import { listContainers, removeContainers } from './containers.ts';
import type { Engine } from './engine.ts';
import { engineCall } from './errors.ts';
import { LABEL } from './labels.ts';
import { removeNetworks } from './network.ts';
import { removeVolumes } from './volumes.ts';

/** Names. */
export interface Garbage {
  containers: string[];
  networks: string[];
  volumes: string[];
}

interface Owned {
  name: string;
  dir: string;
}

export interface GarbageOptions {
  /** Only list it. */
  plan?: boolean;
  /** Only devnets below this folder; default: all of the engine. */
  within?: string;
}

/**
 * Removes what belongs to devnets whose folder is gone (a workspace deleted by hand); with `plan` it is only listed.
 * Goes by label alone, so nothing that the kit did not make is touched.
 */
export async function collectGarbage(engine: Engine, options: GarbageOptions = {}): Promise<Garbage> {
  const owned = await ownedThings(engine, LABEL.dir);
  const all = Object.values(owned).flatMap((things: Owned[]) => things.map((thing) => thing.dir));
  const { within } = options;
  const dirs = new Set(within === undefined ? all : all.filter((dir) => dir.startsWith(`${within}/`)));
  const checked = await Promise.all([...dirs].map(async (dir) => ((await isGone(dir)) ? [dir] : [])));
  const gone = new Set(checked.flat());
  const garbage = namesOf(owned, (thing) => gone.has(thing.dir));
  if (options.plan) return garbage;
  const signal = new AbortController().signal;
  await removeContainers(engine, garbage.containers, signal);
  for (const dir of gone) {
    await removeNetworks(engine, dir);
    await removeVolumes(engine, dir);
  }
  return garbage;
}

/** What is left of one devnet. */
export async function devnetFootprint(engine: Engine, dir: string): Promise<Garbage> {
  return namesOf(await ownedThings(engine, `${LABEL.dir}=${dir}`), () => true);
}

async function ownedThings(engine: Engine, label: string): Promise<Record<keyof Garbage, Owned[]>> {
  const { docker, host } = engine;
  const filters = { label: [label] };
  return engineCall({ host, action: 'list what is labelled' }, async () => {
    const [containers, networks, { Volumes: volumes }] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
      docker.listVolumes({ filters }),
    ]);
    const dirOf = (labels: Record<string, string> | null | undefined): string => labels?.[LABEL.dir] ?? '';
    return {
      containers: containers.map((c) => ({ name: c.Names[0]?.replace(/^\//, '') ?? c.Id, dir: dirOf(c.Labels) })),
      networks: networks.map((network) => ({ name: network.Name, dir: dirOf(network.Labels) })),
      volumes: (volumes ?? []).map((volume) => ({ name: volume.Name, dir: dirOf(volume.Labels) })),
    };
  });
}

const namesOf = (owned: Record<keyof Garbage, Owned[]>, keep: (thing: Owned) => boolean): Garbage => {
  const names = (things: Owned[]): string[] =>
    things
      .filter(keep)
      .map((thing) => thing.name)
      .sort();
  return { containers: names(owned.containers), networks: names(owned.networks), volumes: names(owned.volumes) };
};

/** Only where the folder is known not to exist: one that this account may not look into is somebody's devnet. */
async function isGone(dir: string): Promise<boolean> {
  try {
    await stat(dir);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR';
  }
}

/** Containers, running or not, then networks of one devnet; not its volumes. Returns the names of the containers. */
export async function sweepDevnet(engine: Engine, dir: string, signal: AbortSignal): Promise<string[]> {
  const containers = await listContainers(engine, dir);
  const names = containers.map((c) => c.Names[0]?.replace(/^\//, '') ?? c.Id).sort();
  await removeContainers(engine, names, signal);
  await removeNetworks(engine, dir);
  return names;
}
