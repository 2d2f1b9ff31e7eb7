/** `down`, `status`, `logs`, `env`, `doctor`: what every system has. */
import { existsSync } from 'node:fs';
import { DevkitError } from '../core/errors.ts';
import { listDevnets } from '../core/paths.ts';
import type { RequirementSet } from '../core/requirements.ts';
import { readState, requireState } from '../core/state.ts';
import { createProcessRuntime } from '../runtimes/process/index.ts';
import type { ServiceContext } from './context.ts';
import { apiUrl, externalApiUrl, type OpenDevnet, openDevnet } from './devnet.ts';
import { type DoctorReport, doctor, unfitError } from './doctor.ts';
import { type DownResult, down } from './down.ts';
import { allocationDefaults } from './ecosystem/ports.ts';
import { devnetEnv } from './env.ts';
import { devnetLogs, type LogLine } from './logs.ts';
import { allSpecs } from './start.ts';
import { type DevnetStatus, devnetStatus } from './status.ts';

/** @throws DevkitError NOT_FOUND when there is no such devnet */
export async function downDevnet(ctx: ServiceContext, input: { removeData: boolean }): Promise<DownResult> {
  const { paths, emit, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  return down({ paths, runtime: createProcessRuntime({ paths }), removeData: input.removeData, emit, signal });
}

/** Whether any component of the devnet runs; false also when there is no such devnet. */
export async function isRunning({ paths }: ServiceContext): Promise<boolean> {
  return (await createProcessRuntime({ paths }).list()).some(({ state }) => state === 'running');
}

export async function statusOf(ctx: ServiceContext): Promise<DevnetStatus> {
  const { paths, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  const runtime = createProcessRuntime({ paths });
  const known = await openedOrUndefined(ctx);
  if (!known) return devnetStatus({ paths, runtime, signal });
  const { variant, aggregation, crs } = known.config.devkit;
  return devnetStatus({ paths, runtime, signal, specs: allSpecs(known), proving: { variant, aggregation, crs } });
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

export function logsOf(
  ctx: ServiceContext,
  input: { components: readonly string[]; follow: boolean; tail?: number | undefined },
): AsyncIterable<LogLine> {
  const { paths, signal } = ctx;
  if (!existsSync(paths.dir)) throw noDevnet(ctx);
  return devnetLogs({
    runtime: createProcessRuntime({ paths }),
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
  const report = await doctorOf(ctx, { for: 'reference' });
  if (!report.fit) throw unfitError(report);
}

export async function doctorOf(ctx: ServiceContext, input: { for: RequirementSet }): Promise<DoctorReport> {
  return doctor({ for: input.for, workspace: ctx.paths.workspace, ports: await allocationDefaults() });
}

function noDevnet(ctx: ServiceContext): DevkitError {
  const names = listDevnets(ctx.paths.workspace);
  const there = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`;
  return new DevkitError('NOT_FOUND', `there is no devnet '${ctx.paths.name}' in ${ctx.paths.workspace} (${there})`, {
    hint: names.length === 0 ? 'devkit quickstart' : `--devnet ${names[0]}`,
  });
}
