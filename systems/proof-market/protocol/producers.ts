import type { Db } from '../../../lib/postgres.ts';
import { type ProducerRow, producerDocument } from './documents.ts';
import { documentNotFound } from './errors.ts';
import type { NewProducer } from './validation.ts';

/** Registers a user as producer, or changes what it registered. */
export async function registerProducer(db: Db, name: string, producer: NewProducer, now: number): Promise<ProducerRow> {
  const { rows } = await db.query<ProducerRow>(
    `INSERT INTO producers (name, description, url, logo, eth_address, created_on, updated_on)
     VALUES ($1, $2, $3, $4, $5, $6, $6)
     ON CONFLICT (name) DO UPDATE SET description = $2, url = $3, logo = $4, eth_address = $5, updated_on = $6,
       revision = producers.revision + 1
     RETURNING *`,
    [name, producer.description, producer.url, producer.logo, producer.ethAddress, now],
  );
  return rows[0]!;
}

/** @throws MarketError 404 */
export async function findProducer(db: Db, name: string): Promise<ProducerRow> {
  const { rows } = await db.query<ProducerRow>('SELECT * FROM producers WHERE name = $1', [name]);
  if (rows[0] === undefined) throw documentNotFound(`producer ${name}`);
  return rows[0];
}

/** The latest producer of every public statement that has one. */
export async function lastProducers(db: Db): Promise<{ statement_key: string; sender: string }[]> {
  const { rows } = await db.query<{ statement_key: string; sender: string }>(
    `SELECT s.key AS statement_key, t.producer AS sender FROM statements s, LATERAL (
       SELECT producer FROM trades WHERE statement_key = s.key AND ask_key IS NOT NULL ORDER BY id DESC LIMIT 1) t
     WHERE NOT s.is_private ORDER BY s.key`,
  );
  return rows;
}

export { producerDocument };
