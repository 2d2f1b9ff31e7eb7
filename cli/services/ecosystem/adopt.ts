/** An ecosystem that other tools made (zkstack): it gets a devnet, its database and L1 stay theirs. */
import { L1_PORT, POSTGRES_PORT } from '../../../systems/zksync/ports.ts';
import { DevkitError } from '../../core/errors.ts';
import { type DevnetState, STATE_VERSION, updateState } from '../../core/state.ts';
import { ensureDevnetFolder, type ServiceContext } from '../context.ts';
import { runtimeName } from '../runtime.ts';
import { databaseUrlOf } from './configs.ts';
import type { Chain, Ecosystem } from './files.ts';
import { readYaml, textAt } from './yaml-file.ts';

/** Whether database and L1 were there before the devnet: those that answer are used as they are. */
export const isAdopted = (state: DevnetState): boolean => state.settings['adopted'] === true;

/** State for an ecosystem without one; ports are those of its secrets.yaml. @throws DevkitError NOT_FOUND before `chain init` */
export async function adoptEcosystem(ctx: ServiceContext, ecosystem: Ecosystem, chain: Chain): Promise<DevnetState> {
  const database = (await databaseUrlOf(chain, 'prover')) ?? (await databaseUrlOf(chain, 'server'));
  if (database === undefined) {
    throw new DevkitError('NOT_FOUND', `chain '${chain.name}' names no database yet (no ${chain.paths.secrets})`, {
      hint: `devkit chain init --chain ${chain.name}   or, for a chain of zkstack: zkstack chain init`,
    });
  }
  const l1 = textAt(await readYaml(chain.paths.secrets), 'l1.l1_rpc_url');
  const runtime = await runtimeName(ctx);
  ensureDevnetFolder(ctx.paths);
  ctx.emit({
    type: 'notice',
    message: `devnet '${ctx.paths.name}' is made for the ecosystem in ${ecosystem.paths.dir}`,
  });
  return updateState(
    ctx.paths,
    (state) =>
      state ?? {
        schemaVersion: STATE_VERSION,
        name: ctx.paths.name,
        system: 'zksync',
        runtime,
        variant: 'reference',
        createdAt: new Date().toISOString(),
        ports: { postgres: portOf(database, POSTGRES_PORT), l1: portOf(l1, L1_PORT) },
        portShift: 0,
        settings: { ecosystemDir: ecosystem.paths.dir, adopted: true },
      },
  );
}

const portOf = (url: string | undefined, usual: number): number =>
  url === undefined ? usual : Number(new URL(url).port || usual);
