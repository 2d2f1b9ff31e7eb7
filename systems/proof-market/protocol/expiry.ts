/** What time does to orders. Everything is in the database, so it does not matter how often, and in which life of the server, this runs. */
import type { Pool } from '../../../lib/postgres.ts';
import { inTransaction } from './db.ts';
import { lockAccounts } from './ledger.ts';
import { failMatch, findPair } from './match-end.ts';
import { leaveBook } from './orders.ts';
import type { MarketTerms, OrderRow } from './types.ts';
import { removeExpiredSessions } from './users.ts';

const BATCH = 100;

export interface Expired {
  /** Orders whose `wait_period` ended. */
  withdrawn: number;
  /** Matches whose proof did not come in time. */
  late: number;
}

/** Withdraws orders that waited too long, ends matches that are late, forgets expired tokens. */
export async function expire(pool: Pool, options: { terms: MarketTerms; now: number }): Promise<Expired> {
  const withdrawn = await withdrawExpired(pool, options.now);
  const late = await endLateMatches(pool, options);
  await removeExpiredSessions(pool, options.now);
  return { withdrawn, late };
}

async function withdrawExpired(pool: Pool, now: number): Promise<number> {
  let count = 0;
  for (;;) {
    const { rows } = await pool.query<OrderRow>(
      `SELECT * FROM orders WHERE status = 'created' AND expires_on <= $1 ORDER BY expires_on LIMIT ${BATCH}`,
      [now],
    );
    for (const order of rows) {
      const left = await inTransaction(pool, async (db) =>
        leaveBook(db, await lockAccounts(db, [order.sender]), order, now),
      );
      if (left) count++;
    }
    if (rows.length < BATCH) return count;
  }
}

async function endLateMatches(pool: Pool, options: { terms: MarketTerms; now: number }): Promise<number> {
  let count = 0;
  for (;;) {
    const { rows } = await pool.query<OrderRow>(
      `SELECT * FROM orders WHERE status = 'processing' AND side = 'bid' AND due_on <= $1
         AND coalesce(verifying_until, 0) <= $1 ORDER BY due_on LIMIT ${BATCH}`,
      [options.now],
    );
    for (const bid of rows) {
      const pair = await findPair(pool, bid);
      if (pair && (await failMatch(pool, pair, 'late', options))) count++;
    }
    if (rows.length < BATCH) return count;
  }
}
