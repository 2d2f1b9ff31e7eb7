/** Transactions to L1: what is to be sent, what was signed, what is confirmed. */
import type pg from 'pg';
import { type Db, inTransaction } from '../../../../lib/postgres.ts';
import { byteaToHex, hexToBytea, NOW, notifyCore } from './db.ts';

type Hex = `0x${string}`;

/** Upstream's names. */
export const ETH_TX_TYPES = ['CommitBlocks', 'PublishProofBlocksOnchain', 'ExecuteBlocks'] as const;
export type EthTxType = (typeof ETH_TX_TYPES)[number];

/** Column of `l1_batches` that names the transaction. */
const BATCH_COLUMN: Record<EthTxType, string> = {
  CommitBlocks: 'eth_commit_tx_id',
  PublishProofBlocksOnchain: 'eth_prove_tx_id',
  ExecuteBlocks: 'eth_execute_tx_id',
};

export interface EthTx {
  id: number;
  type: EthTxType;
  batch: number;
  from: Hex;
  to: Hex;
  data: Hex;
  nonce: number | undefined;
}

/** Queues the transaction of a batch and names it in the batch row; once per batch and type. */
export async function queueEthTx(
  pool: pg.Pool,
  tx: { type: EthTxType; batch: number; from: Hex; to: Hex; data: Hex },
): Promise<void> {
  await inTransaction(pool, async (db) => {
    const { rows } = await db.query<{ id: number }>(
      `INSERT INTO eth_txs (raw_tx, contract_address, tx_type, from_addr, l1_batch_number, created_at, updated_at)
       VALUES ($1,$2,$3,$4,$5,${NOW},${NOW}) ON CONFLICT (l1_batch_number, tx_type) WHERE NOT has_failed DO NOTHING
       RETURNING id`,
      [hexToBytea(tx.data), tx.to, tx.type, hexToBytea(tx.from), tx.batch],
    );
    if (rows[0] === undefined) return;
    await db.query(`UPDATE l1_batches SET ${BATCH_COLUMN[tx.type]} = $2, updated_at = ${NOW} WHERE number = $1`, [
      tx.batch,
      rows[0].id,
    ]);
    await notifyCore(db, 'eth_txs');
  });
}

const confirmed = (column: string): string =>
  `EXISTS (SELECT 1 FROM eth_txs t WHERE t.id = b.${column} AND t.confirmed_eth_tx_history_id IS NOT NULL)`;

/** What must be before a step: the hashes, or the step before it confirmed on L1. */
const CONDITION: Record<EthTxType, string> = {
  CommitBlocks: 'b.commitment IS NOT NULL',
  PublishProofBlocksOnchain: confirmed('eth_commit_tx_id'),
  ExecuteBlocks: confirmed('eth_prove_tx_id'),
};

/** Lowest batch without a transaction of this type, if the step before it is done. Batch 0 is on L1 from the start. */
export async function nextBatchToSend(db: Db, type: EthTxType): Promise<number | undefined> {
  const { rows } = await db.query<{ number: string; ready: boolean }>(
    `SELECT b.number, (${CONDITION[type]}) AS ready FROM l1_batches b
     WHERE b.number > 0 AND b.${BATCH_COLUMN[type]} IS NULL ORDER BY b.number LIMIT 1`,
  );
  return rows[0]?.ready ? Number(rows[0].number) : undefined;
}

/** Transactions that are not confirmed, of the lowest batch first: after L1 lost blocks an older batch may be queued later. */
export async function unconfirmedEthTxs(db: Db): Promise<EthTx[]> {
  const { rows } = await db.query<{
    id: number;
    tx_type: EthTxType;
    l1_batch_number: string;
    from_addr: Buffer;
    contract_address: Hex;
    raw_tx: Buffer;
    nonce: string | null;
  }>(
    `SELECT id, tx_type, l1_batch_number, from_addr, contract_address, raw_tx, nonce FROM eth_txs
     WHERE confirmed_eth_tx_history_id IS NULL AND NOT has_failed ORDER BY l1_batch_number, id`,
  );
  return rows.map((row) => ({
    id: row.id,
    type: row.tx_type,
    batch: Number(row.l1_batch_number),
    from: byteaToHex(row.from_addr),
    to: row.contract_address,
    data: byteaToHex(row.raw_tx),
    nonce: row.nonce === null ? undefined : Number(row.nonce),
  }));
}

