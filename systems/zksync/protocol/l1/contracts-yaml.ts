import { type Hex, zeroAddress } from 'viem';
import { Refusal } from '../../../../lib/component/refusal.ts';
import { formatVersion, type ProtocolVersion } from '../ids.ts';
import { L1_MESSENGER_ADDRESS } from '../l2/genesis.ts';
import type { DeployedContracts } from './deploy.ts';

/** Base token address that stands for ETH. */
export const ETH_TOKEN: Hex = '0x0000000000000000000000000000000000000001';

/**
 * The shape of contracts.yaml, upstream's names. The rollup contract is the diamond proxy and its own validator
 * timelock; what the reference system does not have (bridges, governance contracts) is left out.
 */
export interface ContractsYaml {
  l1: {
    diamond_proxy_addr: Hex;
    verifier_addr: Hex;
    validator_timelock_addr: Hex;
    base_token_addr: Hex;
  };
  l2: { l1_messenger_addr: Hex };
  /** Not upstream's. */
  devkit: { block_number: number };
}

/** contracts.yaml for what was deployed. */
export function contractsYaml(deployed: DeployedContracts, baseToken: Hex = ETH_TOKEN): ContractsYaml {
  const rollup = deployed.rollup.toLowerCase() as Hex;
  return {
    l1: {
      diamond_proxy_addr: rollup,
      verifier_addr: deployed.verifier.toLowerCase() as Hex,
      validator_timelock_addr: rollup,
      base_token_addr: baseToken,
    },
    l2: { l1_messenger_addr: L1_MESSENGER_ADDRESS },
    devkit: { block_number: Number(deployed.blockNumber) },
  };
}

/** contracts.yaml names a contract by something that is no address. */
export class ContractsInvalidError extends Refusal {
  override readonly name = 'ContractsInvalidError';
}

/**
 * The deployed contracts from a parsed contracts.yaml; undefined when none are recorded yet.
 * @throws ContractsInvalidError
 */
export function parseContractsYaml(file: unknown, path: string): DeployedContracts | undefined {
  const { l1, devkit } = (file ?? {}) as {
    l1?: Record<string, unknown>;
    devkit?: { block_number?: unknown };
  };
  const rollup = l1?.diamond_proxy_addr;
  const verifier = l1?.verifier_addr;
  if (isUnset(rollup) || isUnset(verifier)) return undefined;
  return {
    rollup: address(rollup, `${path}: l1.diamond_proxy_addr`),
    verifier: address(verifier, `${path}: l1.verifier_addr`),
    blockNumber: BigInt(Number(devkit?.block_number ?? 0) || 0),
  };
}

const isUnset = (value: unknown): boolean => value === undefined || value === null || value === zeroAddress;

function address(value: unknown, where: string): Hex {
  // a number: an address without quotes, whose last digits YAML lost
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(value))
    throw new ContractsInvalidError(`${where} is not an address in quotes: ${value}`);
  return value.toLowerCase() as Hex;
}

/** What `genesis.yaml` gets from genesis and keys; other keys of the file stay as they are. */
export interface GenesisYamlPatch {
  genesis_protocol_semantic_version: string;
  genesis_root: Hex;
  genesis_rollup_leaf_index: number;
  genesis_batch_commitment: Hex;
  l1_chain_id: number;
  l2_chain_id: number;
  fee_account: Hex;
  prover: {
    dummy_verifier: boolean;
    /** bb's hash of the compressor's key; upstream's newer name for it is `snark_wrapper_vk_hash`. */
    recursion_scheduler_level_vk_hash: Hex;
    fflonk_snark_wrapper_vk_hash: null;
  };
}

/** The values that genesis.yaml has of one chain. */
export function genesisYaml(values: {
  version: ProtocolVersion;
  root: bigint;
  nextIndex: number;
  commitment: Hex;
  l1ChainId: number;
  l2ChainId: number;
  feeAccount: Hex;
  /** True for a chain with prover mode `no-proofs`. */
  dummyVerifier: boolean;
  snarkWrapperVkHash: Hex;
}): GenesisYamlPatch {
  return {
    genesis_protocol_semantic_version: formatVersion(values.version),
    genesis_root: `0x${values.root.toString(16).padStart(64, '0')}`,
    genesis_rollup_leaf_index: values.nextIndex,
    genesis_batch_commitment: values.commitment,
    l1_chain_id: values.l1ChainId,
    l2_chain_id: values.l2ChainId,
    fee_account: values.feeAccount,
    prover: {
      dummy_verifier: values.dummyVerifier,
      recursion_scheduler_level_vk_hash: values.snarkWrapperVkHash,
      fflonk_snark_wrapper_vk_hash: null,
    },
  };
}
