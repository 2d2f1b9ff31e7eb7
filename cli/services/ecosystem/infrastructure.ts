/** The database and the L1 of an ecosystem: started where they do not run. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { infrastructureSpecs, l1StateFile } from '../../../systems/zksync/index.ts';
import { requireState } from '../../core/state.ts';
import type { ComponentSpec } from '../../core/types.ts';
import { ensurePostgresData } from '../../host/postgres-data.ts';
import { createProcessRuntime } from '../../runtimes/process/index.ts';
import type { ServiceContext } from '../context.ts';
import { converge } from '../converge.ts';
import { L1_PORT, POSTGRES_PORT } from './ports.ts';

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
  const state = await requireState(paths);
  const ports = { postgres: state.ports['postgres'] ?? POSTGRES_PORT, l1: state.ports['l1'] ?? L1_PORT };
  const specs = infrastructureSpecs({ dataDir: paths.dataDir, postgresData: paths.postgresData }, ports).filter(
    (spec) => ids.includes(spec.id),
  );
  if (ids.includes('postgres')) await ensurePostgresData(paths.postgresData, signal);
  await mkdir(dirname(l1StateFile({ dataDir: paths.dataDir })), { recursive: true });
  await converge({ specs, runtime: createProcessRuntime({ paths }), emit, signal });
  return { components: specs.map((spec) => ({ id: spec.id, url: urlOf(spec) })) };
}

const urlOf = ({ ready }: ComponentSpec): string => ('url' in ready ? ready.url : `${ready.host}:${ready.port}`);
