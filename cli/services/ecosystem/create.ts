/** `ecosystem create` and `chain create`: folders, ZkStack.yaml files, wallets, the devnet's state. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { CrsError, ensureCrs } from '../../../proving/crs.ts';
import { CRS_POINTS } from '../../../systems/zksync/protocol/circuits.ts';
import { DevkitError } from '../../core/errors.ts';
import { type DevnetState, STATE_VERSION, updateState } from '../../core/state.ts';
import { ensureDevnetFolder, type ServiceContext, withDevnet } from '../context.ts';
import { runtimeName } from '../runtime.ts';
import {
  type Chain,
  type CommitMode,
  chainPaths,
  type Ecosystem,
  ecosystemDirOf,
  ecosystemPaths,
  findEcosystemDir,
  type L1Network,
  listChains,
  openChain,
  type ProverMode,
  type ProvingSettings,
  pascal,
  readEcosystem,
  type WalletCreation,
  ZKSTACK_FILE,
} from './files.ts';
import { allocateBlock } from './ports.ts';
import { walletsFor, writeWallets } from './wallets.ts';
import { createYaml, editYaml } from './yaml-file.ts';

export const ETH_TOKEN = '0x0000000000000000000000000000000000000001';
const FIRST_CHAIN_ID = 271;
const ERA_CHAIN_ID = 270;

export interface ChainCreateInput {
  name: string;
  /** Absent: 271 + number of chains. */
  chainId?: number | undefined;
  proverMode: ProverMode;
  walletCreation: WalletCreation;
  /** Absolute; for `in-file`. */
  walletPath?: string | undefined;
  commitMode: CommitMode;
  baseToken: { address: string; nominator: number; denominator: number };
  setAsDefault: boolean;
  legacyBridge: boolean;
  evmEmulator: boolean;
  tightPorts: boolean;
}

export interface EcosystemCreateInput {
  name: string;
  /** Folder to make the ecosystem's folder in, absolute. */
  parent: string;
  /** The ecosystem's folder itself, where it is not `<parent>/<name>` (quickstart). */
  dir?: string | undefined;
  /** Devnet whose workspace is the ecosystem's folder; absent: named like the ecosystem. */
  devnet?: string | undefined;
  l1Network: L1Network;
  /** Absolute; upstream's checkout, which the reference variant does not need. */
  linkToCode?: string | undefined;
  proving: ProvingSettings;
  chain: ChainCreateInput;
}

export interface CreatedChain {
  chain: string;
  id: number;
  chainId: number;
  dir: string;
}

/** Makes folder, files, first chain (always the default one) and state. Returns a context of the new devnet. */
export async function createEcosystem(
  ctx: ServiceContext,
  input: EcosystemCreateInput,
): Promise<{ ctx: ServiceContext; ecosystem: Ecosystem; chain: CreatedChain }> {
  refuseNetwork(input.l1Network);
  const paths = ecosystemPaths(input.dir ?? join(input.parent, input.name));
  await refuseExisting(input, paths.dir);
  await refuseReferenceString(input.proving);
  if (input.linkToCode !== undefined && !existsSync(input.linkToCode)) {
    throw new DevkitError('NOT_FOUND', `--link-to-code: there is no folder ${input.linkToCode}`);
  }
  for (const dir of [paths.configs, paths.chains, paths.proverArtifacts, paths.keys]) {
    await mkdir(dir, { recursive: true });
  }
  await writeEcosystemFiles(input, paths.dir);
  const inside = input.dir === undefined ? withDevnet(ctx, paths.dir, input.devnet ?? input.name) : ctx;
  await createState(inside, paths.dir);
  const chain = await createChain(await readEcosystem(paths.dir), { ...input.chain, setAsDefault: true });
  return { ctx: inside, ecosystem: await readEcosystem(paths.dir), chain };
}

function refuseNetwork(network: L1Network): void {
  if (network === 'localhost') return;
  throw new DevkitError(
    'UNSAFE',
    `the reference variant deploys only to an L1 on this machine, not to ${network}: its proofs must not be trusted there`,
    { hint: '--l1-network localhost' },
  );
}

