/** Connections to the prover's database, transactions, and the notifications that wake waiting components. */
import { Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';

/** Channel of all notifications about job rows; the payload is the table's name. */
export const PROVER_CHANNEL = 'devkit_prover';

/** A pool or one of its clients. */
export interface Queryable {
  query<R extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<R>>;
}

/** `onError` hears of broken idle connections; the pool replaces them. */
export function openProverDb(
  url: string,
  options: { max: number; name: string; onError?: (error: Error) => void },
): Pool {
  const pool = new Pool({ connectionString: url, max: options.max, application_name: options.name });
  const onError = options.onError ?? (() => undefined);
  // without listeners a restart of the database would end the process: on idle connections, and on those in use or closing
  pool.on('error', onError);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** Runs `fn` in a transaction; rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, fn: (db: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await fn(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    // a connection that cannot even roll back is not given to anybody else
    client.release(broken);
  }
}

/** Delivered when the transaction commits. */
export async function notify(db: Queryable, ...tables: string[]): Promise<void> {
  await db.query('SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t', [PROVER_CHANNEL, [...new Set(tables)]]);
}
