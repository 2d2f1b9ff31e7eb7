/** How a match ends: with a proof, or without one and the bid back in the book. */
import type { Db, Pool } from '../../../lib/postgres.ts';
import { amountText, toAmount } from './amounts.ts';
import { inTransaction } from './db.ts';
import { type Accounts, available, blocked, lockAccounts, MARKET } from './ledger.ts';
import { lockBook, matchOrder } from './matching.ts';
import { completeOrder, findKnownProof, paymentsOf, resaleOwners, sellKnownProof } from './resale.ts';
import { splitSale } from './settlement.ts';
import { type MarketTerms, MINUTE_MS, type OrderRow } from './types.ts';

export interface Pair {
  bid: OrderRow;
  ask: OrderRow;
}

type Outcome = 'completed' | 'late' | 'wrong';

/** What a match does to its producer's rating. Upstream's numbers are not known. */
export const RATING_CHANGE: Readonly<Record<Outcome, number>> = { completed: 1, late: -5, wrong: -10 };

interface EndOptions {
  terms: MarketTerms;
  now: number;
}

/** The matched pair of an order; undefined when it has no counterpart at the moment. */
export async function findPair(db: Db, order: OrderRow): Promise<Pair | undefined> {
  if (order.counterpart_key === null) return undefined;
  return readPair(db, [order.key, order.counterpart_key], '');
}

async function readPair(db: Db, keys: string[], lock: string): Promise<Pair | undefined> {
  const { rows } = await db.query<OrderRow>(`SELECT * FROM orders WHERE key = ANY ($1) ORDER BY key ${lock}`, [keys]);
  const bid = rows.find(({ side }) => side === 'bid');
  const ask = rows.find(({ side }) => side === 'ask');
  const open = bid?.status === 'processing' && ask?.status === 'processing';
  return open && bid.counterpart_key === ask.key && ask.counterpart_key === bid.key ? { bid, ask } : undefined;
}

const lockPair = (db: Db, { bid, ask }: Pair): Promise<Pair | undefined> =>
  readPair(db, [bid.key, ask.key], 'FOR NO KEY UPDATE');

/**
 * Stores an accepted proof, pays for it and completes both orders, all or nothing. Answers the proof's key; undefined when the two are no
 * longer matched with each other.
 */
