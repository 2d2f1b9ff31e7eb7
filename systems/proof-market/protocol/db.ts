/** Connections to the market's database, its creation, transactions. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';

/** A pool, or a client inside a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;
export type Pool = pg.Pool;

/** `onError` hears of broken idle connections; the pool replaces them. */
export function openMarketDb(url: string, { max, onError }: { max: number; onError?: (error: Error) => void }): Pool {
  const pool = new pg.Pool({ connectionString: url, max, application_name: 'proof-market' });
  // without listeners a restart of the database would end the process: on idle connections, and on those in use or closing
  pool.on('error', onError ?? (() => undefined));
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

const RETRIES = 3;
/** Serialization failure, deadlock: nothing happened, another try may succeed. */
const RETRYABLE: readonly (string | undefined)[] = ['40001', '40P01'];

/** Runs `fn` in one transaction; rolled back when it throws, tried again after a deadlock. */
export async function inTransaction<T>(pool: Pool, fn: (db: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, fn);
    } catch (error) {
      if (attempt >= RETRIES || !RETRYABLE.includes((error as { code?: string }).code)) throw error;
    }
  }
}

async function once<T>(pool: Pool, fn: (db: Db) => Promise<T>): Promise<T> {
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

const LOCK = 716_171;
const UNKNOWN_DATABASE = '3D000';
/** Somebody else has just made it. */
const EXISTS = ['42P04', '23505'];

/** Creates database and tables where they are missing; repeating it changes nothing. */
export async function createMarketSchema(url: string): Promise<void> {
  try {
    await createTables(url);
  } catch (error) {
    if ((error as { code?: string }).code !== UNKNOWN_DATABASE) throw error;
    await createDatabase(url);
    await createTables(url);
  }
}

async function createTables(url: string): Promise<void> {
  const schema = await readFile(new URL('./schema.sql', import.meta.url), 'utf8');
  await withClient(url, (client) =>
    client.query(
      `BEGIN; SELECT pg_advisory_xact_lock(${LOCK}); SET LOCAL client_min_messages = warning; ${schema}; COMMIT`,
    ),
  );
}

async function createDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  const name = decodeURIComponent(maintenance.pathname.slice(1));
  maintenance.pathname = '/postgres';
  await withClient(maintenance.href, async (client) => {
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } catch (error) {
      if (!EXISTS.includes((error as { code?: string }).code ?? '')) throw error;
    }
  });
}

async function withClient(url: string, fn: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await fn(client);
  } finally {
    await client.end();
  }
}

/** Lost connection, server starting or stopping, as opposed to a query that is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseAway)) return true;
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
