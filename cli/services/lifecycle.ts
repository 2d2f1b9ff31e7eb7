/** `status`, `logs`, `env`, `doctor`: what every system has. */
import { existsSync } from 'node:fs';
import { DevkitError } from '../core/errors.ts';
import type { RequirementSet } from '../core/requirements.ts';
import { readState, requireState } from '../core/state.ts';
import { noDevnet, type ServiceContext } from './context.ts';
import { apiUrl, externalApiUrl, type OpenDevnet, openDevnet } from './devnet.ts';
import { type DoctorReport, doctor, unfitError } from './doctor.ts';
import { ecosystemPaths, findEcosystemDir } from './ecosystem/files.ts';
import { allocationDefaults } from './ecosystem/ports.ts';
import { devnetEnv } from './env.ts';
import { devnetLogs, type LogLine } from './logs.ts';
import { openRuntime, runtimeName } from './runtime.ts';
import { allSpecs } from './start.ts';
import { type DevnetStatus, devnetStatus } from './status.ts';

export async function statusOf(ctx: ServiceContext): Promise<DevnetStatus> {
  const { paths, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  const runtime = await openRuntime(ctx);
  const known = await openedOrUndefined(ctx);
  if (!known) return devnetStatus({ paths, runtime, signal });
  const { variant, aggregation, crs } = known.config.devkit;
  return devnetStatus({ paths, runtime, signal, specs: await allSpecs(known), proving: { variant, aggregation, crs } });
}

/** A devnet that was never initialised has no specs yet; that is a state, not an error. */
async function openedOrUndefined(ctx: ServiceContext): Promise<OpenDevnet | undefined> {
  if ((await readState(ctx.paths)) === undefined) return undefined;
  try {
    return await openDevnet(ctx);
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

export async function envOf(
  ctx: ServiceContext,
  input: { chain?: string | undefined },
): Promise<{ variables: Record<string, string> }> {
  const state = await requireState(ctx.paths);
  const devnet = await openDevnet(ctx, input.chain);
  const { config } = devnet;
  const database = config.database;
  return {
    variables: devnetEnv(ctx.paths, state, {
      CHAIN_NAME: devnet.chain.name,
      CHAIN_ID: String(devnet.chain.chainId),
      L1_RPC_URL: config.l1.rpcUrl ?? `http://127.0.0.1:${devnet.ports.l1}`,
      L2_RPC_URL: apiUrl(devnet),
      PROOF_API_URL: externalApiUrl(devnet),
      PROVER_GATEWAY_URL: `http://127.0.0.1:${config.proverGateway.port}`,
      ...(database.serverUrl === undefined ? {} : { DATABASE_URL: database.serverUrl }),
      ...(database.proverUrl === undefined
        ? {}
        : { DATABASE_PROVER_URL: database.proverUrl, PLI__DB_URL: database.proverUrl }),
    }),
  };
}

/** @throws DevkitError HOST_UNFIT naming what is missing */
export async function requireFitHost(ctx: ServiceContext): Promise<void> {
  if ((await runtimeName(ctx)) === 'docker') await (await import('../runtimes/docker/engine.ts')).connectEngine();
  const report = await doctorOf(ctx, { for: 'reference' });
  if (!report.fit) throw unfitError(report);
}

export async function doctorOf(ctx: ServiceContext, input: { for: RequirementSet }): Promise<DoctorReport> {
  const dir = (await findEcosystemDir(ctx.cwd)) ?? (await findEcosystemDir(ctx.paths.defaultEcosystemDir));
  return doctor({
    for: input.for,
    workspace: ctx.paths.workspace,
    ports: await allocationDefaults(),
    ecosystemFile: dir && ecosystemPaths(dir).file,
    signal: ctx.signal,
  });
}
