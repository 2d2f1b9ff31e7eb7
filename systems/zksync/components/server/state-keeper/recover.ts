/** Brings the node to the state that the rows describe. The rows are the truth. */
import type { Hex } from 'viem';
import { type Db, inTransaction } from '../../../../../lib/postgres.ts';
import {
  failTransaction,
  latestMiniblock,
  type MiniblockHeader,
  miniblockHeader,
  miniblockTransactions,
  pendingTransactions,
  setGenesisBlock,
} from '../../../protocol/core-db/blocks.ts';
import { fromBytea } from '../../../protocol/core-db/db.ts';
import { l2Genesis } from '../../../protocol/l2/genesis.ts';
import { RpcError } from '../json-rpc.ts';
import { type L2Block, mineBlock, NoTraceError, quantity, readBlock, resetToGenesis, sendRaw } from './l2-node.ts';
import { type ChainContext, recordBlock, recordUnknownTransactions } from './record.ts';

/** The node cannot be brought to the recorded state. */
export class L2MismatchError extends Error {
  override readonly name = 'L2MismatchError';
}

/** Held shared while a transaction goes into the pool, exclusively while the node is brought back. */
export const POOL_LOCK = 270_002;

export interface Recovery {
  rolledBack: number;
  replayed: number;
  adopted: number;
}

const NOTHING: Recovery = { rolledBack: 0, replayed: 0, adopted: 0 };

/** Whether the node's head is the last recorded block. */
export async function isInSync(chain: Pick<ChainContext, 'pool' | 'rpc'>): Promise<boolean> {
  const [head, recorded] = await Promise.all([readBlock(chain.rpc, 'latest'), latestMiniblock(chain.pool)]);
  return head !== undefined && recorded !== undefined && head.number === recorded.number && head.hash === recorded.hash;
}

/**
 * Rolls back blocks that differ from the recorded ones, replays recorded blocks that the node lacks, records blocks that
 * only the node has (mined just before a crash), and fills the pool with what waits.
 * @throws L2MismatchError when the node has another genesis, or a replay gives another state.
 */
export async function bringBack(chain: ChainContext): Promise<Recovery> {
  const recorded = await latestMiniblock(chain.pool);
  if (recorded === undefined)
    throw new L2MismatchError('the core database has no genesis: run the server with --genesis');
  await chain.rpc('anvil_setCoinbase', [chain.feeAccount]);
  await checkGenesis(chain);
  const head = (await readBlock(chain.rpc, 'latest'))!;
  if (head.number === recorded.number && head.hash === recorded.hash) return NOTHING;
  const common = await lastCommonBlock(chain, Math.min(head.number, recorded.number));
  if (common < recorded.number) return replayFrom(chain, common, { head: head.number, recorded: recorded.number });
  return adopt(chain, recorded.number, head.number);
}

/** Drops what the node has above `common` and mines the recorded blocks again; from the start if they come out different. */
async function replayFrom(
  chain: ChainContext,
  common: number,
  last: { head: number; recorded: number },
): Promise<Recovery> {
  await chain.rpc('anvil_dropAllTransactions');
  let from = last.head > common ? await rollBack(chain, common, last.head) : common;
  try {
    await replayBlocks(chain, from + 1, last.recorded);
  } catch (error) {
    if (!(error instanceof L2MismatchError)) throw error;
    // equal headers, other state: the node was killed while it was being brought back
    from = await resetNode(chain);
    await replayBlocks(chain, 1, last.recorded);
  }
  return { rolledBack: last.head - from, replayed: last.recorded - from, adopted: 0 };
}

async function replayBlocks(chain: ChainContext, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number += 1) await replayBlock(chain, number);
}

