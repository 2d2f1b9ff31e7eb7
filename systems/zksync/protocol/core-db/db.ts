import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Db } from '../../../../lib/postgres.ts';

/** Channel on which the parts of the server wake each other. The payload is a topic. */
export const CORE_CHANNEL = 'devkit_core';

/** What a notification is about; each names the table that changed. */
export type CoreTopic =
  | 'transactions'
  | 'miniblocks'
  | 'l1_batches'
  | 'tree'
  | 'commitment'
  | 'proof_generation_details'
  | 'eth_txs';

/** Wakes listeners when the surrounding transaction commits (at once outside one). */
export async function notifyCore(db: Db, topic: CoreTopic): Promise<void> {
  await db.query('SELECT pg_notify($1, $2)', [CORE_CHANNEL, topic]);
}

/** Creates the tables of a core database that exists; repeating it changes nothing. */
export async function createCoreSchema(pgUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: pgUrl });
  await client.connect();
  try {
    await client.query(
      `BEGIN; SELECT pg_advisory_xact_lock(271); SET LOCAL client_min_messages = warning; ${await schemaSql()}; COMMIT`,
    );
  } finally {
    await client.end();
  }
}

const schemaSql = (): Promise<string> => readFile(new URL('./schema.sql', import.meta.url), 'utf8');

/** Big-endian bytes of fixed length for a BYTEA column. */
export function toBytea(value: bigint, bytes = 32): Buffer {
  const hex = value.toString(16).padStart(2 * bytes, '0');
  if (value < 0n || hex.length > 2 * bytes) throw new RangeError(`${value} does not fit ${bytes} bytes`);
  return Buffer.from(hex, 'hex');
}

export const fromBytea = (bytes: Buffer): bigint => (bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`));

export const hexToBytea = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex');
export const byteaToHex = (bytes: Buffer): `0x${string}` => `0x${bytes.toString('hex')}`;

/** SQL expression: now, in UTC, for TIMESTAMP columns (upstream's database runs in UTC). */
export const NOW = `(now() AT TIME ZONE 'utc')`;

/** SQL expression: a TIMESTAMP column as RFC 3339 text. */
export const rfc3339 = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
