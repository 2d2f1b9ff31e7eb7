/** Upstream's folders and ZkStack.yaml files: where they are and what they say. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Aggregation } from '../../../systems/zksync/protocol/ids.ts';
import { DevkitError } from '../../core/errors.ts';
import { type DevnetState, readState } from '../../core/state.ts';
import type { ServiceContext } from '../context.ts';
import { readYaml, textAt, type YamlDocument } from './yaml-file.ts';

export const ZKSTACK_FILE = 'ZkStack.yaml';

export const PROVER_MODES = ['no-proofs', 'gpu'] as const;
export type ProverMode = (typeof PROVER_MODES)[number];
export const WALLET_CREATIONS = ['localhost', 'random', 'empty', 'in-file'] as const;
export type WalletCreation = (typeof WALLET_CREATIONS)[number];
export const COMMIT_MODES = ['rollup', 'validium'] as const;
export type CommitMode = (typeof COMMIT_MODES)[number];
export const L1_NETWORKS = ['localhost', 'sepolia', 'holesky', 'mainnet'] as const;
export type L1Network = (typeof L1_NETWORKS)[number];

/** Folder names inside an ecosystem; all absolute. */
export interface EcosystemPaths {
  dir: string;
  file: string;
  configs: string;
  chains: string;
  /** Working folder of the prover components. */
  prover: string;
  proverArtifacts: string;
  keys: string;
}

export interface ChainPaths {
  dir: string;
  file: string;
  configs: string;
  general: string;
  secrets: string;
  genesis: string;
  contracts: string;
  wallets: string;
  artifacts: string;
  db: string;
}

export interface Ecosystem {
  name: string;
  paths: EcosystemPaths;
  defaultChain: string;
  proverMode: ProverMode;
  l1Network: L1Network;
}

export interface Chain {
  name: string;
  /** 1, 2, …: ports and wallets are derived from it. */
  id: number;
  chainId: number;
  proverMode: ProverMode;
  commitMode: CommitMode;
  walletCreation: WalletCreation;
  l1Network: L1Network;
  tightPorts: boolean;
  paths: ChainPaths;
}

export function ecosystemPaths(dir: string): EcosystemPaths {
  const prover = join(dir, 'prover');
  return {
    dir,
    file: join(dir, ZKSTACK_FILE),
    configs: join(dir, 'configs'),
    chains: join(dir, 'chains'),
    prover,
    proverArtifacts: join(prover, 'artifacts'),
    keys: join(prover, 'data', 'keys'),
  };
}

export function chainPaths(ecosystemDir: string, chain: string): ChainPaths {
  const dir = join(ecosystemDir, 'chains', chain);
  const configs = join(dir, 'configs');
  return {
    dir,
    file: join(dir, ZKSTACK_FILE),
    configs,
    general: join(configs, 'general.yaml'),
    secrets: join(configs, 'secrets.yaml'),
    genesis: join(configs, 'genesis.yaml'),
    contracts: join(configs, 'contracts.yaml'),
    wallets: join(configs, 'wallets.yaml'),
    artifacts: join(dir, 'artifacts'),
    db: join(dir, 'db'),
  };
}

/** Nearest folder upwards with an ecosystem's ZkStack.yaml (a chain's one lies deeper and has no `default_chain`). */
export async function findEcosystemDir(start: string): Promise<string | undefined> {
  for (let dir = resolve(start); ; dir = dirname(dir)) {
    const file = join(dir, ZKSTACK_FILE);
    if (existsSync(file) && textAt(await readYaml(file), 'default_chain') !== undefined) return dir;
    if (dir === dirname(dir)) return undefined;
  }
}

/** Folder with ZkStack.yaml that a devnet was made for. */
export const ecosystemDirOf = (state: DevnetState | undefined): string | undefined =>
  state?.settings['ecosystemDir'] as string | undefined;

/**
 * The ecosystem that commands act on: the one the working folder is in, else the devnet's.
 * @throws DevkitError NOT_FOUND with the command that makes one
 */
export async function openEcosystem(ctx: ServiceContext): Promise<Ecosystem> {
  const dir = (await findEcosystemDir(ctx.cwd)) ?? ecosystemDirOf(await readState(ctx.paths));
  if (dir === undefined || !existsSync(join(dir, ZKSTACK_FILE))) {
    throw new DevkitError('NOT_FOUND', `there is no ecosystem in ${ctx.cwd} (no ${ZKSTACK_FILE} here or above)`, {
      hint: 'devkit ecosystem create --ecosystem-name local_ecosystem --l1-network localhost --prover-mode gpu',
    });
  }
  return readEcosystem(dir);
}

