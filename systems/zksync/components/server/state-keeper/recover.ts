/** Brings the node to the state that the rows describe. The rows are the truth. */
import type { Hex } from 'viem';
import {
  failTransaction,
  latestMiniblock,
  type MiniblockHeader,
  miniblockHeader,
  miniblockTransactions,
  pendingTransactions,
  setGenesisBlock,
} from '../../../protocol/core-db/blocks.ts';
import { type Db, fromBytea } from '../../../protocol/core-db/db.ts';
import { RpcError } from '../json-rpc.ts';
import { type L2Block, mineBlock, quantity, readBlock, sendRaw } from './l2-node.ts';
import { type ChainContext, recordBlock } from './record.ts';

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
  if (recorded === undefined) throw new L2MismatchError('the core database has no genesis: run the server with --genesis');
  await chain.rpc('anvil_setCoinbase', [chain.feeAccount]);
  await checkGenesis(chain);
  const head = (await readBlock(chain.rpc, 'latest'))!;
  if (head.number === recorded.number && head.hash === recorded.hash) return NOTHING;
  const common = await lastCommonBlock(chain, Math.min(head.number, recorded.number));
  const result = { ...NOTHING };
  if (common < recorded.number) {
    await chain.rpc('anvil_dropAllTransactions');
    if (head.number > common) await rollBack(chain, head.number - common);
    result.rolledBack = head.number - common;
    for (let number = common + 1; number <= recorded.number; number += 1) await replayBlock(chain, number);
    result.replayed = recorded.number - common;
  } else {
    for (let number = common + 1; number <= head.number; number += 1) {
      await recordBlock(chain, (await readBlock(chain.rpc, number))!);
    }
    result.adopted = head.number - common;
  }
  return result;
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

async function rollBack(chain: ChainContext, depth: number): Promise<void> {
  try {
    await chain.rpc('anvil_rollback', [depth]);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new L2MismatchError(`the L2 node cannot roll back ${depth} blocks (${reason}): restart it with no state`, {
      cause,
    });
  }
}

/** Mines a recorded block again and compares its hash, which covers the state root. */
async function replayBlock(chain: ChainContext, number: number): Promise<L2Block> {
  const row = (await miniblockHeader(chain.pool, number))!;
  for (const { raw } of await miniblockTransactions(chain.pool, number)) await sendRaw(chain.rpc, raw);
  await mineBlock(chain.rpc, row.timestamp);
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
export async function withPoolLock<T>(
  db: Db,
  mode: 'shared' | 'exclusive',
  fn: () => Promise<T>,
): Promise<T> {
  await db.query(`SELECT pg_advisory_xact_lock${mode === 'shared' ? '_shared' : ''}($1)`, [POOL_LOCK]);
  return fn();
}
