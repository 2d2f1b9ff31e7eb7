import { encodeDeployData, getAddress, type Hex, type PublicClient, parseEther, toHex } from 'viem';
import { retry } from '../../../../lib/retry.ts';
import { type Aggregation, formatVersion, type ProtocolVersion, packVersion } from '../ids.ts';
import { loadArtifact, type VerifierArtifact } from './artifacts.ts';
import { publicClient, walletClient } from './clients.ts';
import { encodeSetValidators, type RollupState, readRollup } from './rollup.ts';
import { assertLocalL1 } from './safety.ts';
import { testWallets, type Wallets } from './wallets.ts';

export interface DeployedContracts {
  rollup: Hex;
  verifier: Hex;
  /** L1 block that has the rollup contract. */
  blockNumber: bigint;
}

export interface DeployOptions {
  rpcUrl: string;
  /** `deployer` becomes the owner; the operators become validators. All must have money (`fundWallets`). */
  wallets: Wallets;
  /** L2 chain id. */
  chainId: number;
  version: ProtocolVersion;
  circuitSet: { aggregation: Aggregation; crsId: string; keyset: bigint; snarkWrapperVkHash: Hex };
  /** The verifier for `snarkWrapperVkHash`. */
  verifier: Pick<VerifierArtifact, 'abi' | 'bytecode' | 'vkHash'>;
  genesis: { root: bigint; nextIndex: number };
  /** What an earlier run deployed; used again if it is on this L1 and has the same parameters. */
  recorded?: DeployedContracts;
  signal: AbortSignal;
}

/**
 * Deploys verifier and rollup and names the validators; does nothing when `recorded` is there with equal parameters.
 * @throws UnsafeL1Error when the L1 is not a local one
 */
export async function deployContracts(options: DeployOptions): Promise<DeployedContracts & { reused: boolean }> {
  const { rpcUrl, circuitSet, verifier, wallets } = options;
  const l1ChainId = await publicClient({ rpcUrl, chainId: 0 }).getChainId();
  assertLocalL1({ rpcUrl, chainId: l1ChainId, crs: circuitSet.crsId, aggregation: circuitSet.aggregation });
  if (BigInt(verifier.vkHash) !== BigInt(circuitSet.snarkWrapperVkHash))
    throw new Error(
      `verifier contract is for key ${verifier.vkHash}, the key set has ${circuitSet.snarkWrapperVkHash}: devkit prover setup-keys`,
    );
  const client = publicClient({ rpcUrl, chainId: l1ChainId });
  const owner = walletClient({ rpcUrl, chainId: l1ChainId }, wallets.deployer.private_key);
  const found = options.recorded && (await findDeployed(client, options, options.recorded));
  if (options.recorded && found) {
    if (!validatorsMatch(found, wallets)) await setValidators(client, owner, options.recorded.rollup, wallets);
    return { ...options.recorded, reused: true };
  }
  const deployed = await deployBoth(client, owner, options);
  await setValidators(client, owner, deployed.rollup, wallets);
  return { ...deployed, reused: false };
}

type Owner = ReturnType<typeof walletClient>;

async function deployBoth(client: PublicClient, owner: Owner, options: DeployOptions): Promise<DeployedContracts> {
  const { circuitSet, genesis, verifier } = options;
  const create = async (data: Hex, what: string) => {
    const hash = await owner.sendTransaction({ data });
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success' || !receipt.contractAddress)
      throw new Error(`deployment of the ${what} failed on L1 in transaction ${hash}`);
    return { address: receipt.contractAddress, blockNumber: receipt.blockNumber };
  };
  const verifierAt = await create(verifier.bytecode, 'verifier');
  const { abi, bytecode } = await loadArtifact('rollup');
  const args = [
    verifierAt.address,
    BigInt(options.chainId),
    packVersion(options.version),
    circuitSet.keyset,
    genesis.root,
    BigInt(genesis.nextIndex),
    toHex(BigInt(circuitSet.snarkWrapperVkHash), { size: 32 }),
    circuitSet.aggregation,
    circuitSet.crsId,
  ];
  const rollup = await create(
    encodeDeployData({ abi, bytecode, args }),
    `rollup for ${formatVersion(options.version)}`,
  );
  return {
    verifier: verifierAt.address.toLowerCase() as Hex,
    rollup: rollup.address.toLowerCase() as Hex,
    blockNumber: rollup.blockNumber,
  };
}

