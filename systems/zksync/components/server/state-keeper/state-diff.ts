/** State diffs of transactions (prestateTracer in diffMode) as storage records. */
import { keccak256 } from 'viem';
import { BALANCE_ADDRESS, CODE_HASH_ADDRESS, NONCE_ADDRESS } from '../../../protocol/core-db/genesis-tree.ts';

type Hex = `0x${string}`;

export interface AccountState {
  balance?: Hex;
  nonce?: number;
  code?: Hex;
  storage?: Record<Hex, Hex>;
}

/** Accounts that changed. `pre` has all fields of each, `post` the changed ones; zero and absent are the same. */
export interface StateDiff {
  pre: Record<Hex, AccountState>;
  post: Record<Hex, AccountState>;
}

export interface StateChange {
  address: bigint;
  slot: bigint;
  read: bigint;
  written: bigint;
}

/**
 * Changes of a transaction in a fixed order: accounts ascending; of each balance, nonce, code hash, then slots ascending.
 * Fields of accounts are slots of upstream's system contracts. An account missing in `post` was destroyed.
 */
export function stateChanges(diff: StateDiff): StateChange[] {
  const accounts = new Map<bigint, { pre: AccountState; post: AccountState | undefined }>();
  for (const [address, pre] of Object.entries(diff.pre)) accounts.set(BigInt(address), { pre, post: undefined });
  for (const [address, post] of Object.entries(diff.post)) {
    const account = accounts.get(BigInt(address));
    if (account) account.post = post;
    else accounts.set(BigInt(address), { pre: {}, post });
  }
  return [...accounts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([address, { pre, post }]) => accountChanges(address, pre, post))
    .filter((change) => change.read !== change.written);
}

function accountChanges(account: bigint, pre: AccountState, post: AccountState | undefined): StateChange[] {
  // `post` leaves out what did not change, so an absent field is the old one; a destroyed account has none left
  const after = post === undefined ? {} : { ...pre, ...post };
  const field = (address: bigint, read: bigint, written: bigint): StateChange => ({
    address,
    slot: account,
    read,
    written,
  });
  return [
    field(BALANCE_ADDRESS, BigInt(pre.balance ?? 0), BigInt(after.balance ?? 0)),
    field(NONCE_ADDRESS, BigInt(pre.nonce ?? 0), BigInt(after.nonce ?? 0)),
    field(CODE_HASH_ADDRESS, codeHash(pre.code), codeHash(after.code)),
    ...slotChanges(account, pre.storage ?? {}, post?.storage ?? {}),
  ];
}

/** Unlike fields, a slot that is in `pre` and not in `post` became zero. */
function slotChanges(address: bigint, pre: Record<Hex, Hex>, post: Record<Hex, Hex>): StateChange[] {
  const slots = new Set([...Object.keys(pre), ...Object.keys(post)] as Hex[]);
  return [...slots]
    .map((slot) => ({
      address,
      slot: BigInt(slot),
      read: BigInt(pre[slot] ?? 0),
      written: BigInt(post[slot] ?? 0),
    }))
    .sort((a, b) => (a.slot < b.slot ? -1 : 1));
}

const codeHash = (code: Hex | undefined): bigint =>
  code === undefined || code === '0x' ? 0n : BigInt(keccak256(code));
