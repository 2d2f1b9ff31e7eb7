/** Pools that outlive a restart of the database, transactions, and which errors mean that it is away. */
import pg from 'pg';

/** What a query function needs: a pool, or a client inside a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;
export type Pool = pg.Pool;

export interface PoolOptions {
  /** Connections at most. */
  max: number;
  /** Of the connections in `pg_stat_activity`. */
  name: string;
  statementTimeoutMs?: number;
  /** Hears of broken idle connections; the pool replaces them. */
  onError?: (error: Error) => void;
}

export function openPool(url: string, { max, name, statementTimeoutMs, onError = ignore }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: name,
    statement_timeout: statementTimeoutMs,
  });
  // without listeners a restart of the database would end the process: on idle connections, and on those in use or closing
  pool.on('error', onError);
  pool.on('connect', (client) => void client.on('error', ignore));
  return pool;
}

const ignore = (): void => undefined;

/** Serialization failure, deadlock: nothing happened, another try may succeed. */
const RETRYABLE: readonly (string | undefined)[] = ['40001', '40P01'];

/**
 * Runs `fn` in one transaction; rolled back when it throws. With several `attempts`, tried again after a deadlock or a
 * serialization failure: only for a `fn` that changes nothing but the database.
 */
export async function inTransaction<T>(
  pool: Pool,
  fn: (db: Db) => Promise<T>,
  { attempts = 1 }: { attempts?: number } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, fn);
    } catch (error) {
      if (attempt >= attempts || !RETRYABLE.includes((error as { code?: string }).code)) throw error;
    }
  }
}

async function once<T>(pool: Pool, fn: (db: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // the failing query reports a lost connection; the pool may be one that does not listen
  client.on('error', ignore);
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
    client.off('error', ignore);
    // a connection that cannot even roll back is not given to anybody else
    client.release(broken);
  }
}

/** Lost connection, server starting or stopping, as opposed to a query that is wrong. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isConnectionError)) return true;
  const { code = '' } = error as { code?: string };
  const network = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code);
  // SQLSTATE classes 08 (connection) and 57P (shutdown, crash, starting), 53300 (too many connections)
  const sqlState = code.startsWith('08') || code.startsWith('57P') || code === '53300';
  return (
    network ||
    sqlState ||
    /Connection terminated|timeout exceeded when trying to connect|connection error and is not queryable/.test(
      error.message,
    )
  );
}