/** A folder that holds no reference string is refused before anything is made. `dev` and `ignition` are made or fetched when needed. */
async function refuseReferenceString({ crs, aggregation }: ProvingSettings): Promise<void> {
  if (crs === 'dev' || crs === 'ignition') return;
  try {
    await ensureCrs({ crs, points: CRS_POINTS[aggregation].prove, cacheDir: cacheDir() });
  } catch (cause) {
    if (!(cause instanceof CrsError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, { hint: '--crs dev', cause });
  }
}

async function refuseExisting(input: EcosystemCreateInput, dir: string): Promise<void> {
  const above = input.dir === undefined ? await findEcosystemDir(input.parent) : undefined;
  if (above !== undefined) {
    throw new DevkitError('ALREADY_EXISTS', `${above} is an ecosystem already; another one cannot be made inside it`, {
      hint: `devkit chain create   (a further chain), or change to another folder`,
    });
  }
  if (existsSync(dir) && (await readdir(dir)).some((name) => name !== '.devkit')) {
    throw new DevkitError('ALREADY_EXISTS', `${dir} is there already and is not empty`, {
      hint: `devkit ecosystem create --ecosystem-name ${input.name}_2`,
    });
  }
}

async function writeEcosystemFiles(input: EcosystemCreateInput, dir: string): Promise<void> {
  const paths = ecosystemPaths(dir);
  await createYaml(paths.file, {
    name: input.name,
    l1_network: pascal(input.l1Network),
    link_to_code: input.linkToCode ?? '.',
    chains: './chains',
    config: './configs/',
    default_chain: input.chain.name,
    era_chain_id: ERA_CHAIN_ID,
    prover_version: pascal(input.chain.proverMode),
    wallet_creation: pascal(input.chain.walletCreation),
    // ours: all chains share the key folder, so they share these
    devkit: { aggregation: input.proving.aggregation, crs: input.proving.crs },
  });
  await writeWallets(
    join(paths.configs, 'wallets.yaml'),
    await walletsFor(input.chain.walletCreation, 0, input.chain.walletPath),
  );
  await createYaml(join(paths.configs, 'initial_deployments.yaml'), {
    create2_factory_salt: `0x${'0'.repeat(64)}`,
    governance_min_delay: 0,
    token_weth_address: '0x0000000000000000000000000000000000000000',
  });
  await createYaml(join(paths.configs, 'erc20_deployments.yaml'), { tokens: {} });
  await createYaml(join(paths.configs, 'apps.yaml'), {
    portal: { http_port: 3030 },
    explorer: { http_port: 3010 },
  });
}

/** Ports of database and L1 are chosen once, together with the block of the first chain. */
async function createState(ctx: ServiceContext, ecosystemDir: string): Promise<void> {
  ensureDevnetFolder(ctx.paths);
  await updateState(ctx.paths, async (state) => {
    if (state) {
      refuseOtherEcosystem(state, ecosystemDir);
      return state;
    }
    const block = await allocateBlock();
    if (block.notice) ctx.emit({ type: 'notice', message: block.notice });
    return {
      schemaVersion: STATE_VERSION,
      name: ctx.paths.name,
      system: 'zksync',
      runtime: await runtimeName(ctx),
      variant: 'reference' as const,
      createdAt: new Date().toISOString(),
      ports: { postgres: block.ports['postgres'] ?? 0, l1: block.ports['l1'] ?? 0 },
      portShift: block.shift,
      settings: { ecosystemDir: resolve(ecosystemDir) },
    };
  });
}

/** A devnet has one ecosystem: taking it over would strand the first one's database and L1. */
function refuseOtherEcosystem(state: DevnetState, ecosystemDir: string): void {
  const own = ecosystemDirOf(state);
  if (own !== undefined && resolve(own) === resolve(ecosystemDir)) return;
  throw new DevkitError(
    'ALREADY_EXISTS',
    `devnet '${state.name}' belongs to ${own === undefined ? `the system ${state.system}` : `the ecosystem in ${own}`}`,
    {
      hint: `devkit prove   (a batch of that one), or take another name: --devnet ${state.name}-2`,
    },
  );
}

/** Folder, ZkStack.yaml and wallets of a further chain. @throws DevkitError ALREADY_EXISTS, USAGE */
export async function createChain(ecosystem: Ecosystem, input: ChainCreateInput): Promise<CreatedChain> {
  const others = await Promise.all((await listChains(ecosystem)).map((name) => openChain(ecosystem, name)));
  const chainId = input.chainId ?? nextChainId(others);
  refuseClash(others, input.name, chainId);
  const id = 1 + Math.max(0, ...others.map((chain) => chain.id));
  const paths = chainPaths(ecosystem.paths.dir, input.name);
  for (const dir of [paths.configs, paths.artifacts, paths.db]) await mkdir(dir, { recursive: true });
  const wallets = await walletsFor(input.walletCreation, id, input.walletPath);
  await createYaml(paths.file, chainFile(ecosystem, input, id, chainId, await linkToCode(ecosystem)));
  await writeWallets(paths.wallets, wallets);
  if (input.setAsDefault) await editYaml(ecosystem.paths.file, { default_chain: input.name });
  return { chain: input.name, id, chainId, dir: paths.dir };
}

function chainFile(
  ecosystem: Ecosystem,
  input: ChainCreateInput,
  id: number,
  chainId: number,
  code: string,
): Record<string, unknown> {
  const at = (dir: string): string => `./chains/${input.name}/${dir}/`;
  return {
    id,
    name: input.name,
    chain_id: chainId,
    prover_version: pascal(input.proverMode),
    l1_network: pascal(ecosystem.l1Network),
    link_to_code: code,
    configs: at('configs'),
    rocks_db_path: at('db'),
    external_node_config_path: null,
    artifacts_path: at('artifacts'),
    l1_batch_commit_data_generator_mode: pascal(input.commitMode),
    base_token: input.baseToken,
    wallet_creation: pascal(input.walletCreation),
    legacy_bridge: input.legacyBridge,
    evm_emulator: input.evmEmulator,
    tight_ports: input.tightPorts,
    vm_option: 'EraVM',
  };
}

async function linkToCode(ecosystem: Ecosystem): Promise<string> {
  const text = await readFile(ecosystem.paths.file, 'utf8');
  return /^link_to_code:\s*(\S+)\s*$/m.exec(text)?.[1] ?? '.';
}

function nextChainId(others: readonly Chain[]): number {
  const taken = new Set(others.map((chain) => chain.chainId));
  let id = FIRST_CHAIN_ID + others.length;
  while (taken.has(id)) id++;
  return id;
}

function refuseClash(others: readonly Chain[], name: string, chainId: number): void {
  const clash = others.find((chain) => chain.name === name || chain.chainId === chainId);
  if (!clash) return;
  const what = clash.name === name ? `a chain '${name}'` : `chain id ${chainId} ('${clash.name}')`;
  throw new DevkitError(
    'ALREADY_EXISTS',
    `${what} is there already: ${relative(dirname(clash.paths.dir), clash.paths.dir)}/${ZKSTACK_FILE}`,
    {
      hint: `devkit chain create --chain-name ${name}_2`,
    },
  );
}
