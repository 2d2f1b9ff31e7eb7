import type pg from 'pg';
import type { Hex } from 'viem';
import { type Db, inTransaction } from '../../../../../lib/postgres.ts';
import type { Hasher } from '../../../protocol/batch/hash.ts';
import { storageKey } from '../../../protocol/batch/log.ts';
import { lockBlocks } from '../../../protocol/core-db/batches.ts';
import {
  insertMiniblock,
  insertTransaction,
  type NewMiniblock,
  type StorageLogRow,
} from '../../../protocol/core-db/blocks.ts';
import { hexToBytea } from '../../../protocol/core-db/db.ts';
import { L1_MESSENGER_ADDRESS } from '../../../protocol/l2/genesis.ts';
import type { Rpc } from '../json-rpc.ts';
import { type L2Block, readMessages, traceBlock } from './l2-node.ts';
import { type StateDiff, stateChanges } from './state-diff.ts';
import { readTransaction } from './transactions.ts';

/** What the state keeper works with. */
export interface ChainContext {
  pool: pg.Pool;
  rpc: Rpc;
  hasher: Hasher;
  chainId: number;
  minorVersion: number;
  /** Coinbase of every block. */
  feeAccount: Hex;
}

/** Reads a block's state diffs and messages from the node and records everything in one transaction. */
export async function recordBlock(chain: ChainContext, block: L2Block): Promise<NewMiniblock> {
  const [diffs, messages] = await Promise.all([
    traceBlock(chain.rpc, block.number),
    readMessages(chain.rpc, block.number),
  ]);
  if (diffs.length !== block.transactions.length) {
    throw new Error(`L2 block ${block.number}: ${diffs.length} traces for ${block.transactions.length} transactions`);
  }
  const row: NewMiniblock = {
    number: block.number,
    timestamp: block.timestamp,
    hash: block.hash,
    stateRoot: block.stateRoot,
    feeAccount: block.miner,
    baseFeePerGas: block.baseFeePerGas,
    gasLimit: block.gasLimit,
    protocolVersion: chain.minorVersion,
    transactions: block.transactions,
    storageLogs: storageLogs(chain.hasher, diffs),
    messages: messages.map((message) => ({
      logIndex: message.logIndex,
      logIndexInTx: message.logIndexInTx,
      txHash: message.txHash,
      indexInBlock: message.txIndex,
      messenger: L1_MESSENGER_ADDRESS,
      sender: message.sender,
      value: message.hash,
      message: message.message,
    })),
  };
  await inTransaction(chain.pool, async (db) => {
    await lockBlocks(db);
    await recordUnknownTransactions(db, chain, block.transactions);
    await insertMiniblock(db, row);
  });
  return row;
}

/** Storage logs of a block, from the diffs of its transactions. */
export function storageLogs(hasher: Hasher, diffs: readonly StateDiff[]): StorageLogRow[] {
  return diffs.flatMap((diff, indexInBlock) =>
    stateChanges(diff).map((change) => ({
      hashedKey: storageKey(hasher, change.address, change.slot),
      address: change.address,
      key: change.slot,
      valueRead: change.read,
      value: change.written,
      indexInBlock,
    })),
  );
}

/** Transactions that reached the node past the API: the rows must hold everything a replay needs. */
export async function recordUnknownTransactions(
  db: Db,
  chain: Pick<ChainContext, 'rpc' | 'chainId'>,
  hashes: readonly Hex[],
): Promise<void> {
  const { rows } = await db.query<{ hash: Buffer }>('SELECT hash FROM transactions WHERE hash = ANY($1::bytea[])', [
    hashes.map(hexToBytea),
  ]);
  const known = new Set(rows.map((row) => `0x${row.hash.toString('hex')}`));
  for (const hash of hashes.filter((hash) => !known.has(hash))) {
    const raw = await chain.rpc<Hex>('eth_getRawTransactionByHash', [hash]);
    await insertTransaction(db, await readTransaction(raw, chain.chainId));
  }
}
