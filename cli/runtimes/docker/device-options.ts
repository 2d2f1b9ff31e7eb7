import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';

/** How a container gets a GPU: the engine's own NVIDIA driver, or a Container Device Interface specification. */
export type GpuMethod = 'device-requests' | 'cdi';

const CDI_KIND = 'nvidia.com/gpu';

/** The part of a container's options that gives it GPUs, by UUID or all of the machine. */
export function gpuOptions(
  gpus: 'all' | readonly string[],
  method: GpuMethod,
): Pick<Docker.HostConfig, 'DeviceRequests'> {
  if (gpus !== 'all' && gpus.length === 0) return {};
  if (method === 'cdi') {
    const names = gpus === 'all' ? [`${CDI_KIND}=all`] : gpus.map((uuid) => `${CDI_KIND}=${uuid}`);
    return { DeviceRequests: [{ Driver: 'cdi', DeviceIDs: names }] };
  }
  const which = gpus === 'all' ? { Count: -1 } : { DeviceIDs: [...gpus] };
  return { DeviceRequests: [{ ...which, Capabilities: [['gpu']] }] };
}

/** What `docker info` tells of GPUs; the CDI fields came with Docker 25 and 28.2. */
export interface EngineDevices {
  Runtimes?: Record<string, unknown>;
  CDISpecDirs?: string[] | null;
  DiscoveredDevices?: { Source?: string; ID?: string }[] | null;
}

/**
 * CDI if the engine has NVIDIA devices that way and no NVIDIA runtime, else device requests. `specDevices` answers for engines that
 * know CDI folders and do not list what they found there.
 */
export function gpuMethod(
  info: EngineDevices,
  specDevices: (dirs: readonly string[]) => boolean = hasNvidiaSpec,
): GpuMethod {
  if (info.Runtimes && 'nvidia' in info.Runtimes) return 'device-requests';
  if (info.DiscoveredDevices?.some(({ ID }) => ID?.startsWith(`${CDI_KIND}=`))) return 'cdi';
  const dirs = info.CDISpecDirs ?? [];
  return dirs.length > 0 && specDevices(dirs) ? 'cdi' : 'device-requests';
}

/** Whether a specification in one of these folders describes NVIDIA GPUs. */
function hasNvidiaSpec(dirs: readonly string[]): boolean {
  return dirs.some((dir) => {
    try {
      return readdirSync(dir).some((name) => readFileSync(join(dir, name), 'utf8').includes(CDI_KIND));
    } catch {
      return false; // no such folder, or not ours to read: the engine's own answer is then all there is
    }
  });
}
