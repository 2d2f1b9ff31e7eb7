/** The `zks_*` methods, with upstream's shapes (core/lib/types/src/api). */
import type { Hex } from 'viem';
import { latestBatchNumber } from '../../../protocol/core-db/batches.ts';
import {
  type BatchDetails,
  batchBlockRange,
  batchDetails,
  blockDetails,
  type L1Progress,
} from '../../../protocol/core-db/details.ts';
import type { ServerContext } from '../context.ts';
import { quantity } from '../state-keeper/l2-node.ts';
import { type Method, numberParam } from './rpc-errors.ts';

export interface L1Info {
  chainId: number;
  /** The rollup contract. */
  mainContract: Hex | null;
}

/** ETH as base token (upstream: ETHEREUM_ADDRESS). */
const ETH_TOKEN_ADDRESS: Hex = '0x0000000000000000000000000000000000000001';
const NO_HASH: Hex = `0x${'0'.repeat(64)}`;

export function zksMethods(server: Pick<ServerContext, 'pool' | 'version'>, l1: L1Info): Record<string, Method> {
  const { pool } = server;
  return {
    zks_L1BatchNumber: async () => quantity((await latestBatchNumber(pool)) ?? 0),
    zks_L1ChainId: async () => quantity(l1.chainId),
    zks_getMainContract: async () => l1.mainContract,
    zks_getBaseTokenL1Address: async () => ETH_TOKEN_ADDRESS,
    zks_getL1BatchDetails: async (params) => {
      const details = await batchDetails(pool, numberParam(params, 0));
      return details === undefined ? null : batchToJson(details);
    },
    zks_getBlockDetails: async (params) => {
      const block = await blockDetails(pool, numberParam(params, 0));
      if (block === undefined) return null;
      return {
        number: block.number,
        l1BatchNumber: block.l1BatchNumber,
        operatorAddress: block.feeAccount,
        protocolVersion: `Version${block.minorVersion}`,
        timestamp: block.timestamp,
        l1TxCount: 0,
        l2TxCount: block.l2TxCount,
        rootHash: block.hash,
        ...progressToJson(block, block.number === 0),
        ...feesToJson(block.baseFeePerGas),
      };
    },
    zks_getL1BatchBlockRange: async (params) => {
      const range = await batchBlockRange(pool, numberParam(params, 0));
      return range === undefined ? null : range.map(quantity);
    },
    zks_getProtocolVersion: async () => ({
      minorVersion: server.version.minor,
      version_id: server.version.minor,
      timestamp: 0,
      verification_keys_hashes: null,
      base_system_contracts: null,
      bootloaderCodeHash: NO_HASH,
      defaultAccountCodeHash: NO_HASH,
    }),
  };
}

const batchToJson = (batch: BatchDetails) => ({
  number: batch.number,
  timestamp: batch.timestamp,
  l1TxCount: 0,
  l2TxCount: batch.l2TxCount,
  rootHash: batch.rootHash,
  ...progressToJson(batch, batch.number === 0),
  ...feesToJson(0n),
});

function progressToJson(progress: L1Progress, genesis: boolean) {
  const { commitTxHash, committedAt, proveTxHash, provenAt, executeTxHash, executedAt } = progress;
  return {
    status: genesis || executedAt !== null ? 'verified' : 'sealed',
    ...{ commitTxHash, committedAt, proveTxHash, provenAt, executeTxHash, executedAt },
  };
}

/** This L2 has no fee model of its own and no base system contracts: zeros. */
const feesToJson = (l2FairGasPrice: bigint) => ({
  l1GasPrice: 0,
  l2FairGasPrice: Number(l2FairGasPrice),
  fairPubdataPrice: 0,
  baseSystemContractsHashes: { bootloader: NO_HASH, default_aa: NO_HASH, evm_emulator: null },
});
