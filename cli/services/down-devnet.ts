/** `devkit down`. Imports little: it should not take longer to load than to stop. */
import { existsSync } from 'node:fs';
import { DevkitError } from '../core/errors.ts';
import type { RuntimeName } from '../core/types.ts';
import { hasContainers } from '../runtimes/devnet-runtime.ts';
import { noDevnet, type ServiceContext } from './context.ts';
import { type DownResult, down } from './down.ts';
import { openRuntime, runtimeName } from './runtime.ts';

/** @throws DevkitError NOT_FOUND when there is no such devnet */
export async function downDevnet(ctx: ServiceContext, input: { removeData: boolean }): Promise<DownResult> {
  const { paths, emit, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  const runtime = await openRuntime(ctx, await recordedRuntime(ctx));
  const volumes = runtime.name === 'docker' ? { removeMore: () => removeVolumesOf(ctx) } : {};
  return down({ paths, runtime, removeData: input.removeData, ...volumes, emit, signal });
}

/** Also of a devnet whose state file cannot be used: `down` is the way out of that. */
async function recordedRuntime(ctx: ServiceContext): Promise<RuntimeName> {
  try {
    return await runtimeName(ctx);
  } catch (error) {
    if (!(error instanceof DevkitError) || error.code !== 'CONFIG_INVALID') throw error;
    return hasContainers(ctx.paths) ? 'docker' : 'process';
  }
}

async function removeVolumesOf({ paths }: ServiceContext): Promise<void> {
  const { connectEngine } = await import('../runtimes/docker/engine.ts');
  const { removeVolumes } = await import('../runtimes/docker/volumes.ts');
  await removeVolumes(await connectEngine(), paths.dir);
}

/** Whether any component of the devnet runs; false also when there is no such devnet. */
export async function isRunning(ctx: ServiceContext): Promise<boolean> {
  return (await (await openRuntime(ctx)).list()).some(({ state }) => state === 'running');
}
