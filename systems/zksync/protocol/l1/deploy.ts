import { encodeDeployData, getAddress, type Hex, type PublicClient, toHex } from 'viem';
import { type Aggregation, formatVersion, type ProtocolVersion, packVersion } from '../ids.ts';
import { loadArtifact, type VerifierArtifact } from './artifacts.ts';
import { publicClient, walletClient } from './clients.ts';
import { encodeSetValidators, type RollupState, readRollup } from './rollup.ts';
import { assertLocalL1 } from './safety.ts';
import { L1Error, type L1Sender, l1ChainId, sendOnL1 } from './send.ts';
import type { Wallets } from './wallets.ts';

export { fundWallets, WALLET_FUNDING } from './fund.ts';

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
 * After dropping a chain's database leave `recorded` out: its rollup knows batches that are gone.
 * @throws UnsafeL1Error when the L1 is not a local one, L1Error when it does not answer or take the contracts
 */
export async function deployContracts(options: DeployOptions): Promise<DeployedContracts & { reused: boolean }> {
  const { rpcUrl, circuitSet, verifier, wallets } = options;
  const chainId = await l1ChainId(rpcUrl);
  assertLocalL1({ rpcUrl, chainId, crs: circuitSet.crsId, aggregation: circuitSet.aggregation });
  if (BigInt(verifier.vkHash) !== BigInt(circuitSet.snarkWrapperVkHash))
    throw new L1Error(
      `verifier contract is for key ${verifier.vkHash}, the key set has ${circuitSet.snarkWrapperVkHash}: devkit prover setup-keys`,
    );
  const client = publicClient({ rpcUrl, chainId });
  const owner = { client, wallet: walletClient({ rpcUrl, chainId }, wallets.deployer.private_key) };
  const found = options.recorded && (await findDeployed(client, options, options.recorded));
  if (options.recorded && found) {
    if (!validatorsMatch(found, wallets)) await setValidators(owner, options.recorded.rollup, wallets);
    return { ...options.recorded, reused: true };
  }
  const deployed = await deployBoth(owner, options);
  await setValidators(owner, deployed.rollup, wallets);
  return { ...deployed, reused: false };
}

async function deployBoth(owner: L1Sender, options: DeployOptions): Promise<DeployedContracts> {
  const { circuitSet, genesis, verifier } = options;
  const create = async (data: Hex, what: string) => {
    options.signal.throwIfAborted();
    const receipt = await sendOnL1(owner, { data }, `deployment of the ${what}`);
    if (!receipt.contractAddress)
      throw new L1Error(`deployment of the ${what}: no contract in ${receipt.transactionHash}`);
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

async function setValidators(owner: L1Sender, rollup: Hex, wallets: Wallets): Promise<void> {
  const { operator, prove_operator, execute_operator } = wallets;
  const data = encodeSetValidators(operator.address, prove_operator.address, execute_operator.address);
  await sendOnL1(owner, { to: rollup, data }, 'setValidators');
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
