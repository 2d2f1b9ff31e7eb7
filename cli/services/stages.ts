/** Named stages with their wall clock and the CPU time of the kit and all its components. */
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import type { StageTime } from './inputs.ts';

export interface Stages {
  readonly times: StageTime[];
  stage<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** For a stage that does not end where it began: call what it returns at the end. */
  begin(name: string): Promise<() => Promise<void>>;
}

export function measureStages(runtime: ManagedRuntime): Stages {
  const times: StageTime[] = [];
  const begin = async (name: string): Promise<() => Promise<void>> => {
    const [start, cpu] = [performance.now(), await cpuMs(runtime)];
    return async () => {
      times.push({
        name,
        wallMs: Math.round(performance.now() - start),
        cpuMs: Math.max(0, (await cpuMs(runtime)) - cpu),
      });
    };
  };
  return {
    times,
    begin,
    async stage(name, work) {
      const end = await begin(name);
      const result = await work();
      await end();
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
