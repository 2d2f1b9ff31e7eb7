import {
  type Account,
  BaseError,
  type Chain,
  type Hex,
  type PublicClient,
  type TransactionReceipt,
  type Transport,
  type WalletClient,
} from 'viem';
import { redactUrl } from '../../../../lib/redact.ts';
import { publicClient } from './clients.ts';

/** L1 does not answer, does not take a transaction, or a transaction failed there. The message is one line. */
export class L1Error extends Error {
  override readonly name = 'L1Error';
}

/** The part of viem's error that says what happened, without the request around it. */
export const shortReason = (error: unknown): string =>
  error instanceof BaseError ? error.details || error.shortMessage : String(error);

/** Chain id of the L1 at a URL. @throws L1Error when nothing answers there */
export async function l1ChainId(rpcUrl: string): Promise<number> {
  try {
    return await publicClient({ rpcUrl, chainId: 0 }).getChainId();
  } catch (cause) {
    throw new L1Error(`no L1 answers at ${redactUrl(rpcUrl)} (${shortReason(cause)})`, { cause });
  }
}

/** One account of an L1. */
export interface L1Sender {
  client: PublicClient;
  wallet: WalletClient<Transport, Chain, Account>;
}

/** Sends a transaction and waits for its receipt. `what` starts the message of an error. @throws L1Error */
export async function sendOnL1(
  { client, wallet }: L1Sender,
  call: { to?: Hex; data?: Hex; value?: bigint },
  what: string,
): Promise<TransactionReceipt> {
  try {
    const hash = await wallet.sendTransaction(call);
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status === 'success') return receipt;
    throw new L1Error(`${what}: transaction ${hash} was reverted on L1`);
  } catch (cause) {
    if (cause instanceof L1Error) throw cause;
    throw new L1Error(`${what}, from ${wallet.account.address}: ${shortReason(cause)}`, { cause });
  }
}