/** Records blocks that only the node has. If it cannot trace them, their transactions go into new blocks. */
async function adopt(chain: ChainContext, recorded: number, head: number): Promise<Recovery> {
  for (let number = recorded + 1; number <= head; number += 1) {
    try {
      await recordBlock(chain, (await readBlock(chain.rpc, number))!);
    } catch (error) {
      if (!(error instanceof NoTraceError)) throw error;
      for (let rest = number; rest <= head; rest += 1) {
        const { transactions } = (await readBlock(chain.rpc, rest))!;
        await inTransaction(chain.pool, (db) => recordUnknownTransactions(db, chain, transactions));
      }
      return replayFrom(chain, number - 1, { head, recorded: number - 1 });
    }
  }
  return { rolledBack: 0, replayed: 0, adopted: head - recorded };
}

async function checkGenesis(chain: ChainContext): Promise<void> {
  const [node, row] = await Promise.all([readBlock(chain.rpc, 0), miniblockHeader(chain.pool, 0)]);
  if (node === undefined || row === undefined) throw new L2MismatchError('block 0 is missing');
  if (fromBytea(Buffer.from(row.hash.slice(2), 'hex')) === 0n) {
    await setGenesisBlock(chain.pool, node);
  } else if (row.hash !== node.hash) {
    throw new L2MismatchError(
      `the L2 node has another genesis block (${node.hash}, recorded ${row.hash}): start it with the genesis of this chain`,
    );
  }
}

async function lastCommonBlock(chain: ChainContext, from: number): Promise<number> {
  for (let number = from; number > 0; number -= 1) {
    const [node, row] = await Promise.all([readBlock(chain.rpc, number), miniblockHeader(chain.pool, number)]);
    if (node !== undefined && node.hash === row?.hash) return number;
  }
  return 0;
}

/** Back to block `to`, or to the genesis if the node has no states of older blocks. Answers where it is then. */
async function rollBack(chain: ChainContext, to: number, head: number): Promise<number> {
  try {
    await chain.rpc('anvil_rollback', [head - to]);
    return to;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
  }
  return resetNode(chain);
}

/** Answers the number of the genesis block. */
async function resetNode(chain: ChainContext): Promise<0> {
  await resetToGenesis(chain.rpc, l2Genesis({ chainId: chain.chainId }).accounts);
  await chain.rpc('anvil_setCoinbase', [chain.feeAccount]);
  await checkGenesis(chain);
  return 0;
}

/** Mines a recorded block again and compares its hash, which covers the state root. */
async function replayBlock(chain: ChainContext, number: number): Promise<L2Block> {
  const row = (await miniblockHeader(chain.pool, number))!;
  for (const { raw } of await miniblockTransactions(chain.pool, number)) await sendRaw(chain.rpc, raw);
  await mineBlock(chain.rpc, row.timestamp, row.baseFeePerGas);
  const block = (await readBlock(chain.rpc, 'latest'))!;
  if (block.number !== number || block.hash !== row.hash) throw replayMismatch(block, row);
  return block;
}

const replayMismatch = (block: L2Block, row: MiniblockHeader): L2MismatchError =>
  new L2MismatchError(
    `replay of L2 block ${row.number} gave ${quantity(block.number)} ${block.hash} with state ${block.stateRoot}, recorded are ${row.hash} and ${row.stateRoot}`,
  );

/** Puts recorded transactions that are in no block into the pool; those it refuses for good are marked. */
export async function refillPool(chain: Pick<ChainContext, 'pool' | 'rpc'>): Promise<{ sent: number; failed: Hex[] }> {
  const failed: Hex[] = [];
  let sent = 0;
  for (const { hash, raw } of await pendingTransactions(chain.pool)) {
    try {
      if (await sendRaw(chain.rpc, raw)) sent += 1;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      await failTransaction(chain.pool, hash, error.message);
      failed.push(hash);
    }
  }
  return { sent, failed };
}

/** Runs `fn` while nobody else puts transactions into the pool (`exclusive`), or while nobody brings the node back. */
export async function withPoolLock<T>(db: Db, mode: 'shared' | 'exclusive', fn: () => Promise<T>): Promise<T> {
  await db.query(`SELECT pg_advisory_xact_lock${mode === 'shared' ? '_shared' : ''}($1)`, [POOL_LOCK]);
  return fn();
}
