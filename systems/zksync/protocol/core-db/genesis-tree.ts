import { keccak256 } from 'viem';
import type { Hasher } from '../batch/hash.ts';
import { netWrites, type StorageRecord } from '../batch/log.ts';
import { createTree, type Tree } from '../batch/tree.ts';
import type { GenesisAccount } from '../l2/genesis.ts';

/** Pseudo-addresses under which account fields are storage (upstream: system contracts); the slot is the account's address. */
export const BALANCE_ADDRESS = 0x800an;
export const NONCE_ADDRESS = 0x8003n;
export const CODE_HASH_ADDRESS = 0x8002n;

/** Storage records that give an account its fields, zero ones left out. */
export function accountRecords(account: GenesisAccount): StorageRecord[] {
  const slot = BigInt(account.address);
  const fields: [bigint, bigint][] = [
    [BALANCE_ADDRESS, account.balance],
    [NONCE_ADDRESS, account.nonce],
    [CODE_HASH_ADDRESS, account.code === undefined ? 0n : BigInt(keccak256(account.code))],
  ];
  return fields
    .filter(([, value]) => value !== 0n)
    .map(([address, written]) => ({ address, slot, read: 0n, written, isWrite: true, tx: 0 }));
}

/** The state tree of block 0: the sentinel and a leaf for each non-zero field of the accounts, in key order. */
export function genesisTree(hasher: Hasher, accounts: readonly GenesisAccount[]): Tree {
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, accounts.flatMap(accountRecords)));
  return tree;
}
