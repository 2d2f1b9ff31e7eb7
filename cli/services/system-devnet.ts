/** A devnet as the life cycle commands see it, whatever its system. */

import { type DevnetState, readState } from '../core/state.ts';
import { type JobReader, loadSystem, type ProvingFacts, type System } from '../core/system.ts';
import type { ComponentSpec } from '../core/types.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import { noDevnet, type ServiceContext } from './context.ts';
import { readStack } from './stack.ts';

export interface SystemDevnet {
  ctx: ServiceContext;
  state: DevnetState;
  runtime: ManagedRuntime;
  /** Everything that `up` starts. */
  specs: readonly ComponentSpec[];
  proving: ProvingFacts;
  /** For `env`: variables, and files by path in a folder of the user's tools. */
  variables: Readonly<Record<string, string>>;
  toolFiles?: Readonly<Record<string, string>> | undefined;
  /** Makes what is missing, starts what does not run, and waits until all of it is ready. */
  start(): Promise<void>;
  /** Before containers are started by anybody: images, copies of files, folders. */
  prepareContainers(): Promise<void>;
  /** Keeps `specs` running while `work` goes on. */
  whileRunning<T>(specs: readonly ComponentSpec[], work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  openJobs(): JobReader;
}

export interface OpenOptions {
  /** Of a system with several chains. */
  chain?: string | undefined;
  /** One that is not there is thought up, and made by `start`. Default: it is an error. */
  create?: boolean;
}

/** State of the devnet that is acted on. @throws DevkitError NOT_FOUND */
export async function requireDevnet(ctx: ServiceContext): Promise<DevnetState> {
  const state = await readState(ctx.paths);
  if (state === undefined) throw noDevnet(ctx);
  return state;
}

/** The system of the devnet that is acted on; of one that is not there: what the stack says. */
export const systemOf = async (ctx: ServiceContext): Promise<System> =>
  loadSystem(ctx.system ?? (await readStack(ctx)).system);

/** @throws DevkitError NOT_FOUND, CONFIG_INVALID */
export async function openSystemDevnet(ctx: ServiceContext, options: OpenOptions = {}): Promise<SystemDevnet> {
  const system = await systemOf(ctx);
  const { open } = system;
  if (open === undefined) return (await import('./zksync-devnet.ts')).openZksyncDevnet(ctx, options);
  const { openPlainDevnet } = await import('./plain-devnet.ts');
  return openPlainDevnet({ ...ctx, system: system.name }, { ...system, open }, options);
}
