import { type Hex, keccak256, parseTransaction, recoverTransactionAddress, type TransactionSerialized } from 'viem';
import type { NewTransaction } from '../../../protocol/core-db/blocks.ts';

/** The raw transaction cannot be accepted; the text goes to the sender. */
export class TransactionRefusedError extends Error {
  override readonly name = 'TransactionRefusedError';
}

const FORMATS: Partial<Record<string, number>> = { legacy: 0, eip2930: 1, eip1559: 2 };

/**
 * Decodes and checks what can be checked without the chain's state.
 * @throws TransactionRefusedError for damaged bytes, another chain id, or a type that this chain does not have (blobs,
 * EIP-7702, EraVM's own).
 */
export async function readTransaction(raw: Hex, chainId: number): Promise<NewTransaction> {
  if (typeof raw !== 'string' || !/^0x([0-9a-fA-F]{2})+$/.test(raw)) throw refuse('not 0x and hex bytes');
  const type = Number.parseInt(raw.slice(2, 4), 16);
  if (type < 0xc0 && type > 2) throw refuse(`transaction type 0x${type.toString(16)} is not supported on this chain`);
  try {
    const tx = parseTransaction(raw as TransactionSerialized);
    if (tx.chainId !== undefined && tx.chainId !== chainId) {
      throw refuse(`chain id ${tx.chainId}, this chain has ${chainId}`);
    }
    const initiator = await recoverTransactionAddress({ serializedTransaction: raw as TransactionSerialized });
    const price = tx.maxFeePerGas ?? tx.gasPrice ?? 0n;
    return {
      hash: keccak256(raw),
      raw: raw.toLowerCase() as Hex,
      initiator: initiator.toLowerCase() as Hex,
      nonce: tx.nonce ?? 0,
      format: FORMATS[tx.type ?? 'legacy'] ?? 0,
      gasLimit: tx.gas ?? 0n,
      maxFeePerGas: price,
      maxPriorityFeePerGas: tx.maxPriorityFeePerGas ?? price,
      value: tx.value ?? 0n,
      to: tx.to ?? undefined,
    };
  } catch (error) {
    if (error instanceof TransactionRefusedError) throw error;
    throw refuse((error as Error).message.split('\n')[0] ?? 'unreadable');
  }
}

const refuse = (reason: string): TransactionRefusedError =>
  new TransactionRefusedError(`invalid transaction: ${reason}`);
