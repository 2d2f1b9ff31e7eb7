/** One chain of a devnet, opened: its files, its components, its databases. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import pg from 'pg';
import { ConfigError } from '../../lib/component/refusal.ts';
import { l1StateFile, l2StateFile, type ZksyncDevnet } from '../../systems/zksync/index.ts';
import {
  loadConfig,
  requireProverUrl,
  requireServerUrl,
  type ZksyncConfig,
} from '../../systems/zksync/protocol/config.ts';
import { type ProtocolVersion, parseVersion } from '../../systems/zksync/protocol/ids.ts';
import { l2Genesis } from '../../systems/zksync/protocol/l2/genesis.ts';
import { DevkitError } from '../core/errors.ts';
import type { Stack } from '../core/stack.ts';
import { type DevnetState, readState } from '../core/state.ts';
import { ensureAnvilState } from '../host/anvil-state.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import { containerPlaces } from './container-places.ts';
import type { ServiceContext } from './context.ts';
import { adoptEcosystem } from './ecosystem/adopt.ts';
import { databaseError } from './ecosystem/databases.ts';
import { type Chain, type Ecosystem, openChain, openEcosystem } from './ecosystem/files.ts';
import { openRuntime } from './runtime.ts';
import { readStack, type StackOptions } from './stack.ts';

export interface OpenDevnet {
  ctx: ServiceContext;
  state: DevnetState;
  ecosystem: Ecosystem;
  chain: Chain;
  config: ZksyncConfig;
  zksync: ZksyncDevnet;
  ports: { postgres: number; l1: number };
  runtime: ManagedRuntime;
  /** Whose programs run, and from where. */
  stack: Stack;
}

/** @throws DevkitError NOT_FOUND, CONFIG_INVALID */
export async function openDevnet(
  ctx: ServiceContext,
  chainName?: string,
  options: StackOptions = {},
): Promise<OpenDevnet> {
  const ecosystem = await openEcosystem(ctx);
  const stack = await readStack(ctx, options);
  const chain = await openChain(ecosystem, chainName);
  const state = (await readState(ctx.paths)) ?? (await adoptEcosystem(ctx, ecosystem, chain));
  const config = await loadChainConfig(chain);
  const ports = { postgres: state.ports['postgres'] ?? 5432, l1: state.ports['l1'] ?? 8545 };
  const containers = containerPlaces(ctx, state.runtime, `configs-${chain.name}`);
  return {
    ctx,
    state,
    ecosystem,
    chain,
    config,
    zksync: {
      ecosystemDir: ecosystem.paths.dir,
      chain: chain.name,
      configsDir: chain.paths.configs,
      dataDir: ctx.paths.dataDir,
      postgresData: ctx.paths.postgresData,
      postgresPort: ports.postgres,
      config,
      containers,
    },
    ports,
    runtime: await openRuntime(ctx),
    stack,
  };
}

async function loadChainConfig(chain: Chain): Promise<ZksyncConfig> {
  const { paths } = chain;
  if (!existsSync(paths.general)) {
    throw new DevkitError('NOT_FOUND', `chain '${chain.name}' has no configuration yet (no ${paths.general})`, {
      hint: `devkit chain init --chain ${chain.name}`,
    });
  }
  return loadConfig({
    configPath: paths.general,
    secretsPath: paths.secrets,
    genesisPath: paths.genesis,
    walletsPath: paths.wallets,
    ...(existsSync(paths.contracts) ? { contractsPath: paths.contracts } : {}),
  }).catch((cause: unknown) => {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, {
      hint: 'mend that file, then the same command again',
      cause,
    });
  });
}

/** The nodes start from their genesis; state files that are there stay as they are. */
export async function seedChainState(devnet: OpenDevnet): Promise<void> {
  const { alloc } = l2Genesis({ chainId: devnet.chain.chainId }).anvilGenesis;
  await Promise.all([
    ensureAnvilState(l1StateFile(devnet.zksync)),
    ensureAnvilState(l2StateFile(devnet.zksync), alloc),
  ]);
}

/** Cores that the kit plans with. */
export const coreCount = (): number => cpus().length;

export const proverUrl = (devnet: OpenDevnet): string => requireProverUrl(devnet.config);
export const serverUrl = (devnet: OpenDevnet): string => requireServerUrl(devnet.config);
export const apiUrl = (devnet: OpenDevnet): string => `http://127.0.0.1:${devnet.config.api.web3JsonRpc.httpPort}`;
export const externalApiUrl = (devnet: OpenDevnet): string =>
  `http://127.0.0.1:${devnet.config.externalProofIntegrationApi.httpPort}`;

/** Runs `work` with a small pool. @throws DevkitError COMPONENT_FAILED when the database does not answer, NOT_FOUND without it */
export async function withDatabase<T>(url: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 });
  // a connection that breaks while idle must not end the kit
  pool.on('error', () => undefined);
  try {
    return await work(pool);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw code === 'ECONNREFUSED' || code === '3D000' ? databaseError(url, cause) : cause;
  } finally {
    await pool.end();
  }
}

/** Whether `chain init` was done: the server has contracts to talk to. */
export const hasServer = (devnet: OpenDevnet): boolean => {
  const l1 = devnet.config.contracts?.['l1'] as { diamond_proxy_addr?: string } | undefined;
  return l1?.diamond_proxy_addr !== undefined && !/^0x0*$/.test(l1.diamond_proxy_addr);
};

/** Version that the chain's batches are proven under. @throws DevkitError CONFIG_INVALID */
export function protocolVersion(devnet: OpenDevnet): ProtocolVersion {
  const text = devnet.config.genesis?.protocolSemanticVersion;
  const version = parseVersion(text ?? '');
  if (version !== undefined) return version;
  throw new DevkitError(
    'CONFIG_INVALID',
    `${devnet.chain.paths.genesis}: genesis_protocol_semantic_version is ${text ?? 'missing'}, expected 0.<minor>.<patch>`,
  );
}
