/** Signs, sends and confirms queued transactions, oldest first. What is signed is recorded before it is sent. */
import {
  type Hex,
  keccak256,
  type PrivateKeyAccount,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from 'viem';
import type { Logger } from '../../../../../lib/component/log.ts';
import {
  confirmEthTx,
  type EthTx,
  forgetSignedEthTx,
  noteEthTxError,
  recordForeignEthTx,
  type SignedEthTx,
  saveSignedEthTx,
  signedEthTxs,
  unconfirmedEthTxs,
} from '../../../protocol/core-db/eth-txs.ts';
import { RollupError, toRollupError } from '../../../protocol/l1/rollup.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';
import { findOnL1, type L1Context, totalOnL1 } from './l1.ts';

/** How soon to look again for the receipt of a sent transaction. */
const RECEIPT_MS = 25;

export function managerTask(server: ServerContext, l1: L1Context): Task {
  return {
    component: 'eth_tx_manager',
    topics: ['eth_txs'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async ({ log }) => {
      const [tx] = await unconfirmedEthTxs(server.pool);
      if (tx === undefined) return 'idle';
      try {
        return (await advance(server, l1, tx, log)) === 'confirmed' ? 'again' : RECEIPT_MS;
      } catch (error) {
        const known = toRollupError(error) as Error;
        const text = `batch ${tx.batch}, ${tx.type}: ${known.message.split('\n')[0]}`;
        await noteEthTxError(server.pool, tx.id, text);
        throw known instanceof RollupError ? new RollupError(text, known.errorName, known) : known;
      }
    },
  };
}

/** One step with a transaction. L1's own counters come first, so nothing is sent twice. */
async function advance(server: ServerContext, l1: L1Context, tx: EthTx, log: Logger): Promise<'confirmed' | 'sent'> {
  const signed = await signedEthTxs(server.pool, tx.id);
  for (const { historyId, hash } of signed) {
    const receipt = await findReceipt(l1, hash);
    if (receipt === undefined) continue;
    if (receipt.status === 'success') {
      await confirmEthTx(server.pool, tx.id, historyId, receipt.gasUsed);
      log.info({ batch: tx.batch, type: tx.type, hash, gas: Number(receipt.gasUsed) }, 'confirmed on L1');
      return 'confirmed';
    }
    await forgetSignedEthTx(server.pool, historyId);
    throw new Error(`transaction ${hash} was reverted on L1; it is sent again`);
  }
  if ((await totalOnL1(l1, tx.type)) >= tx.batch) return confirmForeign(server, l1, tx, { signed, log });
  const account = accountOf(l1, tx.from);
  if (signed[0] !== undefined && (await resend(server, l1, tx, signed[0]))) return 'sent';
  await signAndSend(server, l1, tx, account);
  log.info({ batch: tx.batch, type: tx.type }, 'sent to L1');
  return 'sent';
}

/** L1 shows the step done by a transaction that is not in the rows (another server, or rows lost): it is taken over. */
async function confirmForeign(
  server: ServerContext,
  l1: L1Context,
  tx: EthTx,
  { signed, log }: { signed: readonly SignedEthTx[]; log: Logger },
): Promise<'confirmed'> {
  const hash = await findOnL1(l1, tx.type, tx.batch);
  const receipt = hash && (await findReceipt(l1, hash));
  if (!hash || !receipt)
    throw new Error(`L1 has batch ${tx.batch} past ${tx.type}, but not the transaction that did it`);
  // ours after all, mined between the two questions
  const own = signed.find((candidate) => candidate.hash === hash);
  const historyId = own?.historyId ?? (await recordForeignEthTx(server.pool, tx.id, hash));
  await confirmEthTx(server.pool, tx.id, historyId, receipt.gasUsed);
  const details = { batch: tx.batch, type: tx.type, hash, gas: Number(receipt.gasUsed) };
  if (own) log.info(details, 'confirmed on L1');
  else log.warn(details, 'found on L1 already');
  return 'confirmed';
}

/** Sends the recorded bytes again if their nonce is still the next one; else they can never be mined and are forgotten. */
async function resend(server: ServerContext, l1: L1Context, tx: EthTx, signed: SignedEthTx): Promise<boolean> {
  const known = await l1.client.getTransaction({ hash: signed.hash }).catch(() => undefined);
  if (known !== undefined) return true;
  const next = await l1.client.getTransactionCount({ address: tx.from, blockTag: 'pending' });
  if (next !== tx.nonce) {
    await forgetSignedEthTx(server.pool, signed.historyId);
    return false;
  }
  await l1.client.sendRawTransaction({ serializedTransaction: signed.raw });
  return true;
}

async function signAndSend(server: ServerContext, l1: L1Context, tx: EthTx, account: PrivateKeyAccount): Promise<void> {
  const { client } = l1;
  // the estimate also finds out, at no cost, whether L1 would refuse
  const [gas, fees, nonce] = await Promise.all([
    client.estimateGas({ account: account.address, to: tx.to, data: tx.data }),
    client.estimateFeesPerGas(),
    client.getTransactionCount({ address: account.address, blockTag: 'pending' }),
  ]);
  const { maxFeePerGas, maxPriorityFeePerGas } = fees;
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: l1.chainId,
    nonce,
    to: tx.to,
    data: tx.data,
    gas: (gas * 12n) / 10n,
    maxFeePerGas,
    maxPriorityFeePerGas,
  });
  const hash = keccak256(raw);
  await saveSignedEthTx(server.pool, tx.id, { nonce, hash, raw, maxFeePerGas, maxPriorityFeePerGas });
  await client.sendRawTransaction({ serializedTransaction: raw });
}

async function findReceipt(l1: L1Context, hash: Hex): Promise<TransactionReceipt | undefined> {
  try {
    return await l1.client.getTransactionReceipt({ hash });
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return undefined;
    throw error;
  }
}

function accountOf(l1: L1Context, address: Hex): PrivateKeyAccount {
  const account = l1.accounts.get(address.toLowerCase());
  if (account === undefined) throw new Error(`wallets.yaml has no key of ${address}`);
  return account;
}
