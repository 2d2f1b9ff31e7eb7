/** `node …/server/main.ts --config-path … --secrets-path … [--components=a,b] [--genesis]` */
import { parseArgs } from 'node:util';
import type { Hex } from 'viem';
import { ConfigError, UsageError } from '../../../../lib/component/refusal.ts';
import { type ComponentContext, runComponent } from '../../../../lib/component/run-component.ts';
import { openPoseidon2 } from '../../../../proving/poseidon2.ts';
import { createHasher } from '../../protocol/batch/hash.ts';
import { loadConfig, requireServerUrl, type ZksyncConfig } from '../../protocol/config.ts';
import { runGenesis } from '../../protocol/core-db/genesis.ts';
import { PROVER_PROTOCOL_VERSION, parseVersion } from '../../protocol/ids.ts';
import { DEFAULT_COMPONENTS, selectComponents } from './names.ts';
import { feeAccountOf, runServer } from './start.ts';

const FLAGS = {
  components: { type: 'string', multiple: true },
  genesis: { type: 'boolean' },
  'config-path': { type: 'string' },
  'secrets-path': { type: 'string' },
  'genesis-path': { type: 'string' },
  'wallets-path': { type: 'string' },
  'contracts-config-path': { type: 'string' },
} as const;

function readFlags(argv: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false });
    const selection = selectComponents(values.components ?? [DEFAULT_COMPONENTS]);
    const configPath = values['config-path'];
    if (!configPath) throw new UsageError('--config-path=<general.yaml> is missing');
    return { values, selection, configPath };
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}

async function main({ log, signal }: ComponentContext): Promise<void> {
  const { values, selection, configPath } = readFlags(process.argv.slice(2));
  const optional = <K extends string>(key: K, path: string | undefined) =>
    (path === undefined ? {} : { [key]: path }) as Partial<Record<K, string>>;
  const config = await loadConfig({
    configPath,
    ...optional('secretsPath', values['secrets-path']),
    ...optional('genesisPath', values['genesis-path']),
    ...optional('walletsPath', values['wallets-path']),
    ...optional('contractsPath', values['contracts-config-path']),
  });
  if (values.genesis) {
    const { root, created } = await genesis(config);
    log.info({ root, created }, created ? 'genesis written' : 'genesis was there already');
    return;
  }
  if (selection.ignored.length > 0) log.info({ ignored: selection.ignored }, 'components with nothing to do');
  await runServer({ config, components: selection.components, cwd: process.cwd(), log, signal });
}

async function genesis(config: ZksyncConfig): Promise<{ root: string; created: boolean }> {
  const file = config.paths.genesisPath ?? 'genesis.yaml';
  const chainId = config.genesis?.l2ChainId;
  if (chainId === undefined) throw new ConfigError(`${file}: l2_chain_id is missing`);
  const text = config.genesis?.protocolSemanticVersion;
  const version = text === undefined ? PROVER_PROTOCOL_VERSION : parseVersion(text);
  if (version === undefined) throw new ConfigError(`${file}: genesis_protocol_semantic_version is not 0.x.y`);
  using poseidon2 = await openPoseidon2();
  const result = await runGenesis(requireServerUrl(config), createHasher(poseidon2), {
    chainId,
    version,
    feeAccount: feeAccountOf(config),
    snarkWrapperVkHash: (config.genesis?.prover.snarkWrapperVkHash ?? `0x${'0'.repeat(64)}`) as Hex,
  });
  return { root: `0x${result.root.toString(16).padStart(64, '0')}`, created: result.created };
}

await runComponent('server', main, { graceMs: 5_000 });
