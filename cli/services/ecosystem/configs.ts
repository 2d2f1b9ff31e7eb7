/** The config files of a chain: copied from the templates once, later only patched. */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { L1_PORT, POSTGRES_PORT } from '../../../systems/zksync/ports.ts';
import { formatVersion, PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { postgresUrl } from '../../core/infrastructure.ts';
import { readState } from '../../core/state.ts';
import type { ServiceContext } from '../context.ts';
import type { Chain, Ecosystem } from './files.ts';
import { pascal, provingSettings } from './files.ts';
import { assignPorts, readTemplate } from './ports.ts';
import { readWallets } from './wallets.ts';
import { applyEdits, editYaml, readYaml, saveYaml, textAt, type YamlDocument } from './yaml-file.ts';

const SECRET = 0o600;

/** What the devnet runs its database and L1 on. */
export interface Infrastructure {
  postgresUrl: string;
  l1RpcUrl: string;
  portShift: number;
}

export async function infrastructureOf(ctx: ServiceContext): Promise<Infrastructure> {
  const state = await readState(ctx.paths);
  return {
    postgresUrl: postgresUrl(state?.ports['postgres'] ?? POSTGRES_PORT),
    l1RpcUrl: `http://127.0.0.1:${state?.ports['l1'] ?? L1_PORT}`,
    portShift: state?.portShift ?? 0,
  };
}

export const databaseName = (kind: 'server' | 'prover', chain: Chain): string =>
  `zksync_${kind}_${chain.l1Network}_${chain.name}`;

/** `<base>/<database>`; a base that names a database already keeps only its server. */
export function databaseUrl(base: string, database: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  return url.toString();
}

/** Makes what is missing of general, secrets, genesis and contracts.yaml. Files that are there stay as they are. */
export async function ensureChainConfigs(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  chain: Chain,
  options: { reallocatePorts: boolean } = { reallocatePorts: true },
): Promise<void> {
  const infrastructure = await infrastructureOf(ctx);
  const { paths } = chain;
  if (!existsSync(paths.general)) {
    const general = await newGeneral(ctx, ecosystem, chain, infrastructure, options.reallocatePorts);
    await saveYaml(paths.general, general);
  }
  if (!existsSync(paths.secrets)) await saveYaml(paths.secrets, await newSecrets(chain, infrastructure), SECRET);
  if (!existsSync(paths.genesis)) await saveYaml(paths.genesis, await newGenesis(chain));
  if (!existsSync(paths.contracts)) await saveYaml(paths.contracts, await readTemplate('contracts.yaml'));
}

async function newGeneral(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  chain: Chain,
  infrastructure: Infrastructure,
  reallocatePorts: boolean,
): Promise<YamlDocument> {
  const general = await readTemplate('general.yaml');
  if (reallocatePorts) {
    const notice = await assignPorts(general, {
      ecosystem,
      id: chain.id,
      shift: infrastructure.portShift,
      tight: chain.tightPorts,
    });
    if (notice) ctx.emit({ type: 'notice', message: `chain '${chain.name}': ${notice}` });
  }
  applyEdits(general, derivedUrls(general));
  const proving = await provingSettings(ecosystem);
  applyEdits(general, {
    'devkit.aggregation': proving.aggregation,
    'devkit.crs': proving.crs,
    'db.state_keeper_db_path': join(chain.paths.db, 'main', 'state_keeper'),
    'db.merkle_tree.path': join(chain.paths.db, 'main', 'tree'),
    'basic_witness_input_producer.db_path': join(chain.paths.db, 'main', 'basic_witness_input_producer'),
    'protective_reads_writer.db_path': join(chain.paths.db, 'main', 'protective_reads'),
    'core_object_store.file_backed_base_path': chain.paths.artifacts,
    ...proofSending(chain),
  });
  return general;
}

/** Core is the client of the gateway; the gateway's own `api_url` is a leftover that must be there. */
const derivedUrls = (general: YamlDocument): Record<string, string> => ({
  'prover_gateway.api_url': `http://127.0.0.1:${textAt(general, 'data_handler.http_port')}`,
  'data_handler.gateway_api_url': `http://127.0.0.1:${textAt(general, 'prover_gateway.port')}`,
});

/** zkstack merges `only_real_proofs.yaml` for chains that have a prover. */
const proofSending = (chain: Chain): Record<string, string> =>
  chain.proverMode === 'gpu' ? { 'eth.sender.proof_sending_mode': 'ONLY_REAL_PROOFS' } : {};

async function newSecrets(chain: Chain, infrastructure: Infrastructure): Promise<YamlDocument> {
  const secrets = await readTemplate('secrets.yaml');
  applyEdits(secrets, {
    'database.server_url': databaseUrl(infrastructure.postgresUrl, databaseName('server', chain)),
    'database.prover_url': databaseUrl(infrastructure.postgresUrl, databaseName('prover', chain)),
    'l1.l1_rpc_url': infrastructure.l1RpcUrl,
    'consensus.validator_key': `validator:secret:bls12_381:${randomBytes(32).toString('hex')}`,
    'consensus.node_key': `node:secret:ed25519:${randomBytes(32).toString('hex')}`,
  });
  return secrets;
}

async function newGenesis(chain: Chain): Promise<YamlDocument> {
  const genesis = await readTemplate('genesis.yaml');
  applyEdits(genesis, {
    l1_chain_id: 9,
    l2_chain_id: chain.chainId,
    fee_account: (await readWallets(chain.paths.wallets)).fee_account.address,
    l1_batch_commit_data_generator_mode: pascal(chain.commitMode),
    genesis_protocol_semantic_version: formatVersion(PROVER_PROTOCOL_VERSION),
    'prover.dummy_verifier': chain.proverMode === 'no-proofs',
  });
  return genesis;
}

/** `database.prover_url` or `database.server_url` of a chain; undefined while there is none. */
export async function databaseUrlOf(chain: Chain, kind: 'server' | 'prover'): Promise<string | undefined> {
  if (!existsSync(chain.paths.secrets)) return undefined;
  return textAt(await readYaml(chain.paths.secrets), `database.${kind}_url`);
}

export const setSecret = (chain: Chain, key: string, value: string): Promise<YamlDocument> =>
  editYaml(chain.paths.secrets, { [key]: value }, SECRET);