export async function acceptProof(
  pool: Pool,
  found: Pair,
  { proof, developer, terms, now }: EndOptions & { proof: string; developer: string },
): Promise<string | undefined> {
  return inTransaction(pool, async (db) => {
    const accounts = await lockAccounts(db, ['', found.bid.sender, found.ask.sender, developer]);
    const pair = await lockPair(db, found);
    if (pair === undefined) return undefined;
    const { bid, ask } = pair;
    const generationTime = (now - Number(ask.matched_on)) / MINUTE_MS;
    const price = toAmount(ask.cost);
    const key = await insertProof(db, pair, { proof, price, generationTime, now });
    const split = splitSale(toAmount(bid.blocked), price, terms);
    const to = { producer: ask.sender, requester: bid.sender, developer, reason: 'reward' } as const;
    await accounts.post([...paymentsOf(bid, split, accounts, to), depositBack(ask)], now);
    for (const order of [bid, ask]) await completeOrder(db, order.key, { key, generation_time: generationTime }, now);
    await db.query(
      `INSERT INTO trades (statement_key, bid_key, ask_key, proof_key, requester, producer, price, reward, developer_fee,
         generation_time, created_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        bid.statement_key,
        bid.key,
        ask.key,
        key,
        bid.sender,
        ask.sender,
        amountText(price),
        amountText(split.producer),
        amountText(split.developer),
        generationTime,
        now,
      ],
    );
    await endMatch(db, pair, 'completed', now);
    return key;
  });
}

const depositBack = (ask: OrderRow) =>
  ({
    from: blocked(ask.sender),
    to: available(ask.sender),
    amount: toAmount(ask.blocked),
    reason: 'release',
    orderKey: ask.key,
  }) as const;

async function insertProof(
  db: Db,
  { bid, ask }: Pair,
  { proof, price, generationTime, now }: { proof: string; price: bigint; generationTime: number; now: number },
): Promise<string> {
  const { rows } = await db.query<{ key: string }>(
    `INSERT INTO proofs (bid_key, ask_key, sender, requester, statement_key, statement_subkey, input_hash, price,
       generation_time, proof, created_on, updated_on)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING key`,
    [
      bid.key,
      ask.key,
      ask.sender,
      bid.sender,
      bid.statement_key,
      bid.statement_subkey,
      bid.input_hash,
      amountText(price),
      generationTime,
      proof,
      now,
    ],
  );
  return rows[0]!.key;
}

async function endMatch(db: Db, { bid, ask }: Pair, outcome: Outcome, now: number): Promise<void> {
  await db.query(
    `UPDATE matches SET ended_on = $3, outcome = $4 WHERE bid_key = $1 AND ask_key = $2 AND ended_on IS NULL`,
    [bid.key, ask.key, now, outcome],
  );
  await db.query(`INSERT INTO ratings (producer, ask_key, change, reason, created_on) VALUES ($1, $2, $3, $4, $5)`, [
    ask.sender,
    ask.key,
    RATING_CHANGE[outcome],
    outcome,
    now,
  ]);
  await db.query('UPDATE users SET rating = rating + $2 WHERE name = $1', [ask.sender, RATING_CHANGE[outcome]]);
}

/**
 * The producer was wrong or late: its ask is withdrawn (a wrong proof costs the deposit), the bid goes back to the book and is matched
 * again. False when the two are no longer matched with each other, or (late) still have time.
 */
export async function failMatch(
  pool: Pool,
  found: Pair,
  outcome: 'late' | 'wrong',
  options: EndOptions,
): Promise<boolean> {
  const { statement_key, statement_subkey, input_hash } = found.bid;
  const known = await findKnownProof(pool, statement_key, statement_subkey, input_hash!);
  return inTransaction(pool, async (db) => {
    const owners = known ? resaleOwners(known) : [];
    const accounts = await lockAccounts(db, ['', found.bid.sender, found.ask.sender, ...owners]);
    const pair = await lockPair(db, found);
    if (pair === undefined || (outcome === 'late' && !isLate(pair.bid, options.now))) return false;
    const penalty = { ...depositBack(pair.ask), to: MARKET, reason: 'penalty' } as const;
    await accounts.post([outcome === 'wrong' ? penalty : depositBack(pair.ask)], options.now);
    await endMatch(db, pair, outcome, options.now);
    await db.query(
      `UPDATE orders SET status = 'withdrawn', blocked = 0, updated_on = $2, revision = revision + 1 WHERE key = $1`,
      [pair.ask.key, options.now],
    );
    await returnBid(db, accounts, pair.bid, known, options);
    return true;
  });
}

/** While a proof is being verified its producer is not late. */
const isLate = ({ due_on, verifying_until }: OrderRow, now: number): boolean =>
  due_on !== null && Number(due_on) <= now && Number(verifying_until ?? 0) <= now;

async function returnBid(
  db: Db,
  accounts: Accounts,
  bid: OrderRow,
  known: Awaited<ReturnType<typeof findKnownProof>>,
  options: EndOptions,
): Promise<void> {
  if (known === undefined) await lockBook(db, bid);
  await db.query(
    `UPDATE orders SET status = 'created', counterpart_key = NULL, matched_on = NULL, due_on = NULL, verifying_until = NULL,
       expires_on = $2::bigint + ceil(wait_period * ${MINUTE_MS})::bigint, updated_on = $2, revision = revision + 1
     WHERE key = $1`,
    [bid.key, options.now],
  );
  if (known) await sellKnownProof(db, accounts, bid, known, options);
  else await matchOrder(db, bid, options.terms, options.now);
}
