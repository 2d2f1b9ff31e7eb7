/**
 * Typed view of a chain's configuration files, as upstream's programs read them: unknown keys are ignored, durations take
 * a unit in the key or in the value, every key can be overridden by `ZKSYNC_<SECTION>_<KEY>`.
 */
import { readFile } from 'node:fs/promises';
import { parse, type Tags } from 'yaml';
import { ConfigError } from '../../../lib/component/refusal.ts';
import { readCoreSections } from './config/core-sections.ts';
import type { Source } from './config/fields.ts';
import { readGenesis, readSecrets, readWallets, type Wallet } from './config/other-files.ts';
import { readProverSections } from './config/prover-sections.ts';

export type { ObjectStoreConfig, ObjectStoreMode } from './config/object-store.ts';
export type { Wallet } from './config/other-files.ts';

export interface ConfigPaths {
  /** general.yaml */
  configPath: string;
  /** secrets.yaml; may be absent for programs that need no secret. */
  secretsPath?: string;
  genesisPath?: string;
  walletsPath?: string;
  contractsPath?: string;
}

export type GeneralConfig = ReturnType<typeof readProverSections> & ReturnType<typeof readCoreSections>;
export type GenesisConfig = ReturnType<typeof readGenesis>;

export interface ZksyncConfig extends GeneralConfig, ReturnType<typeof readSecrets> {
  /** Absent when no path was given; the same holds for the next two. */
  genesis: GenesisConfig | undefined;
  wallets: Record<string, Wallet> | undefined;
  /** contracts.yaml as it is. */
  contracts: Record<string, unknown> | undefined;
  paths: ConfigPaths;
}

type Env = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError naming file and key. */
export async function loadConfig(paths: ConfigPaths, env: Env = process.env): Promise<ZksyncConfig> {
  const root = async (file: string): Promise<Source> => ({ file, path: [], raw: await readYaml(file), env });
  const optional = async <T>(file: string | undefined, read: (source: Source) => T): Promise<T | undefined> =>
    file === undefined ? undefined : read(await root(file));
  const general = await root(paths.configPath);
  const noSecrets: Source = { file: 'secrets.yaml', path: [], raw: {}, env };
  return {
    ...readProverSections(general),
    ...readCoreSections(general),
    ...readSecrets(paths.secretsPath === undefined ? noSecrets : await root(paths.secretsPath)),
    genesis: await optional(paths.genesisPath, readGenesis),
    wallets: await optional(paths.walletsPath, readWallets),
    contracts: await optional(paths.contractsPath, (source) => source.raw),
    paths,
  };
}

/** The URL, or one line saying which file and key lack it. */
export function requireProverUrl(config: ZksyncConfig): string {
  return need(config.database.proverUrl, config.paths.secretsPath, 'database.prover_url', 'devkit prover init');
}

export function requireServerUrl(config: ZksyncConfig): string {
  return need(config.database.serverUrl, config.paths.secretsPath, 'database.server_url', 'devkit chain init');
}

export function requireL1RpcUrl(config: ZksyncConfig): string {
  return need(config.l1.rpcUrl, config.paths.secretsPath, 'l1.l1_rpc_url', 'devkit ecosystem init');
}

function need(value: string | undefined, file: string | undefined, key: string, command: string): string {
  if (value === undefined) throw new ConfigError(`${file ?? 'secrets.yaml'}: ${key}: missing; run \`${command}\``);
  return value;
}

async function readYaml(file: string): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(`${file}: ${missing ? 'no such file' : (cause as Error).message}`, { cause });
  }
  let value: unknown;
  try {
    // YAML 1.2 would turn an unquoted 0x… key or address into a number; `core` types with hex strings kept as text
    value = parse(content, { schema: 'core', intAsBigInt: false, customTags: withoutHexNumbers });
  } catch (cause) {
    throw new ConfigError(`${file}: not YAML: ${(cause as Error).message.split('\n')[0]!.replace(/:$/, '')}`, {
      cause,
    });
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new ConfigError(`${file}: expected a map`);
  return value as Record<string, unknown>;
}

const withoutHexNumbers = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !('format' in tag && tag.format === 'HEX'));
