import { existsSync } from 'node:fs';
import { rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EventSink } from '../core/events.ts';
import type { DevnetPaths } from '../core/paths.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';

export interface DownOptions {
  paths: DevnetPaths;
  runtime: ManagedRuntime;
  /** Also removes the devnet's state folder: databases, chains, logs. */
  removeData: boolean;
  /** What else goes with the data, because it lies elsewhere (volumes). */
  removeMore?: () => Promise<void>;
  emit: EventSink;
  signal: AbortSignal;
}

export interface DownResult {
  devnet: string;
  /** Ids of components that were recorded, running or not. */
  stopped: string[];
  /** Tagged processes that no record knew of, in words. */
  swept: string[];
  removed: boolean;
}

/**
 * Stops a devnet, also a half-made one: everything recorded, each after what needs it, then whatever else carries its tag.
 * One that does not stop does not keep the others from it. @throws AggregateError with every failure.
 */
export async function down(options: DownOptions): Promise<DownResult> {
  const { paths, runtime, removeData, emit, signal } = options;
  if (existsSync(paths.dir)) await writeFile(paths.downMarker, `${new Date().toISOString()}\n`);
  const ids = (await runtime.list()).map((status) => status.id);
  const failures = await stopAll(ids, runtime, emit, signal);
  const swept = await runtime.sweep(signal);
  signal.throwIfAborted();
  if (failures.length > 0) {
    throw new AggregateError(failures, `${failures.length} of ${ids.length} components did not stop`);
  }
  if (removeData) {
    await options.removeMore?.();
    await removeDevnet(paths);
  }
  return { devnet: paths.name, stopped: ids, swept, removed: removeData };
}

async function stopAll(
  ids: string[],
  runtime: ManagedRuntime,
  emit: EventSink,
  signal: AbortSignal,
): Promise<unknown[]> {
  const needs = new Map(
    await Promise.all(ids.map(async (id) => [id, (await runtime.describe(id))?.needs ?? []] as const)),
  );
  const stops = new Map<string, { ended: Promise<void>; stopped: Promise<void> }>();
  const stop = (id: string, path: readonly string[]): { ended: Promise<void>; stopped: Promise<void> } => {
    const known = stops.get(id);
    if (known) return known;
    // records of different ages could need each other in a circle: then the first one asked goes first
    const users = ids.filter((other) => needs.get(other)?.includes(id) && !path.includes(other));
    const ended = Promise.withResolvers<void>();
    const stopped = Promise.allSettled(users.map((user) => stop(user, [...path, id]).ended))
      .then(() => runtime.stop(id, signal, ended.resolve))
      .then(() => emit({ type: 'component.stopped', component: id }))
      .finally(ended.resolve);
    stops.set(id, { ended: ended.promise, stopped });
    return { ended: ended.promise, stopped };
  };
  const results = await Promise.allSettled(ids.map((id) => stop(id, []).stopped));
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

/** The state folder, and the folders above it once they are empty. */
async function removeDevnet(paths: DevnetPaths): Promise<void> {
  await rm(paths.dir, { recursive: true, force: true });
  for (const dir of [dirname(paths.dir), dirname(dirname(paths.dir))]) {
    try {
      await rmdir(dir);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
    }
  }
}