async function setValidators(client: PublicClient, owner: Owner, rollup: Hex, wallets: Wallets): Promise<void> {
  const data = encodeSetValidators(
    wallets.operator.address,
    wallets.prove_operator.address,
    wallets.execute_operator.address,
  );
  const hash = await owner.sendTransaction({ to: rollup, data });
  const receipt = await client.waitForTransactionReceipt({ hash });
  if (receipt.status !== 'success') throw new Error(`setValidators failed on L1 in transaction ${hash}`);
}

function validatorsMatch(state: RollupState, wallets: Wallets): boolean {
  const { committer, prover, executor } = state.validators;
  return (
    committer === getAddress(wallets.operator.address) &&
    prover === getAddress(wallets.prove_operator.address) &&
    executor === getAddress(wallets.execute_operator.address)
  );
}

async function findDeployed(
  client: PublicClient,
  options: DeployOptions,
  recorded: DeployedContracts,
): Promise<RollupState | undefined> {
  const codes = await Promise.all([
    client.getCode({ address: recorded.rollup }),
    client.getCode({ address: recorded.verifier }),
  ]);
  if (codes.some((code) => code === undefined)) return undefined;
  const state = await readRollup(client, recorded.rollup);
  const { circuitSet } = options;
  const same =
    getAddress(recorded.verifier) === state.verifier &&
    state.chainId === BigInt(options.chainId) &&
    state.packedVersion === packVersion(options.version) &&
    state.keyset === circuitSet.keyset &&
    BigInt(state.verificationKeyHash) === BigInt(circuitSet.snarkWrapperVkHash) &&
    state.aggregation === circuitSet.aggregation &&
    state.crs === circuitSet.crsId &&
    state.genesisRoot === options.genesis.root;
  return same ? state : undefined;
}

/** Index of the rich account that pays; none of the ecosystem's localhost wallets, whose nonces others use. */
const PAYER_INDEX = 9;

/** What every chain wallet gets on a local L1 (zkstack `distribute_eth`: 1000 ETH). */
export const WALLET_FUNDING = parseEther('1000');

/**
 * Gives money on a local L1 to those of the addresses that have less than half of `amount` (wei).
 * @throws UnsafeL1Error when the L1 is not a local one
 */
export async function fundWallets(options: {
  rpcUrl: string;
  addresses: readonly Hex[];
  amount?: bigint;
  signal: AbortSignal;
}): Promise<Hex[]> {
  const { rpcUrl, signal, amount = WALLET_FUNDING } = options;
  const chainId = await publicClient({ rpcUrl, chainId: 0 }).getChainId();
  assertLocalL1({ rpcUrl, chainId, crs: 'none', aggregation: 'none' });
  const client = publicClient({ rpcUrl, chainId });
  const payer = walletClient({ rpcUrl, chainId }, testWallets(0, PAYER_INDEX + 1)[PAYER_INDEX]!.private_key);
  const funded: Hex[] = [];
  for (const address of new Set(options.addresses)) {
    if ((await client.getBalance({ address })) >= amount / 2n) continue;
    // two chains may be funded at the same time: a nonce taken in between is worth another try
    const send = async () => payer.sendTransaction({ to: address, value: amount });
    const hash = await retry(send, {
      attempts: 5,
      delayMs: 50,
      signal,
      retryIf: (error) => /nonce|underpriced/i.test(String(error)),
    });
    await client.waitForTransactionReceipt({ hash });
    funded.push(address);
  }
  return funded;
}
