/** `devkit down`. Imports little: it should not take longer to load than to stop. */
import { existsSync } from 'node:fs';
import { readJson } from '../../lib/atomic-file.ts';
import type { RuntimeName } from '../core/types.ts';
import { createDevnetRuntime, hasContainers } from '../runtimes/devnet-runtime.ts';
import { noDevnet, type ServiceContext } from './context.ts';
import { type DownResult, down } from './down.ts';

/** @throws DevkitError NOT_FOUND when there is no such devnet */
export async function downDevnet(ctx: ServiceContext, input: { removeData: boolean }): Promise<DownResult> {
  const { paths, emit, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  const runtime = createDevnetRuntime({ paths, runtime: await recordedRuntime(ctx) });
  const volumes = runtime.name === 'docker' ? { removeMore: () => removeVolumesOf(ctx) } : {};
  return down({ paths, runtime, removeData: input.removeData, ...volumes, emit, signal });
}

/** Only what `down` needs of the state file, which may also be one that nothing else can use: `down` is the way out of that. */
async function recordedRuntime({ paths }: ServiceContext): Promise<RuntimeName> {
  const state = await readJson<{ runtime?: unknown }>(paths.stateFile).catch(() => undefined);
  return state?.runtime === 'docker' || hasContainers(paths) ? 'docker' : 'process';
}

async function removeVolumesOf({ paths }: ServiceContext): Promise<void> {
  const { connectEngine } = await import('../runtimes/docker/engine.ts');
  const { removeVolumes } = await import('../runtimes/docker/volumes.ts');
  await removeVolumes(await connectEngine(), paths.dir);
}

/** Stops it also after an abort. */
export const downDespiteAbort = (ctx: ServiceContext, input: { removeData: boolean }): Promise<DownResult> =>
  downDevnet({ ...ctx, signal: new AbortController().signal }, input);

/** A start that fails is undone, unless some of the devnet ran before. */
export async function undoneOnFailure<T>(ctx: ServiceContext, start: () => Promise<T>): Promise<T> {
  const ranBefore = await isRunning(ctx);
  try {
    return await start();
  } catch (error) {
    if (!ranBefore) await downDespiteAbort(ctx, { removeData: false });
    throw error;
  }
}

/** Whether any component of the devnet runs; false also when there is no such devnet. */
export async function isRunning(ctx: ServiceContext): Promise<boolean> {
  const runtime = createDevnetRuntime({ paths: ctx.paths, runtime: await recordedRuntime(ctx) });
  return (await runtime.list()).some(({ state }) => state === 'running');
}
