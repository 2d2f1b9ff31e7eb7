import { type Hex, type PublicClient, type TransactionReceipt, TransactionReceiptNotFoundError } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { DeadlineError, poll } from '../../../../lib/deadline.ts';
import { publicClient } from '../l1/clients.ts';
import { shortReason } from '../l1/send.ts';

/** A transaction was refused, failed, or did not get into a block in time. */
export class TransactionError extends Error {
  override readonly name = 'TransactionError';
}

/** One account on one L2. */
export interface Connection {
  client: PublicClient;
  account: PrivateKeyAccount;
  address: Hex;
  chainId: number;
  pollingMs: number;
  /** Twice the base fee at the time of connecting; on the reference L2 both are 0. */
  maxFeePerGas: bigint;
}

/** What goes into a transaction, apart from nonce and fees. `what` is for messages. */
export interface Call {
  what: string;
  /** Absent: contract creation. */
  to?: Hex;
  data?: Hex;
  /** wei */
  value?: bigint;
  gas?: bigint;
}

const DEFAULT_POLLING_MS = 30;
const RECEIPT_TIMEOUT_MS = 60_000;

/** Opens an account on an L2. @throws TransactionError when nothing answers */
export async function connect(rpcUrl: string, privateKey: Hex, pollingMs = DEFAULT_POLLING_MS): Promise<Connection> {
  const chainId = await publicClient({ rpcUrl, chainId: 0 })
    .getChainId()
    .catch((error: unknown) => {
      throw new TransactionError(`no L2 node answers at ${rpcUrl}: start the server first`, { cause: error });
    });
  const account = privateKeyToAccount(privateKey);
  const client = publicClient({ rpcUrl, chainId, pollingMs });
  const { baseFeePerGas } = await client.getBlock({ blockTag: 'latest' });
  const maxFeePerGas = (baseFeePerGas ?? 0n) * 2n;
  return { client, account, address: account.address, chainId, pollingMs, maxFeePerGas };
}

/**
 * Signs and sends; answers with the hash as soon as the node has it. No priority fee: a fee would change one more
 * account per transaction.
 */
export async function submit(connection: Connection, call: Call, nonce: number): Promise<Hex> {
  const { client, account, chainId, maxFeePerGas } = connection;
  const { what, ...fields } = call;
  try {
    const gas = call.gas ?? ((await client.estimateGas({ account: connection.address, ...fields })) * 13n) / 10n;
    const fees = { maxPriorityFeePerGas: 0n, maxFeePerGas };
    const raw = await account.signTransaction({ ...fields, ...fees, gas, nonce, chainId, type: 'eip1559' });
    return await client.sendRawTransaction({ serializedTransaction: raw });
  } catch (error) {
    throw new TransactionError(`${what}: ${shortReason(error)}`, { cause: error });
  }
}

/** Waits until the transaction is in a block and succeeded there. */
export async function settle(
  connection: Connection,
  transaction: { hash: Hex; what: string },
  signal: AbortSignal,
): Promise<TransactionReceipt> {
  const { client, pollingMs } = connection;
  const { hash, what } = transaction;
  const timing = { intervalMs: pollingMs, timeoutMs: RECEIPT_TIMEOUT_MS, signal };
  const receipt = await poll(() => receiptOf(client, hash), timing).catch((error: unknown) => {
    if (!(error instanceof DeadlineError)) throw error;
    throw new TransactionError(
      `${what}: transaction ${hash} is in no block after ${RECEIPT_TIMEOUT_MS / 1000} s: is the server's state_keeper running?`,
    );
  });
  if (receipt.status !== 'success')
    throw new TransactionError(`${what}: transaction ${hash} was reverted in block ${receipt.blockNumber}`);
  return receipt;
}

async function receiptOf(client: PublicClient, hash: Hex): Promise<TransactionReceipt | undefined> {
  try {
    return await client.getTransactionReceipt({ hash });
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return undefined;
    throw error;
  }
}
