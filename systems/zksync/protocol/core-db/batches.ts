/** L1 batches: sealing, results of the tree and the commitment generator, what the API and the kit show of them. */
import type pg from 'pg';
import { type Db, inTransaction } from '../../../../lib/postgres.ts';
import { byteaToHex, fromBytea, hexToBytea, NOW, notifyCore, rfc3339, toBytea } from './db.ts';

type Hex = `0x${string}`;

/** Blocks are recorded and batches sealed one at a time, whichever process does it. */
const SEAL_LOCK = 270_001;

export async function lockBlocks(db: Db): Promise<void> {
  await db.query('SELECT pg_advisory_xact_lock($1)', [SEAL_LOCK]);
}

/**
 * Puts every block that is in no batch into a new one. Undefined when they hold no transaction: a batch is never empty.
 * `feeAccount` goes into the header.
 */
export async function sealBatch(
  pool: pg.Pool,
  options: { feeAccount: Hex; protocolVersion: number },
): Promise<number | undefined> {
  return inTransaction(pool, async (db) => {
    await lockBlocks(db);
    const { rows } = await db.query<{ number: string; first: string | null; txs: number }>(
      `SELECT (SELECT max(number) + 1 FROM l1_batches) AS number, min(timestamp) AS first,
         coalesce(sum(l2_tx_count), 0)::int AS txs FROM miniblocks WHERE l1_batch_number IS NULL`,
    );
    const found = rows[0]!;
    if (found.first === null || found.txs === 0) return undefined;
    const number = Number(found.number);
    await db.query(
      `INSERT INTO l1_batches (number, timestamp, l1_tx_count, l2_tx_count, protocol_version, fee_address, is_sealed,
         sealed_at, created_at, updated_at) VALUES ($1,$2,0,$3,$4,$5,TRUE,${NOW},${NOW},${NOW})`,
      [number, found.first, found.txs, options.protocolVersion, hexToBytea(options.feeAccount)],
    );
    await fillBatch(db, number);
    await notifyCore(db, 'l1_batches');
    return number;
  });
}

async function fillBatch(db: Db, number: number): Promise<void> {
  await db.query(
    `UPDATE miniblocks SET l1_batch_number = $1, updated_at = ${NOW} WHERE l1_batch_number IS NULL AND number > 0`,
    [number],
  );
  await db.query(
    `UPDATE transactions t SET l1_batch_number = $1, l1_batch_tx_index = o.position, updated_at = ${NOW}
     FROM (SELECT t.hash, row_number() OVER (ORDER BY t.miniblock_number, t.index_in_block) - 1 AS position
           FROM transactions t JOIN miniblocks m ON m.number = t.miniblock_number WHERE m.l1_batch_number = $1) o
     WHERE o.hash = t.hash`,
    [number],
  );
  await db.query(
    `UPDATE l1_batches SET l2_to_l1_messages = coalesce((
       SELECT array_agg(l.message ORDER BY l.miniblock_number, l.log_index_in_miniblock)
       FROM l2_to_l1_logs l JOIN miniblocks m ON m.number = l.miniblock_number WHERE m.l1_batch_number = $1), '{}')
     WHERE number = $1`,
    [number],
  );
}

/** Age in ms of the oldest block that is in no batch; undefined when there is none. */
export async function unsealedAgeMs(db: Db): Promise<number | undefined> {
  const { rows } = await db.query<{ age: string | null }>(
    `SELECT extract(epoch FROM (${NOW} - min(created_at))) * 1000 AS age FROM miniblocks
     WHERE l1_batch_number IS NULL AND l2_tx_count > 0`,
  );
  const age = rows[0]?.age;
  return age === null || age === undefined ? undefined : Number(age);
}

/** What later stages know of a batch; fields are undefined until their stage has run. */
export interface BatchHeader {
  number: number;
  /** seconds */
  timestamp: number;
  sealedAt: string;
  minorVersion: number;
  root: bigint | undefined;
  nextIndex: number | undefined;
  commitment: Hex | undefined;
  metaHash: Hex | undefined;
  auxHash: Hex | undefined;
}

interface HeaderRow {
  number: string;
  timestamp: string;
  sealed: string;
  protocol_version: number;
  hash: Buffer | null;
  rollup_last_leaf_index: string | null;
  commitment: Buffer | null;
  meta_parameters_hash: Buffer | null;
  aux_data_hash: Buffer | null;
}

