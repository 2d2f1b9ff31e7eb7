/** Methods that change the chain: raw transactions, and sealing a batch on request. */
import type { Hex } from 'viem';
import { DeadlineError, poll } from '../../../../../lib/deadline.ts';
import { inTransaction } from '../../../../../lib/postgres.ts';
import { sealBatch } from '../../../protocol/core-db/batches.ts';
import { deleteRefusedTransaction, insertTransaction } from '../../../protocol/core-db/blocks.ts';
import { notifyCore } from '../../../protocol/core-db/db.ts';
import type { ServerContext } from '../context.ts';
import { RpcError, RpcUnreachableError } from '../json-rpc.ts';
import { executableCount, sendRaw } from '../state-keeper/l2-node.ts';
import { isInSync, withPoolLock } from '../state-keeper/recover.ts';
import { readTransaction, TransactionRefusedError } from '../state-keeper/transactions.ts';
import { ApiError, type Method, RPC_CODES } from './rpc-errors.ts';

type Writer = Pick<ServerContext, 'pool' | 'l2' | 'chainId' | 'feeAccount' | 'version'>;

/** How long a call waits for the state keeper. */
const STATE_KEEPER_WAIT_MS = 10_000;

export function writeMethods(server: Writer, signal: AbortSignal): Record<string, Method> {
  return {
    eth_sendRawTransaction: async ([raw]) => sendTransaction(server, raw as Hex, signal),
    devkit_sealBatch: async () => sealNow(server, signal),
  };
}

/** Checks, records, then puts into the pool: what the pool has is never unknown to the rows. */
async function sendTransaction(server: Writer, raw: Hex, signal: AbortSignal): Promise<Hex> {
  const tx = await readTransaction(raw, server.chainId).catch((error: unknown) => {
    throw error instanceof TransactionRefusedError ? new ApiError(RPC_CODES.server, error.message) : error;
  });
  await waitFor(server, signal, () => isInSync({ pool: server.pool, rpc: server.l2 }));
  if (!(await insertTransaction(server.pool, tx))) throw new ApiError(RPC_CODES.server, 'already known');
  try {
    await inTransaction(server.pool, (db) => withPoolLock(db, 'shared', () => sendRaw(server.l2, tx.raw)));
  } catch (error) {
    // recorded: the state keeper hands it to the node when that is back
    if (error instanceof RpcUnreachableError) return tx.hash;
    if (!(error instanceof RpcError)) throw error;
    // the state keeper may have found the row and put it into a block already
    if ((await server.l2('eth_getTransactionByHash', [tx.hash])) === null) {
      await deleteRefusedTransaction(server.pool, tx.hash);
      throw new ApiError(RPC_CODES.server, error.message);
    }
  }
  await notifyCore(server.pool, 'transactions');
  return tx.hash;
}

/** Waits until every transaction that can be in a block is in one, then seals. */
async function sealNow(server: Writer, signal: AbortSignal): Promise<number> {
  await notifyCore(server.pool, 'transactions');
  await waitFor(server, signal, async () => {
    const settled = (await executableCount(server.l2)) === 0;
    return settled && isInSync({ pool: server.pool, rpc: server.l2 });
  });
  const { feeAccount, version } = server;
  const number = await sealBatch(server.pool, { feeAccount, protocolVersion: version.minor });
  if (number === undefined) {
    throw new ApiError(RPC_CODES.server, 'nothing to seal: no transaction since the last batch');
  }
  return number;
}

/** A node that is being restarted. */
function notYet(error: unknown): false {
  if (error instanceof RpcUnreachableError) return false;
  throw error;
}

async function waitFor(server: Writer, signal: AbortSignal, condition: () => Promise<boolean>): Promise<void> {
  try {
    await poll(async () => (await condition().catch(notYet)) || undefined, {
      intervalMs: 5,
      maxIntervalMs: 100,
      timeoutMs: STATE_KEEPER_WAIT_MS,
      signal,
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new ApiError(
      RPC_CODES.server,
      `L2 node or state keeper of chain ${server.chainId} does not keep up: are both running? (devkit status)`,
    );
  }
}
