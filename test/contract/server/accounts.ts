import { type Hex, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { poll } from '../../../lib/deadline.ts';
import type { Rpc } from '../../../systems/zksync/components/server/json-rpc.ts';
import { richWallets } from '../../../systems/zksync/protocol/l1/genesis.ts';
import { CHAIN_ID } from './devchain.ts';

export interface TxFields {
  to?: Hex;
  data?: Hex;
  value?: bigint;
  tip?: bigint;
  gas?: bigint;
}

/** Signs transactions of a rich account one after the other. */
export function signer(index: number) {
  const account = privateKeyToAccount(richWallets()[index]!.private_key);
  let nonce = 0;
  return {
    address: account.address,
    sign: (tx: TxFields, chainId = CHAIN_ID): Promise<Hex> =>
      account.signTransaction({
        type: 'eip1559',
        chainId,
        nonce: nonce++,
        gas: tx.gas ?? 300_000n,
        maxFeePerGas: 1_000_000_000n,
        maxPriorityFeePerGas: tx.tip ?? 0n,
        ...(tx.to && { to: tx.to }),
        ...(tx.data && { data: tx.data }),
        value: tx.value ?? 0n,
      }),
  };
}

export interface Receipt {
  status: Hex;
  blockNumber: Hex;
  contractAddress: Hex | null;
}

/** Sends raw transactions in order and waits until all are in blocks. */
export async function include(api: Rpc, raws: readonly Hex[]): Promise<Receipt[]> {
  for (const raw of raws) await api('eth_sendRawTransaction', [raw]);
  const { signal } = new AbortController();
  const receipt = (raw: Hex) =>
    poll(async () => (await api<Receipt | null>('eth_getTransactionReceipt', [keccak256(raw)])) ?? undefined, {
      intervalMs: 10,
      timeoutMs: 20_000,
      signal,
    });
  return Promise.all(raws.map(receipt));
}

/** Deploys `runtime` as a contract's code. */
export function deployCode(runtime: Hex): Hex {
  const length = ((runtime.length - 2) / 2).toString(16).padStart(2, '0');
  return `0x60${length}80600b6000396000f3${runtime.slice(2)}`;
}

/** A contract that stores the second word of its calldata in the slot that the first one names. */
export const STORE_CODE: Hex = '0x602035600035550000';
/** Init code of a contract that destroys itself while it is made and sends what it got to 0xbb. */
export const VANISH_INIT: Hex = '0x60bbff';

const word = (value: bigint): string => value.toString(16).padStart(64, '0');
export const storeCall = (slot: bigint, value: bigint): Hex => `0x${word(slot)}${word(value)}`;
