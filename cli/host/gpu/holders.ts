import { readFileSync } from 'node:fs';
import type { GpuProcess } from '../../core/devices.ts';

/** A process that holds GPU memory, and what it belongs to where that can be seen. */
export interface GpuHolder extends GpuProcess {
  /** First 12 digits of the container's id. */
  container?: string;
  /** Folder of the devnet and component, of a program that the kit started. */
  devnet?: { dir: string; component: string };
}

/** The runtimes put the folder and the name into the environment of what they start. */
const DEVNET_DIR = 'DEVKIT_DEVNET_DIR';
const COMPONENT = 'DEVKIT_COMPONENT';

export function describeOwner(process: GpuProcess, proc = '/proc'): GpuHolder {
  const container = containerOf(read(`${proc}/${process.pid}/cgroup`));
  const variables = new Map(
    read(`${proc}/${process.pid}/environ`)
      .split('\0')
      .map((entry): [string, string] => [entry.split('=', 1)[0] ?? '', entry.slice(entry.indexOf('=') + 1)]),
  );
  const [dir, component] = [variables.get(DEVNET_DIR), variables.get(COMPONENT)];
  return {
    ...process,
    ...(container === undefined ? {} : { container }),
    ...(dir === undefined || component === undefined ? {} : { devnet: { dir, component } }),
  };
}

/** Container engines name the control group after the container. */
export const containerOf = (cgroup: string): string | undefined =>
  /[/-]([0-9a-f]{64})\b/.exec(cgroup)?.[1]?.slice(0, 12);

/** `python3 (pid 7, 512 MiB, container 0123456789ab)` */
export function describeGpuHolder({ name, pid, usedMiB, container, devnet }: GpuHolder): string {
  const parts = [
    `pid ${pid}`,
    ...(usedMiB === undefined ? [] : [`${usedMiB} MiB`]),
    ...(container === undefined ? [] : [`container ${container}`]),
    ...(devnet === undefined ? [] : [`${devnet.component} of the devnet in ${devnet.dir}`]),
  ];
  return `${name} (${parts.join(', ')})`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // gone, or not ours to look into
  }
}
