/** The runtimes of one devnet seen as one: a devnet of processes may have a component in a container, and the other way round. */
import { existsSync, readdirSync } from 'node:fs';
import type { DevnetPaths } from '../core/paths.ts';
import type { ComponentStatus, RuntimeName } from '../core/types.ts';
import { createProcessRuntime } from './process/index.ts';
import type { ManagedRuntime } from './runtime.ts';

export interface DevnetRuntimeOptions {
  paths: DevnetPaths;
  /** Where components are started. */
  runtime: RuntimeName;
}

/**
 * Starts in one runtime, finds components in both. A container engine is asked only where the devnet has containers or is to get one:
 * a devnet of processes needs none. @throws DevkitError HOST_UNFIT from any call when the engine is needed and does not answer
 */
export function createDevnetRuntime({ paths, runtime: name }: DevnetRuntimeOptions): ManagedRuntime {
  const processes = createProcessRuntime({ paths });
  let opened: Promise<ManagedRuntime> | undefined;
  const containers = (): Promise<ManagedRuntime> => {
    opened ??= openDocker(paths).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const own = async (): Promise<ManagedRuntime> => (name === 'docker' ? containers() : processes);
  const other = async (): Promise<ManagedRuntime | undefined> => {
    if (name === 'docker') return processes;
    return hasContainers(paths) ? containers() : undefined;
  };
  /** The runtime that knows the component; the one that starts components where neither does. */
  const where = async (id: string): Promise<ManagedRuntime> => {
    const [first, second] = [await own(), await other()];
    if (second === undefined || (await first.inspect(id)).state !== 'missing') return first;
    return (await second.inspect(id)).state === 'missing' ? first : second;
  };
  const both = async (): Promise<ManagedRuntime[]> => [await own(), await other()].filter((one) => one !== undefined);
  return {
    name,
    async start(spec, signal) {
      // a component is in one place: what runs elsewhere makes room
      await (await other())?.stop(spec.id, signal);
      return (await own()).start(spec, signal);
    },
    stop: async (id, signal, onEnded) => {
      for (const one of await both()) await one.stop(id, signal, onEnded);
    },
    inspect: async (id) => {
      const [first, second] = [await own(), await other()];
      const status = await first.inspect(id);
      if (status.state !== 'missing' || second === undefined) return inRuntime(first, status);
      return inRuntime(second, await second.inspect(id));
    },
    list: async () => {
      const lists = (await both()).map(async (one) => (await one.list()).map((status) => inRuntime(one, status)));
      return mergeLists(await Promise.all(lists));
    },
    async *logs(id, options, signal) {
      yield* (await where(id)).logs(id, options, signal);
    },
    lastLines: async (id, lines) => (await where(id)).lastLines(id, lines),
    describe: async (id) => (await (await own()).describe(id)) ?? (await other())?.describe(id),
    usage: async (id) => (await where(id)).usage(id),
    sweep: async (signal) => {
      const swept: string[] = [];
      for (const one of await both()) swept.push(...(await one.sweep(signal)));
      return swept;
    },
    preserve: async (spec) => (await where(spec.id)).preserve(spec),
  };
}

const inRuntime = ({ name }: ManagedRuntime, status: ComponentStatus): ComponentStatus =>
  status.state === 'missing' ? status : { ...status, runtime: name };

/** Loaded when first needed: the engine's client is slow to import. */
async function openDocker(paths: DevnetPaths): Promise<ManagedRuntime> {
  const [{ connectEngine }, { createDockerRuntime }] = await Promise.all([
    import('./docker/engine.ts'),
    import('./docker/index.ts'),
  ]);
  return createDockerRuntime({ paths, engine: await connectEngine() });
}

/** Whether any component of the devnet was started in a container and not stopped since. */
export const hasContainers = ({ containersDir }: DevnetPaths): boolean =>
  existsSync(containersDir) && readdirSync(containersDir).some((name) => name.endsWith('.json'));

/** The first that knows a component wins. */
function mergeLists(lists: readonly ComponentStatus[][]): ComponentStatus[] {
  const merged = new Map<string, ComponentStatus>();
  for (const status of lists.flat()) if (!merged.has(status.id)) merged.set(status.id, status);
  return [...merged.values()];
}