export interface SignedEthTx {
  historyId: number;
  hash: Hex;
  raw: Hex;
}

/** Everything that was signed for a transaction, newest first. */
export async function signedEthTxs(db: Db, id: number): Promise<SignedEthTx[]> {
  const { rows } = await db.query<{ id: number; tx_hash: Hex; signed_raw_tx: Buffer }>(
    `SELECT id, tx_hash, signed_raw_tx FROM eth_txs_history WHERE eth_tx_id = $1 AND signed_raw_tx IS NOT NULL
     ORDER BY id DESC`,
    [id],
  );
  return rows.map((row) => ({ historyId: row.id, hash: row.tx_hash, raw: byteaToHex(row.signed_raw_tx) }));
}

/** Records the signed bytes before they are sent, so that a restart sends the same ones again. */
export async function saveSignedEthTx(
  pool: pg.Pool,
  id: number,
  signed: { nonce: number; hash: Hex; raw: Hex; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint },
): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(`UPDATE eth_txs SET nonce = $2, updated_at = ${NOW} WHERE id = $1`, [id, signed.nonce]);
    await db.query(
      `INSERT INTO eth_txs_history (eth_tx_id, base_fee_per_gas, priority_fee_per_gas, tx_hash, signed_raw_tx, sent_at,
         created_at, updated_at) VALUES ($1,$2,$3,$4,$5,${NOW},${NOW},${NOW})`,
      [id, String(signed.maxFeePerGas), String(signed.maxPriorityFeePerGas), signed.hash, hexToBytea(signed.raw)],
    );
  });
}

/** Forgets signed bytes that can never be mined, so that the transaction is signed anew. */
export async function forgetSignedEthTx(db: Db, historyId: number): Promise<void> {
  await db.query('DELETE FROM eth_txs_history WHERE id = $1', [historyId]);
}

/** Names a transaction that somebody else sent for the same step; gives its history id. */
export async function recordForeignEthTx(db: Db, id: number, hash: Hex): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO eth_txs_history (eth_tx_id, base_fee_per_gas, priority_fee_per_gas, tx_hash, created_at, updated_at)
     VALUES ($1, 0, 0, $2, ${NOW}, ${NOW}) ON CONFLICT (tx_hash) DO UPDATE SET eth_tx_id = $1 RETURNING id`,
    [id, hash],
  );
  return rows[0]!.id;
}

export async function confirmEthTx(pool: pg.Pool, id: number, historyId: number, gasUsed: bigint): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(
      `UPDATE eth_txs SET confirmed_eth_tx_history_id = $2, gas_used = $3, error = NULL, updated_at = ${NOW} WHERE id = $1`,
      [id, historyId, String(gasUsed)],
    );
    await db.query(`UPDATE eth_txs_history SET confirmed_at = ${NOW}, updated_at = ${NOW} WHERE id = $1`, [historyId]);
    await notifyCore(db, 'eth_txs');
  });
}

/** Says why a transaction cannot be sent at the moment; it stays queued. */
export async function noteEthTxError(db: Db, id: number, error: string): Promise<void> {
  await db.query(`UPDATE eth_txs SET error = $2, updated_at = ${NOW} WHERE id = $1 AND error IS DISTINCT FROM $2`, [
    id,
    error,
  ]);
}

/** Highest batch whose transaction of this type is confirmed; 0 when there is none. */
export async function confirmedUpTo(db: Db, type: EthTxType): Promise<number> {
  const { rows } = await db.query<{ number: string | null }>(
    `SELECT max(l1_batch_number) AS number FROM eth_txs
     WHERE tx_type = $1 AND confirmed_eth_tx_history_id IS NOT NULL`,
    [type],
  );
  return Number(rows[0]?.number ?? 0);
}

/** Forgets confirmed transactions of batches above what L1 has, so that they are made again. Answers how many. */
export async function forgetEthTxsAbove(pool: pg.Pool, type: EthTxType, batch: number): Promise<number> {
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(
      `DELETE FROM eth_txs WHERE tx_type = $1 AND l1_batch_number > $2 AND confirmed_eth_tx_history_id IS NOT NULL`,
      [type, batch],
    );
    if ((rowCount ?? 0) > 0) await notifyCore(db, 'eth_txs');
    return rowCount ?? 0;
  });
}
