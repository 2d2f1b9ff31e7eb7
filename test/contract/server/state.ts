/** The whole state of an L2 node, read past the server: anvil's own dump. */
import { gunzipSync } from 'node:zlib';
import { keccak256 } from 'viem';
import type { Rpc } from '../../../systems/zksync/components/server/json-rpc.ts';
import type { Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { storageKey } from '../../../systems/zksync/protocol/batch/log.ts';

interface DumpedAccount {
  nonce: number;
  balance: string;
  code: `0x${string}`;
  storage: Record<string, string>;
}

/** Every non-zero value of the node's state by its key in the tree. */
export async function stateByTreeKey(rpc: Rpc, hasher: Hasher): Promise<Map<bigint, bigint>> {
  const dump = await rpc<string>('anvil_dumpState');
  const { accounts } = JSON.parse(gunzipSync(Buffer.from(dump.slice(2), 'hex')).toString()) as {
    accounts: Record<string, DumpedAccount>;
  };
  const values = new Map<bigint, bigint>();
  const put = (address: bigint, slot: bigint, value: bigint): void => {
    if (value !== 0n) values.set(storageKey(hasher, address, slot), value);
  };
  for (const [address, account] of Object.entries(accounts)) {
    const slot = BigInt(address);
    put(0x800an, slot, BigInt(account.balance));
    put(0x8003n, slot, BigInt(account.nonce));
    put(0x8002n, slot, account.code === '0x' ? 0n : BigInt(keccak256(account.code)));
    for (const [key, value] of Object.entries(account.storage)) put(slot, BigInt(key), BigInt(value));
  }
  return values;
}
