/** Connections to the market's database, its creation, transactions. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { type Db, openPool, type Pool, type PoolOptions, inTransaction as transaction } from '../../../lib/postgres.ts';

/** `onError` hears of broken idle connections; the pool replaces them. */
export const openMarketDb = (url: string, options: Omit<PoolOptions, 'name'>): Pool =>
  openPool(url, { ...options, name: 'proof-market' });

const ATTEMPTS = 3;

/** Runs `fn` in one transaction; rolled back when it throws, tried again after a deadlock. */
export const inTransaction = <T>(pool: Pool, fn: (db: Db) => Promise<T>): Promise<T> =>
  transaction(pool, fn, { attempts: ATTEMPTS });

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
