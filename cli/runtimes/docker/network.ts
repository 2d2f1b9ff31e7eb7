import { join } from 'node:path';
import { withFileLock } from '../../../lib/file-lock.ts';
import { DevkitError } from '../../core/errors.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import type { Engine } from './engine.ts';
import { engineCall, httpStatus, isConflict, isMissing } from './errors.ts';
import { devnetLabels, ofDevnet } from './labels.ts';
import { networkName } from './names.ts';

/**
 * Makes the devnet's bridge unless it is there, and returns its id. Engines allow two networks of one name, so creators exclude each other.
 * @throws DevkitError ALREADY_EXISTS when a network that is not the devnet's has its name
 */
export async function ensureNetwork(engine: Engine, paths: DevnetPaths, signal: AbortSignal): Promise<string> {
  const name = networkName(paths);
  return engineCall({ host: engine.host, action: `create the network ${name}` }, async () => {
    const found = await findNetwork(engine, paths);
    if (found !== undefined) return found;
    return withFileLock(
      join(paths.runDir, 'network.lock'),
      async () => (await findNetwork(engine, paths)) ?? createNetwork(engine, paths),
      signal,
    );
  });
}

async function findNetwork({ docker }: Engine, paths: DevnetPaths): Promise<string | undefined> {
  const networks = await docker.listNetworks({ filters: ofDevnet(paths.dir) });
  return networks.find((network) => network.Name === networkName(paths))?.Id;
}

async function createNetwork({ docker }: Engine, paths: DevnetPaths): Promise<string> {
  const name = networkName(paths);
  try {
    const network = await docker.createNetwork({
      Name: name,
      Driver: 'bridge',
      CheckDuplicate: true,
      Labels: devnetLabels(paths),
    });
    return network.id;
  } catch (error) {
    if (!isConflict(error)) throw error;
    throw new DevkitError('ALREADY_EXISTS', `there is a network ${name} that is not of this devnet`, {
      hint: `docker network rm ${name}`,
      cause: error,
    });
  }
}

/** Removes the networks of a devnet; its containers must be gone. Returns their names. */
export async function removeNetworks(engine: Engine, dir: string): Promise<string[]> {
  const { host, docker } = engine;
  return engineCall({ host, action: `remove the networks of ${dir}` }, async () => {
    const networks = await docker.listNetworks({ filters: ofDevnet(dir) });
    await Promise.all(networks.map((network) => removeNetwork(engine, network.Id, network.Name)));
    return networks.map((network) => network.Name).sort();
  });
}

async function removeNetwork({ docker }: Engine, id: string, name: string): Promise<void> {
  try {
    await docker.getNetwork(id).remove();
  } catch (error) {
    if (isMissing(error)) return;
    if (httpStatus(error) !== 403) throw error;
    const { Containers = {} } = (await docker.getNetwork(id).inspect()) as {
      Containers?: Record<string, { Name: string }>;
    };
    const others = Object.values(Containers).map((container) => container.Name);
    throw new DevkitError(
      'ALREADY_EXISTS',
      `network ${name} still has containers that are not devkit's: ${others.join(', ')}`,
      {
        hint: others.map((other) => `docker network disconnect ${name} ${other}`).join('; '),
        cause: error,
      },
    );
  }
}
