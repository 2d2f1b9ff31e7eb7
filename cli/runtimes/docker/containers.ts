/** Single containers: look at, stop, remove. */
import type Docker from 'dockerode';
import { poll } from '../../../lib/deadline.ts';
import { DevkitError } from '../../core/errors.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import type { Engine } from './engine.ts';
import { engineCall, isConflict, isDone, isMissing } from './errors.ts';
import { belongsTo, ofDevnet } from './labels.ts';
import { containerName } from './names.ts';

export type Container = Docker.ContainerInspectInfo;

/** Undefined when there is none. @throws DevkitError ALREADY_EXISTS when one that is not of this devnet has its name */
export async function findContainer(engine: Engine, paths: DevnetPaths, id: string): Promise<Container | undefined> {
  const name = containerName(paths, id);
  const found = await inspectContainer(engine, name);
  if (found === undefined || belongsTo(found.Config.Labels, paths)) return found;
  throw new DevkitError('ALREADY_EXISTS', `there is a container ${name} that is not of this devnet`, {
    hint: `docker rm ${name}`,
  });
}

/** By name or id; undefined when there is none. */
export async function inspectContainer({ docker, host }: Engine, name: string): Promise<Container | undefined> {
  return engineCall({ host, action: `look at the container ${name}` }, async () => {
    try {
      return await docker.getContainer(name).inspect();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

/** All of a devnet, whatever their state. */
export async function listContainers({ docker, host }: Engine, dir: string): Promise<Docker.ContainerInfo[]> {
  return engineCall({ host, action: 'list containers' }, () =>
    docker.listContainers({ all: true, filters: ofDevnet(dir) }),
  );
}

/**
 * The stop signal, then SIGKILL when the grace (both as the container was made with) is over. One that does not run is left as it is.
 * Aborting ends the waiting; the engine goes on stopping it.
 */
export async function stopContainer({ docker, host }: Engine, name: string, signal: AbortSignal): Promise<void> {
  await engineCall(
    { host, action: `stop the container ${name}` },
    async () => {
      try {
        await docker.getContainer(name).stop({ abortSignal: signal });
      } catch (error) {
        if (!isDone(error) && !isMissing(error)) throw error;
      }
    },
    signal,
  );
}

const REMOVE_WAIT_MS = 20_000;

/** Kills it if it runs, and returns once it is gone, also when another command removes it. */
export async function removeContainer(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  const { docker, host } = engine;
  await engineCall({ host, action: `remove the container ${name}` }, async () => {
    try {
      await docker.getContainer(name).remove({ force: true, v: true });
    } catch (error) {
      if (isMissing(error)) return;
      if (!isConflict(error)) throw error;
      const gone = async (): Promise<true | undefined> =>
        (await inspectContainer(engine, name)) === undefined ? true : undefined;
      await poll(gone, { intervalMs: 50, timeoutMs: REMOVE_WAIT_MS, signal });
    }
  });
}

/** Removes all that can be removed. @throws the first failure, once all were tried */
export async function removeContainers(engine: Engine, names: readonly string[], signal: AbortSignal): Promise<void> {
  const results = await Promise.allSettled(names.map((name) => removeContainer(engine, name, signal)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
