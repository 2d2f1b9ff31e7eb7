/**
 * The order book. Every transaction that takes an order into the book or out of it holds the book's lock until it ends, and takes that lock
 * after the accounts it needs: so arrivals are matched one after the other, each sees the ones before it, and none waits in a circle.
 */
import type { Db } from '../../../lib/postgres.ts';
import { type MarketTerms, MINUTE_MS, type OrderRow } from './types.ts';

/** Statement and sub-key: orders of different books never match. */
export type Book = Pick<OrderRow, 'statement_key' | 'statement_subkey'>;

export async function lockBook(db: Db, book: Book): Promise<void> {
  await db.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `proof-market book ${book.statement_key} ${book.statement_subkey}`,
  ]);
}

/** Matches an open order if the book has a counterpart. Answers the counterpart's key. The book must be locked. */
export async function matchOrder(
  db: Db,
  order: Pick<OrderRow, 'key' | 'side'>,
  terms: Pick<MarketTerms, 'generationTimeoutMs'>,
  now: number,
): Promise<string | undefined> {
  const { rows } = await db.query<{ key: string | null }>(order.side === 'bid' ? BEST_ASK : BEST_BID, [order.key]);
  const counterpart = rows[0]?.key ?? undefined;
  if (counterpart === undefined) return undefined;
  const [bid, ask] = order.side === 'bid' ? [order.key, counterpart] : [counterpart, order.key];
  const { rowCount } = await db.query(MATCH, [bid, ask, now, terms.generationTimeoutMs]);
  if (rowCount !== 2) throw new Error(`orders ${bid} and ${ask} are not both open`);
  return counterpart;
}

const oldestOfNextProducer = (after: string): string => `
  SELECT o.sender, o.key FROM orders o
  WHERE o.side = 'ask' AND o.status = 'created' AND o.statement_key = l.statement_key
    AND o.statement_subkey = l.statement_subkey AND o.cost = l.cost AND o.eval_order = l.eval_order ${after}
  ORDER BY o.sender, o.key LIMIT 1`;

/**
 * Cheapest; then the shorter time; then the producer's rating; then age. Ratings change, so no index is sorted by them: of the asks
 * that tie in price and time, each producer's oldest is found by a step through the index, and the best rated of those is taken.
 */
const BEST_ASK = `
  WITH RECURSIVE bid AS (SELECT statement_key, statement_subkey, cost, eval_time FROM orders WHERE key = $1),
  level AS (
    SELECT a.statement_key, a.statement_subkey, a.cost, a.eval_order FROM bid, LATERAL (
      SELECT * FROM orders o
      WHERE o.side = 'ask' AND o.status = 'created'
        AND o.statement_key = bid.statement_key AND o.statement_subkey = bid.statement_subkey AND o.cost <= bid.cost
        AND (bid.eval_time IS NULL OR o.eval_time IS NULL OR o.eval_time <= bid.eval_time)
      ORDER BY o.cost, o.eval_order LIMIT 1) a),
  first AS (
    SELECT n.sender, n.key FROM level l, LATERAL (${oldestOfNextProducer('')}) n
    UNION ALL
    SELECT n.sender, n.key FROM first f, level l, LATERAL (${oldestOfNextProducer('AND o.sender > f.sender')}) n)
  SELECT f.key FROM first f JOIN users u ON u.name = f.sender ORDER BY u.rating DESC, f.key LIMIT 1`;

/** Who offers most; then age. */
const BEST_BID = `
  SELECT b.key FROM orders a, LATERAL (
    SELECT o.key FROM orders o
    WHERE o.side = 'bid' AND o.status = 'created'
      AND o.statement_key = a.statement_key AND o.statement_subkey = a.statement_subkey AND o.cost >= a.cost
      AND (a.eval_time IS NULL OR o.eval_time IS NULL OR a.eval_time <= o.eval_time)
    ORDER BY o.cost DESC, o.key LIMIT 1) b
  WHERE a.key = $1`;

/** The producer has the time it promised, else what the requester wants, else the market's. */
const MATCH = `
  WITH pair AS (
    SELECT b.key AS bid_key, a.key AS ask_key,
      $3::bigint + coalesce(ceil(coalesce(a.eval_time, b.eval_time) * ${MINUTE_MS}), $4)::bigint AS due_on
    FROM orders b, orders a WHERE b.key = $1 AND a.key = $2),
  recorded AS (
    INSERT INTO matches (bid_key, ask_key, matched_on) SELECT bid_key, ask_key, $3 FROM pair)
  UPDATE orders o SET status = 'processing', matched_on = $3, updated_on = $3, revision = o.revision + 1, expires_on = NULL,
    counterpart_key = CASE WHEN o.key = pair.bid_key THEN pair.ask_key ELSE pair.bid_key END,
    due_on = CASE WHEN o.key = pair.bid_key THEN pair.due_on END
  FROM pair WHERE o.key IN (pair.bid_key, pair.ask_key) AND o.status = 'created'`;