const HEADER = `number, timestamp, ${rfc3339('sealed_at')} AS sealed, protocol_version, hash, rollup_last_leaf_index, commitment,
  meta_parameters_hash, aux_data_hash`;

const toHeader = (row: HeaderRow): BatchHeader => ({
  number: Number(row.number),
  timestamp: Number(row.timestamp),
  sealedAt: row.sealed,
  minorVersion: row.protocol_version,
  root: row.hash === null ? undefined : fromBytea(row.hash),
  nextIndex: row.rollup_last_leaf_index === null ? undefined : Number(row.rollup_last_leaf_index),
  commitment: row.commitment === null ? undefined : byteaToHex(row.commitment),
  metaHash: row.meta_parameters_hash === null ? undefined : byteaToHex(row.meta_parameters_hash),
  auxHash: row.aux_data_hash === null ? undefined : byteaToHex(row.aux_data_hash),
});

export async function batchHeader(db: Db, number: number): Promise<BatchHeader | undefined> {
  const { rows } = await db.query<HeaderRow>(`SELECT ${HEADER} FROM l1_batches WHERE number = $1`, [number]);
  return rows[0] && toHeader(rows[0]);
}

/** Highest sealed batch; undefined before genesis. */
export async function latestBatchNumber(db: Db): Promise<number | undefined> {
  const { rows } = await db.query<{ number: string | null }>('SELECT max(number) AS number FROM l1_batches');
  return rows[0]?.number == null ? undefined : Number(rows[0].number);
}

/** Lowest batch that the tree has not processed. */
export async function nextBatchForTree(db: Db): Promise<number | undefined> {
  return lowest(db, 'hash IS NULL');
}

/** Lowest batch with a tree result and without commitment. */
export async function nextBatchForCommitment(db: Db): Promise<number | undefined> {
  return lowest(db, 'hash IS NOT NULL AND commitment IS NULL');
}

/** Lowest batch without protective reads. */
export async function nextBatchForProtectiveReads(db: Db): Promise<number | undefined> {
  return lowest(db, 'number > 0 AND protective_reads_at IS NULL');
}

async function lowest(db: Db, condition: string): Promise<number | undefined> {
  const { rows } = await db.query<{ number: string | null }>(
    `SELECT min(number) AS number FROM l1_batches WHERE ${condition}`,
  );
  return rows[0]?.number == null ? undefined : Number(rows[0].number);
}

export interface CommitmentHashes {
  commitment: Hex;
  passThroughHash: Hex;
  metaHash: Hex;
  auxHash: Hex;
}

export async function saveCommitment(pool: pg.Pool, number: number, hashes: CommitmentHashes): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(
      `UPDATE l1_batches SET commitment = $2, pass_through_data_hash = $3, meta_parameters_hash = $4, aux_data_hash = $5,
         updated_at = ${NOW} WHERE number = $1`,
      [number, ...[hashes.commitment, hashes.passThroughHash, hashes.metaHash, hashes.auxHash].map(hexToBytea)],
    );
    await notifyCore(db, 'commitment');
  });
}

/** Slots that the batch touched and left as they were. */
export async function saveProtectiveReads(
  pool: pg.Pool,
  number: number,
  reads: { address: bigint; key: bigint }[],
): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(
      `INSERT INTO protective_reads (l1_batch_number, address, key)
       SELECT $1, u.address, u.key FROM unnest($2::bytea[], $3::bytea[]) u (address, key) ON CONFLICT DO NOTHING`,
      [number, reads.map((read) => toBytea(read.address, 20)), reads.map((read) => toBytea(read.key))],
    );
    await db.query(`UPDATE l1_batches SET protective_reads_at = ${NOW}, updated_at = ${NOW} WHERE number = $1`, [
      number,
    ]);
  });
}

/** Counts of a batch, for its commitment and its metrics. */
export async function batchCounts(db: Db, number: number): Promise<{ records: number; messages: number }> {
  const { rows } = await db.query<{ records: number; messages: number }>(
    `SELECT (SELECT count(*)::int FROM storage_logs s JOIN miniblocks m ON m.number = s.miniblock_number
             WHERE m.l1_batch_number = $1) AS records,
            (SELECT count(*)::int FROM l2_to_l1_logs l JOIN miniblocks m ON m.number = l.miniblock_number
             WHERE m.l1_batch_number = $1) AS messages`,
    [number],
  );
  return rows[0]!;
}
