/** The database and the L1 of an ecosystem: started where they do not run. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { infrastructureSpecs, l1StateFile } from '../../../systems/zksync/index.ts';
import { L1_PORT, POSTGRES_PORT } from '../../../systems/zksync/ports.ts';
import { type DevnetState, requireState, updateState } from '../../core/state.ts';
import type { ComponentSpec } from '../../core/types.ts';
import { holderLookup } from '../../host/ports.ts';
import { ensurePostgresData } from '../../host/postgres-data.ts';
import { containerUser } from '../container-places.ts';
import { prepareInfrastructureContainers } from '../containers.ts';
import type { ServiceContext } from '../context.ts';
import { converge } from '../converge.ts';
import { openRuntime } from '../runtime.ts';
import { listChains, openChain, openEcosystem } from './files.ts';
import { allocateBlock } from './ports.ts';

export interface InfrastructureResult {
  components: { id: string; url: string }[];
}

/** Postgres only. */
export const ensurePostgres = (ctx: ServiceContext): Promise<InfrastructureResult> => ensure(ctx, ['postgres']);

/** Postgres and the L1. */
export const ensureInfrastructure = (ctx: ServiceContext): Promise<InfrastructureResult> =>
  ensure(ctx, ['postgres', 'l1']);

async function ensure(ctx: ServiceContext, ids: readonly string[]): Promise<InfrastructureResult> {
  const { paths, emit, signal } = ctx;
  const state = await movePortsIfTaken(ctx);
  const ports = { postgres: state.ports['postgres'] ?? POSTGRES_PORT, l1: state.ports['l1'] ?? L1_PORT };
  const places = { dataDir: paths.dataDir, postgresData: paths.postgresData, containers: { user: containerUser() } };
  const specs = infrastructureSpecs(places, ports).filter((spec) => ids.includes(spec.id));
  const runtime = await openRuntime(ctx);
  await mkdir(dirname(l1StateFile(places)), { recursive: true });
  if (runtime.name === 'docker') await prepareInfrastructureContainers(ctx, specs);
  else if (ids.includes('postgres')) await ensurePostgresData(paths.postgresData, signal);
  await converge({ specs, runtime, emit, signal });
  return { components: specs.map((spec) => ({ id: spec.id, url: urlOf(spec) })) };
}

/**
 * The ports were free when the devnet was made; if another program took one since, and nothing is written down about them yet, the whole
 * block moves now. With chains set up they stay: whoever holds the port is named by the start.
 */
async function movePortsIfTaken(ctx: ServiceContext): Promise<DevnetState> {
  const { paths, emit } = ctx;
  const state = await requireState(paths);
  const holderOf = holderLookup();
  const taken = Object.values(state.ports).some((port) => holderOf(port) !== undefined);
  if (!taken || (await (await openRuntime(ctx)).list()).length > 0) return state;
  const ecosystem = await openEcosystem(ctx);
  const chains = await Promise.all((await listChains(ecosystem)).map((name) => openChain(ecosystem, name)));
  if (chains.some((chain) => existsSync(chain.paths.general))) return state;
  const { ports, shift, notice } = await allocateBlock();
  if (notice) emit({ type: 'notice', message: notice });
  return updateState(paths, (now) => ({
    ...(now ?? state),
    ports: { postgres: ports['postgres'] ?? POSTGRES_PORT, l1: ports['l1'] ?? L1_PORT },
    portShift: shift,
  }));
}

const urlOf = ({ ready }: ComponentSpec): string => ('url' in ready ? ready.url : `${ready.host}:${ready.port}`);
