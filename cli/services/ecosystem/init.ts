/** `ecosystem init` and `chain init`: configs, money, contracts on L1, genesis of the core database. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { l2StateFile } from '../../../systems/zksync/index.ts';
import { createHasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { GenesisMismatchError, genesisValues, runGenesis } from '../../../systems/zksync/protocol/core-db/genesis.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import type { CircuitSet } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { SolcMissingError, verifierFor } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import { contractsYaml, genesisYaml, parseContractsYaml } from '../../../systems/zksync/protocol/l1/contracts-yaml.ts';
import { type DeployedContracts, deployContracts, fundWallets } from '../../../systems/zksync/protocol/l1/deploy.ts';
import { LOCAL_L1_CHAIN_ID } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { UnsafeL1Error } from '../../../systems/zksync/protocol/l1/safety.ts';
import type { Wallets } from '../../../systems/zksync/protocol/l1/wallets.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { refuseRemoteL1 } from '../l1-check.ts';
import { openRuntime } from '../runtime.ts';
import { step } from '../step.ts';
import {
  databaseName,
  databaseUrl,
  databaseUrlOf,
  ensureChainConfigs,
  infrastructureOf,
  setSecret,
} from './configs.ts';
import { ensureDatabase } from './databases.ts';
import { type Chain, type Ecosystem, listChains, openChain, openEcosystem, provingSettings } from './files.ts';
import { ensureInfrastructure } from './infrastructure.ts';
import { ensureKeys } from './keys.ts';
import { readWallets } from './wallets.ts';
import { type Edits, editYaml, readYaml } from './yaml-file.ts';

export interface ChainInitInput {
  chain?: string | undefined;
  /** Absent: the devnet's own L1, which is started. */
  l1RpcUrl?: string | undefined;
  /** Server part of the core database's URL; absent: the devnet's own. */
  serverDbUrl?: string | undefined;
  serverDbName?: string | undefined;
  dontDrop: boolean;
  noGenesis: boolean;
  noPortReallocation: boolean;
}

export interface ChainInitResult {
  chain: string;
  chainId: number;
  l1RpcUrl: string;
  rollup: string;
  verifier: string;
  /** Contracts were there already and fit. */
  reusedContracts: boolean;
  genesisRoot: string;
  database: string;
}

export interface EcosystemInitInput extends ChainInitInput {
  /** Database and L1 only. */
  ecosystemOnly: boolean;
}

export interface EcosystemInitResult {
  ecosystem: string;
  chains: ChainInitResult[];
}

/** Every chain, or only the one named. */
export async function ecosystemInit(ctx: ServiceContext, input: EcosystemInitInput): Promise<EcosystemInitResult> {
  const ecosystem = await openEcosystem(ctx);
  await prepareInfrastructure(ctx, input);
  const chains: ChainInitResult[] = [];
  const names = input.ecosystemOnly ? [] : input.chain ? [input.chain] : await listChains(ecosystem);
  for (const name of names) chains.push(await initOne(ctx, ecosystem, await openChain(ecosystem, name), input));
  return { ecosystem: ecosystem.name, chains };
}

export async function chainInit(ctx: ServiceContext, input: ChainInitInput): Promise<ChainInitResult> {
  const ecosystem = await openEcosystem(ctx);
  const chain = await openChain(ecosystem, input.chain);
  await prepareInfrastructure(ctx, input);
  return initOne(ctx, ecosystem, chain, input);
}

/** `chain init configs`: the files and nothing else. */
export async function chainConfigs(
  ctx: ServiceContext,
  input: { chain?: string | undefined; noPortReallocation: boolean },
): Promise<{ chain: string; configs: string }> {
  const ecosystem = await openEcosystem(ctx);
  const chain = await openChain(ecosystem, input.chain);
  await ensureChainConfigs(ctx, ecosystem, chain, { reallocatePorts: !input.noPortReallocation });
  return { chain: chain.name, configs: chain.paths.configs };
}

