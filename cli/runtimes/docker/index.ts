import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withFileLock } from '../../../lib/file-lock.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import type { ComponentStatus, ImageRef } from '../../core/types.ts';
import type { ManagedRuntime } from '../runtime.ts';
import { preserveAnvil } from './anvil.ts';
import { findContainer, inspectContainer, listContainers, removeContainer, stopContainer } from './containers.ts';
import type { Engine } from './engine.ts';
import { sweepDevnet } from './gc.ts';
import { describedBy, LABEL } from './labels.ts';
import { containerLines } from './logs.ts';
import { inspectComponent, type Look, lastLinesOf, lookAt } from './look.ts';
import { containerName } from './names.ts';
import { whenProgramEnds } from './program-end.ts';
import { recordedContainers, removeContainerRecord } from './record.ts';
import { type StartContext, startContainer } from './start.ts';
import { statusFrom, withOutOfMemory } from './status.ts';
import { containerUsage } from './usage.ts';

export interface DockerRuntimeOptions {
  paths: DevnetPaths;
  engine: Engine;
  /** Name that the engine knows an image by; default: the recipe's tag for local ones, the reference itself for others. */
  resolveImage?: (ref: ImageRef) => Promise<string>;
  /** The kit's environment, for ZKSYNC_* overrides; default: of this process. */
  env?: Readonly<Record<string, string | undefined>>;
}

interface Context extends StartContext {
  looks: Map<string, Look>;
}

/**
 * Components as containers of the devnet's own bridge. What is known of them is what the engine says, found by name and label, so any
 * number of kit processes may use one devnet; starts and stops of a component exclude each other. Every call throws
 * HOST_UNFIT with `details.engineGone` while the engine is down.
 */
export function createDockerRuntime(options: DockerRuntimeOptions): ManagedRuntime {
  const { paths, engine, env = process.env } = options;
  const resolveImage = once(options.resolveImage ?? imageTag);
  const context: Context = { paths, engine, resolveImage, env, looks: new Map() };
  const locked = <T>(id: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
    withFileLock(join(paths.runDir, `${id}.lock`), work, signal);
  return {
    name: 'docker',
    inspect: (id) => inspectComponent(context, id),
    start: (spec, signal) =>
      locked(spec.id, signal, async () => {
        const container = await startContainer(context, spec, signal);
        context.looks.set(spec.id, lookAt(container));
        return statusFrom(container);
      }),
    stop: async (id, signal, onEnded) => {
      const found = (await findContainer(engine, paths, id)) !== undefined || recordedContainers(paths).includes(id);
      if (!found) return;
      // without its folder there is nobody to exclude, and the folder shall not come back
      if (existsSync(paths.dir)) await locked(id, signal, () => stop(context, id, signal, onEnded));
      else await stop(context, id, signal, onEnded);
    },
    list: () => list(context),
    logs: (id, { follow, tail }, signal) => containerLines(engine, containerName(paths, id), { follow, tail }, signal),
    lastLines: (id, lines) => lastLinesOf(context, id, lines),
    describe: async (id) => {
      const container = await findContainer(engine, paths, id);
      return container && describedBy(container.Config.Labels);
    },
    usage: async (id) => {
      const container = await findContainer(engine, paths, id);
      return container?.State.Running ? containerUsage(engine, container) : undefined;
    },
    sweep: async (signal) => {
      const names = await sweepDevnet(engine, paths.dir, signal);
      await Promise.all(recordedContainers(paths).map((id) => removeContainerRecord(paths, id)));
      return names.map((name) => `container ${name}`);
    },
    preserve: preserveAnvil,
  };
}

async function stop(
  { engine, paths, looks }: Context,
  id: string,
  signal: AbortSignal,
  onEnded?: () => void,
): Promise<void> {
  const container = await findContainer(engine, paths, id);
  if (container) {
    const stopped = new AbortController();
    if (onEnded) void whenProgramEnds(container, onEnded, stopped.signal);
    await stopContainer(engine, container.Id, signal).finally(() => stopped.abort());
    onEnded?.();
    await removeContainer(engine, container.Id, signal);
  }
  looks.delete(id);
  await removeContainerRecord(paths, id);
}

/** As they are now; sorted by component. */
async function list({ engine, paths }: Context): Promise<ComponentStatus[]> {
  const containers = await listContainers(engine, paths.dir);
  const ids = containers.filter(({ Labels }) => LABEL.component in Labels).map(({ Id }) => Id);
  const statuses = await Promise.all(
    ids.map(async (id) => {
      const container = await inspectContainer(engine, id);
      return container ? [await withOutOfMemory(engine, container, statusFrom(container))] : [];
    }),
  );
  return statuses.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** One command uses one image, also if its sources change meanwhile. */
function once(resolve: (ref: ImageRef) => Promise<string>): (ref: ImageRef) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  return (ref) => {
    const key = JSON.stringify(ref);
    const found = known.get(key) ?? resolve(ref);
    known.set(key, found);
    return found;
  };
}

async function imageTag(ref: ImageRef): Promise<string> {
  if ('reference' in ref) return ref.reference;
  const { localImageTag } = await import('./images/index.ts');
  return localImageTag(ref.local);
}
