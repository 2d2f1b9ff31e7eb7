/** Named stages with their wall clock and the CPU time of the kit and all its components. */
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import type { StageTime } from './inputs.ts';

export interface Stages {
  readonly times: StageTime[];
  stage<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function measureStages(runtime: ManagedRuntime): Stages {
  const times: StageTime[] = [];
  return {
    times,
    async stage(name, work) {
      const [begin, cpu] = [performance.now(), await cpuMs(runtime)];
      const result = await work();
      times.push({
        name,
        wallMs: Math.round(performance.now() - begin),
        cpuMs: Math.max(0, (await cpuMs(runtime)) - cpu),
      });
      return result;
    },
  };
}

/** Of this process, its children that ended, and everything the devnet runs. */
export async function cpuMs(runtime: ManagedRuntime): Promise<number> {
  const { user, system } = process.cpuUsage();
  const usages = await Promise.all((await runtime.list()).map(({ id }) => runtime.usage(id)));
  return Math.round((user + system) / 1000 + usages.reduce((sum, usage) => sum + (usage?.cpuMs ?? 0), 0));
}
