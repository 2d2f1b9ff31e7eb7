/** Double entry: a transfer takes from one account what it gives to another, and the balances follow in the same transaction. */
import type { Db } from '../../../lib/postgres.ts';
import { amountText, toAmount } from './amounts.ts';
import { badRequest } from './errors.ts';

/** Of the market itself: `mint` issues tokens, `market` earns. Of a user: what can be spent, and what orders hold. */
export type AccountKind = 'mint' | 'market' | 'available' | 'blocked';

export interface AccountName {
  /** User; empty for the market's own. */
  owner: string;
  kind: AccountKind;
}

export const MINT: AccountName = { owner: '', kind: 'mint' };
export const MARKET: AccountName = { owner: '', kind: 'market' };
export const available = (owner: string): AccountName => ({ owner, kind: 'available' });
export const blocked = (owner: string): AccountName => ({ owner, kind: 'blocked' });

export type TransferReason =
  | 'opening'
  | 'block'
  | 'release'
  | 'reward'
  | 'commission'
  | 'developer'
  | 'resale'
  | 'penalty';

export interface Transfer {
  from: AccountName;
  to: AccountName;
  amount: bigint;
  reason: TransferReason;
  orderKey?: string;
}

/** Locked accounts of this transaction. */
export interface Accounts {
  /** Whether the owner has accounts. */
  has(owner: string): boolean;
  /** @throws MarketError 400 when the giving account does not hold that much */
  post(transfers: readonly Transfer[], now: number): Promise<void>;
}

const nameOf = ({ owner, kind }: AccountName): string => `${owner}/${kind}`;

/**
 * Locks all accounts of the owners (`''`: the market's) until the transaction ends. Always called before any order is locked, and in
 * one order of rows, so that no two transactions wait for each other.
 */
export async function lockAccounts(db: Db, owners: readonly string[]): Promise<Accounts> {
  const { rows } = await db.query<{ id: string; owner: string; kind: AccountKind; balance: string }>(
    `SELECT id, owner, kind, balance FROM accounts WHERE owner = ANY ($1) AND kind <> 'mint' ORDER BY id FOR NO KEY UPDATE`,
    [owners],
  );
  const ids = new Map(rows.map((row) => [nameOf(row), row.id]));
  const balances = new Map(rows.map((row) => [row.id, toAmount(row.balance)]));
  const idOf = (name: AccountName): string => {
    const id = ids.get(nameOf(name));
    if (id === undefined) throw new Error(`account ${nameOf(name)} is not locked`);
    return id;
  };
  return {
    has: (owner) => ids.has(nameOf(available(owner))),
    async post(transfers, now) {
      const lines = transfers
        .filter(({ amount }) => amount !== 0n)
        .map((transfer) => ({ ...transfer, debit: idOf(transfer.from), credit: idOf(transfer.to) }));
      for (const { from, debit, credit, amount } of lines) {
        const left = (balances.get(debit) ?? 0n) - amount;
        if (left < 0n) throw notEnough(from, amount, left + amount);
        balances.set(debit, left);
        balances.set(credit, (balances.get(credit) ?? 0n) + amount);
      }
      if (lines.length > 0) await writeTransfers(db, lines, now);
    },
  };
}

type Line = Transfer & { debit: string; credit: string };

/** The transfers and the changes of the balances, in one statement. */
export async function writeTransfers(db: Db, lines: readonly Line[], now: number): Promise<void> {
  await db.query(
    `WITH posted AS (
       INSERT INTO transfers (debit, credit, amount, reason, order_key, created_on)
       SELECT *, $6::bigint FROM unnest($1::bigint[], $2::bigint[], $3::numeric[], $4::text[], $5::bigint[])
       RETURNING debit, credit, amount),
     changes AS (
       SELECT id, sum(change) AS change FROM (
         SELECT debit AS id, -amount AS change FROM posted UNION ALL SELECT credit, amount FROM posted) c GROUP BY id)
     UPDATE accounts a SET balance = a.balance + c.change FROM changes c WHERE c.id = a.id`,
    [
      lines.map(({ debit }) => debit),
      lines.map(({ credit }) => credit),
      lines.map(({ amount }) => amountText(amount)),
      lines.map(({ reason }) => reason),
      lines.map(({ orderKey }) => orderKey ?? null),
      now,
    ],
  );
}

const shortAmount = (amount: bigint): string => amountText(amount).replace(/\.?0+$/, '');

const notEnough = ({ owner }: AccountName, needed: bigint, there: bigint): Error =>
  badRequest(`not enough tokens: ${owner || 'the market'} needs ${shortAmount(needed)} and has ${shortAmount(there)}`);

/** Accounts of a new user with the opening balance. */
export async function openAccounts(db: Db, owner: string, opening: bigint, now: number): Promise<void> {
  const { rows } = await db.query<{ id: string; kind: AccountKind }>(
    `INSERT INTO accounts (owner, kind) VALUES ($1, 'available'), ($1, 'blocked') RETURNING id, kind`,
    [owner],
  );
  if (opening <= 0n) return;
  const credit = rows.find(({ kind }) => kind === 'available')!.id;
  const mint = await db.query<{ id: string }>(`SELECT id FROM accounts WHERE owner = '' AND kind = 'mint'`);
  const line = {
    from: MINT,
    to: available(owner),
    amount: opening,
    reason: 'opening',
    debit: mint.rows[0]!.id,
  } as const;
  await writeTransfers(db, [{ ...line, credit }], now);
}

/** What a user can spend and what its open orders hold; undefined for an unknown user. */
export async function balanceOf(db: Db, owner: string): Promise<{ available: number; blocked: number } | undefined> {
  const { rows } = await db.query<{ kind: AccountKind; balance: string }>(
    'SELECT kind, balance FROM accounts WHERE owner = $1',
    [owner],
  );
  if (rows.length === 0) return undefined;
  const of = (kind: AccountKind): number => Number(rows.find((row) => row.kind === kind)?.balance ?? 0);
  return { available: of('available'), blocked: of('blocked') };
}
