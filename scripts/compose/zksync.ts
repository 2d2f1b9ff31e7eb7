/** The components of a ZKsync devnet as `chain init` would leave it, from the templates of its configuration files. */
import { join } from 'node:path';
import { postgresUrl } from '../../cli/core/infrastructure.ts';
import type { ComponentSpec } from '../../cli/core/types.ts';
import { zksyncSpecs } from '../../systems/zksync/index.ts';
import { loadConfig } from '../../systems/zksync/protocol/config.ts';
import type { SamplePlace } from '../compose.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates/zksync');
const CHAIN = 'era';
const PORTS = { postgres: 5432, l1: 8545 };

export async function zksyncSample({ paths, containers, given }: SamplePlace): Promise<ComponentSpec[]> {
  const database = (name: string): string => postgresUrl(PORTS.postgres, `zksync_${name}_localhost_${CHAIN}`);
  const config = await loadConfig(
    { configPath: join(TEMPLATES, 'general.yaml'), genesisPath: join(TEMPLATES, 'genesis.yaml') },
    {
      ZKSYNC_DATABASE_SERVER_URL: database('server'),
      ZKSYNC_DATABASE_PROVER_URL: database('prover'),
      ZKSYNC_L1_L1_RPC_URL: `http://127.0.0.1:${PORTS.l1}`,
    },
  );
  const ecosystemDir = `/${given('ECOSYSTEM_DIR')}`;
  const devnet = {
    ecosystemDir,
    chain: CHAIN,
    configsDir: join(ecosystemDir, 'chains', CHAIN, 'configs'),
    dataDir: paths.dataDir,
    postgresData: paths.postgresData,
    postgresPort: PORTS.postgres,
    config,
    containers: { ...containers, configsDir: join(paths.containersDir, `configs-${CHAIN}`) },
  };
  return zksyncSpecs(devnet, PORTS);
}
