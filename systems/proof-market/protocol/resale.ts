/** Proofs that are known already, sold again. */
import type { Db } from '../../../lib/postgres.ts';
import { amountText, toAmount } from './amounts.ts';
import { type Accounts, available, blocked, MARKET, type Transfer } from './ledger.ts';
import { type Split, splitResale } from './settlement.ts';
import type { MarketTerms, OrderRow } from './types.ts';

export interface KnownProof {
  key: string;
  producer: string;
  requester: string;
  /** Who published the statement. */
  developer: string;
  /** What the first requester paid. */
  price: string;
  generation_time: number;
}

/** The first proof of a statement for an input, if there is one. */
export async function findKnownProof(
  db: Db,
  statementKey: string,
  subkey: string,
  inputHash: Buffer,
): Promise<KnownProof | undefined> {
  const { rows } = await db.query<KnownProof>(
    `SELECT p.key, p.sender AS producer, p.requester, s.sender AS developer, p.price, p.generation_time
     FROM proofs p JOIN statements s ON s.key = p.statement_key
     WHERE p.statement_key = $1 AND p.statement_subkey = $2 AND p.input_hash = $3 ORDER BY p.key LIMIT 1`,
    [statementKey, subkey, inputHash],
  );
  return rows[0];
}

/** Owners of the accounts that a resale touches, the buyer's beside them. */
export const resaleOwners = ({ producer, requester, developer }: KnownProof): string[] => [
  '',
  producer,
  requester,
  developer,
];

/** Completes an open bid with a known proof. The accounts of buyer and `resaleOwners` must be locked. */
export async function sellKnownProof(
  db: Db,
  accounts: Accounts,
  bid: OrderRow,
  proof: KnownProof,
  { terms, now }: { terms: MarketTerms; now: number },
): Promise<void> {
  const split = splitResale(toAmount(bid.blocked), toAmount(proof.price), terms);
  await accounts.post(paymentsOf(bid, split, accounts, { ...proof, reason: 'resale' }), now);
  await completeOrder(db, bid.key, proof, now);
  await db.query(
    `INSERT INTO trades (statement_key, bid_key, proof_key, requester, producer, price, reward, developer_fee,
       generation_time, created_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      bid.statement_key,
      bid.key,
      proof.key,
      bid.sender,
      proof.producer,
      amountText(split.price),
      amountText(split.producer),
      amountText(split.developer),
      proof.generation_time,
      now,
    ],
  );
}

/** Everybody's part of what a bid holds. A developer without account leaves its part to the market. */
export function paymentsOf(
  bid: Pick<OrderRow, 'key' | 'sender'>,
  split: Split,
  accounts: Accounts,
  to: { producer: string; requester: string; developer: string; reason: 'reward' | 'resale' },
): Transfer[] {
  const from = blocked(bid.sender);
  const developer = accounts.has(to.developer) ? available(to.developer) : MARKET;
  const transfers: Omit<Transfer, 'from' | 'orderKey'>[] = [
    { to: available(to.producer), amount: split.producer, reason: to.reason },
    { to: available(to.requester), amount: split.firstRequester, reason: to.reason },
    { to: MARKET, amount: split.market, reason: 'commission' },
    { to: developer, amount: split.developer, reason: 'developer' },
    { to: available(bid.sender), amount: split.refund, reason: 'release' },
  ];
  return transfers.map((transfer) => ({ ...transfer, from, orderKey: bid.key }));
}

export async function completeOrder(
  db: Db,
  key: string,
  proof: { key: string; generation_time: number },
  now: number,
): Promise<void> {
  await db.query(
    `UPDATE orders SET status = 'completed', blocked = 0, proof_key = $2, generation_time = $3, expires_on = NULL, due_on = NULL,
       verifying_until = NULL, updated_on = $4, revision = revision + 1 WHERE key = $1`,
    [key, proof.key, proof.generation_time, now],
  );
}
