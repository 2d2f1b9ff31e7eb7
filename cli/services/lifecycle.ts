/** `status`, `logs`, `env`, `doctor`: what every system has. */
import { existsSync } from 'node:fs';
import { DevkitError } from '../core/errors.ts';
import type { RequirementSet } from '../core/requirements.ts';
import { readState } from '../core/state.ts';
import { noDevnet, type ServiceContext } from './context.ts';
import { type DoctorReport, doctor, unfitError } from './doctor.ts';
import { ecosystemPaths, findEcosystemDir } from './ecosystem/files.ts';
import { devnetEnv, writeToolFiles } from './env.ts';
import { devnetLogs, type LogLine } from './logs.ts';
import { openRuntime, runtimeName } from './runtime.ts';
import { type DevnetStatus, devnetStatus } from './status.ts';
import { openSystemDevnet, requireDevnet, type SystemDevnet, systemOf } from './system-devnet.ts';

export async function statusOf(ctx: ServiceContext): Promise<DevnetStatus> {
  const { paths, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  const runtime = await openRuntime(ctx);
  const known = await openedOrUndefined(ctx);
  return devnetStatus({ paths, runtime, signal, ...(known && { specs: known.specs, proving: known.proving }) });
}

/** A devnet that was never initialised has no specs yet; that is a state, not an error. */
async function openedOrUndefined(ctx: ServiceContext): Promise<SystemDevnet | undefined> {
  if ((await readState(ctx.paths)) === undefined) return undefined;
  try {
    return await openSystemDevnet(ctx);
  } catch (error) {
    if (error instanceof DevkitError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

export async function* logsOf(
  ctx: ServiceContext,
  input: { components: readonly string[]; follow: boolean; tail?: number | undefined },
): AsyncGenerator<LogLine> {
  const { paths, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  yield* devnetLogs({
    runtime: await openRuntime(ctx),
    components: input.components,
    follow: input.follow,
    signal,
    ...(input.tail === undefined ? {} : { tail: input.tail }),
  });
}

export interface EnvResult {
  variables: Record<string, string>;
  /** What was written for the user's own tools; absolute paths. */
  files: string[];
}

/** `toolsDir`: folder of the user's tools to write their files to; absent: the devnet's own. */
export async function envOf(
  ctx: ServiceContext,
  input: { chain?: string | undefined; toolsDir?: string | undefined },
): Promise<EnvResult> {
  const state = await requireDevnet(ctx);
  const { variables, toolFiles = {} } = await openSystemDevnet(ctx, input);
  const dir = input.toolsDir ?? ctx.paths.toolsDir;
  const files = await writeToolFiles(dir, toolFiles);
  const place: Record<string, string> = files.length > 0 ? { DEVKIT_TOOLS_DIR: dir } : {};
  return { variables: { ...devnetEnv(ctx.paths, state, variables), ...place }, files };
}

/** @throws DevkitError HOST_UNFIT naming what is missing */
export async function requireFitHost(ctx: ServiceContext): Promise<void> {
  if ((await runtimeName(ctx)) === 'docker') await (await import('../runtimes/docker/engine.ts')).connectEngine();
  const report = await doctorOf(ctx, { for: 'reference' });
  if (!report.fit) throw unfitError(report);
}

export async function doctorOf(ctx: ServiceContext, input: { for: RequirementSet }): Promise<DoctorReport> {
  const dir = (await findEcosystemDir(ctx.cwd)) ?? (await findEcosystemDir(ctx.paths.defaultEcosystemDir));
  const { requirements, defaultPorts, name } = await systemOf(ctx);
  const needed = requirements[input.for];
  if (needed === undefined) {
    throw new DevkitError('USAGE', `nothing is known of what ${name} needs in variant ${input.for}`, {
      hint: `devkit doctor --system ${name}`,
    });
  }
  return doctor({
    for: input.for,
    needed,
    workspace: ctx.paths.workspace,
    ports: await defaultPorts(),
    ecosystemFile: dir && ecosystemPaths(dir).file,
    signal: ctx.signal,
  });
}
