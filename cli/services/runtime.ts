/** Which runtime a devnet's components are started in. */
import { DevkitError } from '../core/errors.ts';
import { readState } from '../core/state.ts';
import type { RuntimeName } from '../core/types.ts';
import { createDevnetRuntime } from '../runtimes/devnet-runtime.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import { makeCommand, type ServiceContext } from './context.ts';
import { readStack } from './stack.ts';

/** As the devnet was made; for one that is made now, what `--runtime` or the stack file says. @throws DevkitError USAGE when the two differ */
export async function runtimeName(ctx: ServiceContext): Promise<RuntimeName> {
  const made = (await readState(ctx.paths))?.runtime;
  const asked = ctx.runtime;
  if (made === undefined) return asked ?? (await readStack(ctx)).runtime;
  if (asked === undefined || made === asked) return made;
  throw new DevkitError(
    'USAGE',
    `devnet '${ctx.paths.name}' was made with --runtime ${made}; its databases and chains live there, not in ${asked}`,
    {
      hint: `leave --runtime out, or make another devnet: ${makeCommand(ctx.system)} --runtime ${asked} --devnet ${asked}`,
    },
  );
}

/** Starts where `name` says (default: the devnet's own), finds components wherever they run. */
export async function openRuntime(ctx: ServiceContext, name?: RuntimeName): Promise<ManagedRuntime> {
  return createDevnetRuntime({ paths: ctx.paths, runtime: name ?? (await runtimeName(ctx)) });
}
