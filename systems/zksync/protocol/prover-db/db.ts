/** What queries of the prover's database run on, and the notifications that wake waiting components. */
import type { QueryResult, QueryResultRow } from 'pg';

/** Channel of all notifications about job rows; the payload is the table's name. */
export const PROVER_CHANNEL = 'devkit_prover';

/** A pool or one of its clients. */
export interface Queryable {
  query<R extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<R>>;
}

/** Delivered when the transaction commits. */
export async function notify(db: Queryable, ...tables: string[]): Promise<void> {
  await db.query('SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t', [PROVER_CHANNEL, [...new Set(tables)]]);
}
