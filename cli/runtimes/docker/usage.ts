import { readFileSync } from 'node:fs';
import { usageOf } from '../../host/proc.ts';
import type { ComponentUsage } from '../runtime.ts';
import type { Container } from './containers.ts';
import type { Engine } from './engine.ts';
import { engineCall, isConflict, isMissing } from './errors.ts';

/** Memory and CPU of a running container: from /proc when its processes are this machine's, else what the engine measures. */
export async function containerUsage(engine: Engine, container: Container): Promise<ComponentUsage | undefined> {
  const { Pid: pid } = container.State;
  if (pid <= 0) return undefined;
  return isProcessOf(pid, container.Id) ? usageOf(pid) : engineUsage(engine, container.Id);
}

/** The pid may be of another machine (an engine in a virtual machine) or another pid namespace. */
export function isProcessOf(pid: number, containerId: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(containerId);
  } catch {
    return false; // no such process here
  }
}

interface Stats {
  memory_stats?: { usage?: number; stats?: Record<string, number> };
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  pids_stats?: { current?: number };
}

/** Takes a second on some engines. */
async function engineUsage({ docker, host }: Engine, id: string): Promise<ComponentUsage | undefined> {
  return engineCall({ host, action: `measure the container ${id}` }, async () => {
    try {
      return usageFromStats((await docker.getContainer(id).stats({ stream: false, 'one-shot': true })) as Stats);
    } catch (error) {
      if (isMissing(error) || isConflict(error)) return undefined; // ended meanwhile
      throw error;
    }
  });
}

/** Memory without the file cache, as `docker stats` shows it. */
export function usageFromStats({ memory_stats, cpu_stats, pids_stats }: Stats): ComponentUsage {
  const { usage = 0, stats = {} } = memory_stats ?? {};
  const cache = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return {
    rssBytes: Math.max(0, usage - cache),
    pssBytes: undefined,
    cpuMs: Math.round((cpu_stats?.cpu_usage?.total_usage ?? 0) / 1e6),
    processes: pids_stats?.current ?? 0,
  };
}