async function prepareInfrastructure(ctx: ServiceContext, input: ChainInitInput): Promise<void> {
  if (input.l1RpcUrl !== undefined) refuseRemoteL1(input.l1RpcUrl);
  if (input.l1RpcUrl !== undefined && input.serverDbUrl !== undefined) return;
  await step(ctx, 'infrastructure', 'database and L1', () => ensureInfrastructure(ctx));
}

async function initOne(
  ctx: ServiceContext,
  ecosystem: Ecosystem,
  chain: Chain,
  input: ChainInitInput,
): Promise<ChainInitResult> {
  const label = (what: string): string => `${chain.name}: ${what}`;
  const id = (what: string): string => `${chain.name}/${what}`;
  const l1RpcUrl = input.l1RpcUrl ?? (await infrastructureOf(ctx)).l1RpcUrl;
  await step(ctx, id('configs'), label('configuration files'), async () => {
    await ensureChainConfigs(ctx, ecosystem, chain, { reallocatePorts: !input.noPortReallocation });
    await setSecret(chain, 'l1.l1_rpc_url', l1RpcUrl);
  });
  const wallets = await readWallets(chain.paths.wallets);
  const keys = await step(ctx, id('keys'), label('keys'), () => ensureKeys(ctx, ecosystem));
  const genesis = await genesisOf(chain);
  const anew = !input.dontDrop && !input.noGenesis;
  if (anew) await forgetChain(ctx, chain);
  const deployed = await step(ctx, id('contracts'), label('verifier and rollup contract on L1'), () =>
    deploy(ctx, { ecosystem, chain, wallets, keys, genesis, l1RpcUrl, anew }),
  );
  await writeGenesis(chain, wallets, keys, genesis);
  const database = await step(ctx, id('genesis'), label('core database and genesis'), () =>
    prepareCore(ctx, chain, wallets, keys, input),
  );
  return {
    chain: chain.name,
    chainId: chain.chainId,
    l1RpcUrl,
    rollup: deployed.rollup,
    verifier: deployed.verifier,
    reusedContracts: deployed.reused,
    genesisRoot: hex32(genesis.root),
    database,
  };
}

interface Genesis {
  root: bigint;
  nextIndex: number;
  commitment: `0x${string}`;
}

async function genesisOf(chain: Chain): Promise<Genesis> {
  using poseidon2 = await openPoseidon2();
  const { tree, hashes } = genesisValues(createHasher(poseidon2), {
    chainId: chain.chainId,
    version: PROVER_PROTOCOL_VERSION,
  });
  return { root: tree.root, nextIndex: tree.nextIndex, commitment: hashes.commitment };
}

interface Deployment {
  ecosystem: Ecosystem;
  chain: Chain;
  wallets: Wallets;
  keys: CircuitSet;
  genesis: Genesis;
  l1RpcUrl: string;
  /** New contracts even where old ones fit: those have the batches of a chain that is gone. */
  anew: boolean;
}

/** A chain whose database is dropped starts from its genesis: nothing of its earlier life may be taken up again. */
async function forgetChain(ctx: ServiceContext, chain: Chain): Promise<void> {
  const runtime = await openRuntime(ctx);
  for (const id of ['server', 'l2']) await runtime.stop(id, ctx.signal);
  await rm(dirname(l2StateFile({ dataDir: ctx.paths.dataDir, chain: chain.name })), { recursive: true, force: true });
  await rm(chain.paths.artifacts, { recursive: true, force: true });
  await mkdir(chain.paths.artifacts, { recursive: true });
}