export async function readEcosystem(dir: string): Promise<Ecosystem> {
  const paths = ecosystemPaths(dir);
  const document = await readYaml(paths.file);
  return {
    name: textAt(document, 'name') ?? basename(dir),
    paths,
    defaultChain: required(document, paths.file, 'default_chain'),
    proverMode: proverModeOf(textAt(document, 'prover_version')),
    l1Network: enumOf(document, paths.file, 'l1_network', L1_NETWORKS, 'localhost'),
  };
}

/** @throws DevkitError NOT_FOUND naming the chains there are */
export async function openChain(ecosystem: Ecosystem, name: string = ecosystem.defaultChain): Promise<Chain> {
  const paths = chainPaths(ecosystem.paths.dir, name);
  if (!existsSync(paths.file)) {
    const names = (await listChains(ecosystem)).join(', ') || 'none';
    throw new DevkitError('NOT_FOUND', `there is no chain '${name}' in ${ecosystem.paths.dir} (chains: ${names})`, {
      hint: `devkit chain create --chain-name ${name}`,
    });
  }
  const document = await readYaml(paths.file);
  return {
    name: textAt(document, 'name') ?? name,
    id: Number(required(document, paths.file, 'id')),
    chainId: Number(required(document, paths.file, 'chain_id')),
    proverMode: proverModeOf(textAt(document, 'prover_version')),
    commitMode: enumOf(document, paths.file, 'l1_batch_commit_data_generator_mode', COMMIT_MODES, 'rollup'),
    walletCreation: enumOf(document, paths.file, 'wallet_creation', WALLET_CREATIONS, 'localhost'),
    l1Network: enumOf(document, paths.file, 'l1_network', L1_NETWORKS, 'localhost'),
    tightPorts: textAt(document, 'tight_ports') === 'true',
    paths,
  };
}

/** Names of the chains, sorted. */
export async function listChains(ecosystem: Ecosystem): Promise<string[]> {
  if (!existsSync(ecosystem.paths.chains)) return [];
  const entries = await readdir(ecosystem.paths.chains, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(ecosystem.paths.chains, entry.name, ZKSTACK_FILE)))
    .map((entry) => entry.name)
    .sort();
}

export interface ProvingSettings {
  aggregation: Aggregation;
  /** `dev`, `ignition`, or a folder. */
  crs: string;
}

/** From the ecosystem's ZkStack.yaml, section `devkit`; all chains share the key folder, so they share these. */
export async function provingSettings(ecosystem: Ecosystem): Promise<ProvingSettings> {
  const document = await readYaml(ecosystem.paths.file);
  return {
    aggregation: textAt(document, 'devkit.aggregation') === 'recursive' ? 'recursive' : 'linked',
    crs: textAt(document, 'devkit.crs') ?? 'dev',
  };
}

/** `no-proofs` → `NoProofs`: the spelling inside ZkStack.yaml. */
export const pascal = (name: string): string =>
  name.replace(/(^|-)([a-z])/g, (_match, _dash: string, letter: string) => letter.toUpperCase());

/** As zkstack does: letters and digits stay, everything else becomes `_`. */
export function slugify(name: string): string {
  const slug = name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug === '') throw new DevkitError('USAGE', `"${name}" has no letter or digit to make a name of`);
  return slug;
}

const bare = (name: string): string => name.replace(/[-_]/g, '').toLowerCase();
const proverModeOf = (text: string | undefined): ProverMode => (text && bare(text) === 'gpu' ? 'gpu' : 'no-proofs');

function required(document: YamlDocument, file: string, key: string): string {
  const value = textAt(document, key);
  if (value === undefined) throw new DevkitError('CONFIG_INVALID', `${file}: ${key} is missing`);
  return value;
}

function enumOf<T extends string>(
  document: YamlDocument,
  file: string,
  key: string,
  values: readonly T[],
  fallback: T,
): T {
  const text = textAt(document, key);
  if (text === undefined) return fallback;
  const found = values.find((value) => bare(value) === bare(text));
  if (!found)
    throw new DevkitError(
      'CONFIG_INVALID',
      `${file}: ${key} is '${text}', not one of ${values.map(pascal).join(', ')}`,
    );
  return found;
}