async function deploy(
  ctx: ServiceContext,
  { ecosystem, chain, wallets, keys, genesis, l1RpcUrl, anew }: Deployment,
): Promise<DeployedContracts & { reused: boolean }> {
  const { crs: name } = await provingSettings(ecosystem);
  const crs = await ensureCrs({ crs: name, points: 1, cacheDir: cacheDir(), signal: ctx.signal });
  const recorded = parseContractsYaml((await readYaml(chain.paths.contracts)).toJS(), chain.paths.contracts);
  const result = await explained(async () => {
    const addresses = [wallets.deployer, wallets.operator, wallets.prove_operator, wallets.execute_operator];
    await fundWallets({ rpcUrl: l1RpcUrl, addresses: addresses.map((wallet) => wallet.address), signal: ctx.signal });
    return deployContracts({
      rpcUrl: l1RpcUrl,
      wallets,
      chainId: chain.chainId,
      version: PROVER_PROTOCOL_VERSION,
      circuitSet: keys,
      verifier: await verifierFor({
        circuitSet: keys,
        bb: createBb({ crs, cacheDir: cacheDir() }),
        cacheDir: cacheDir(),
        signal: ctx.signal,
      }),
      genesis,
      signal: ctx.signal,
      ...(recorded && !anew ? { recorded } : {}),
    });
  }, l1RpcUrl);
  await editYaml(chain.paths.contracts, flatten({ ...contractsYaml(result) }));
  return result;
}

/** Errors of the protocol layer that a user can act on. */
async function explained<T>(work: () => Promise<T>, l1RpcUrl: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = (cause as Error).message;
    if (cause instanceof UnsafeL1Error) throw new DevkitError('UNSAFE', message, { cause });
    if (cause instanceof SolcMissingError) throw new DevkitError('HOST_UNFIT', message, { cause });
    if (['HttpRequestError', 'L1Error'].includes((cause as Error).name)) {
      throw new DevkitError('COMPONENT_FAILED', `the L1 at ${l1RpcUrl} does not answer`, {
        hint: 'devkit containers   (starts the L1)',
        cause,
      });
    }
    throw cause;
  }
}

async function writeGenesis(chain: Chain, wallets: Wallets, keys: CircuitSet, genesis: Genesis): Promise<void> {
  const patch = genesisYaml({
    version: PROVER_PROTOCOL_VERSION,
    root: genesis.root,
    nextIndex: genesis.nextIndex,
    commitment: genesis.commitment,
    l1ChainId: LOCAL_L1_CHAIN_ID,
    l2ChainId: chain.chainId,
    feeAccount: wallets.fee_account.address,
    dummyVerifier: chain.proverMode === 'no-proofs',
    snarkWrapperVkHash: keys.snarkWrapperVkHash,
  });
  await editYaml(chain.paths.genesis, flatten({ ...patch }));
}

async function prepareCore(
  ctx: ServiceContext,
  chain: Chain,
  wallets: Wallets,
  keys: CircuitSet,
  input: ChainInitInput,
): Promise<string> {
  const name = input.serverDbName ?? databaseName('server', chain);
  const url = databaseUrl(input.serverDbUrl ?? (await infrastructureOf(ctx)).postgresUrl, name);
  if ((await databaseUrlOf(chain, 'server')) !== url) await setSecret(chain, 'database.server_url', url);
  if (input.noGenesis) return name;
  await ensureDatabase({ url, drop: !input.dontDrop });
  using poseidon2 = await openPoseidon2();
  try {
    await runGenesis(url, createHasher(poseidon2), {
      chainId: chain.chainId,
      version: PROVER_PROTOCOL_VERSION,
      feeAccount: wallets.fee_account.address,
      snarkWrapperVkHash: keys.snarkWrapperVkHash,
    });
  } catch (cause) {
    if (!(cause instanceof GenesisMismatchError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, { hint: `devkit chain init --chain ${chain.name}`, cause });
  }
  return name;
}

/** Nested sections → dotted paths, so that the other keys of the file stay. */
function flatten(values: Record<string, unknown>, prefix = ''): Edits {
  const edits: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'object' && value !== null) {
      Object.assign(edits, flatten(value as Record<string, unknown>, `${prefix}${key}.`));
    } else edits[`${prefix}${key}`] = value;
  }
  return edits;
}

const hex32 = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`;
