/** Batches and blocks as people and JSON-RPC see them. */
import type { Db } from '../../../../lib/postgres.ts';
import { byteaToHex, rfc3339 } from './db.ts';

type Hex = `0x${string}`;

export interface L1Progress {
  commitTxHash: Hex | null;
  /** RFC 3339; null until confirmed. The same for the next two pairs. */
  committedAt: string | null;
  proveTxHash: Hex | null;
  provenAt: string | null;
  executeTxHash: Hex | null;
  executedAt: string | null;
}

export interface BatchDetails extends L1Progress {
  number: number;
  timestamp: number;
  l2TxCount: number;
  rootHash: Hex | null;
  nextIndex: number | null;
  minorVersion: number;
  sealedAt: string;
  records: number;
  messages: number;
  /** Status of `proof_generation_details`; null before the first blob. */
  proofStatus: string | null;
  proofError: string | null;
  /** First error that keeps a transaction of this batch from L1. */
  ethError: string | null;
}

const STAGES = ['commit', 'prove', 'execute'] as const;

const PROGRESS_COLUMNS = STAGES.map(
  (stage) => `${stage}_h.tx_hash AS ${stage}_hash, ${rfc3339(`${stage}_h.confirmed_at`)} AS ${stage}_at`,
).join(', ');

/** The confirmed transaction, or else the one sent last. */
const PROGRESS_JOINS = STAGES.map(
  (stage) => `LEFT JOIN eth_txs ${stage}_t ON ${stage}_t.id = b.eth_${stage}_tx_id
  LEFT JOIN LATERAL (SELECT tx_hash, confirmed_at FROM eth_txs_history h WHERE h.eth_tx_id = ${stage}_t.id
    ORDER BY (h.id = ${stage}_t.confirmed_eth_tx_history_id) DESC NULLS LAST, h.id DESC LIMIT 1) ${stage}_h ON TRUE`,
).join('\n  ');

interface ProgressRow {
  commit_hash: Hex | null;
  commit_at: string | null;
  prove_hash: Hex | null;
  prove_at: string | null;
  execute_hash: Hex | null;
  execute_at: string | null;
}

const toProgress = (row: ProgressRow): L1Progress => ({
  commitTxHash: row.commit_hash,
  committedAt: row.commit_at,
  proveTxHash: row.prove_hash,
  provenAt: row.prove_at,
  executeTxHash: row.execute_hash,
  executedAt: row.execute_at,
});

interface DetailsRow extends ProgressRow {
  number: string;
  timestamp: string;
  l2_tx_count: number;
  hash: Buffer | null;
  next_index: string | null;
  protocol_version: number;
  sealed: string;
  records: number;
  messages: number;
  proof_status: string | null;
  proof_error: string | null;
  eth_error: string | null;
}

const DETAILS = `SELECT b.number, b.timestamp, b.l2_tx_count, b.hash, b.rollup_last_leaf_index AS next_index, b.protocol_version,
  ${rfc3339('b.sealed_at')} AS sealed, ${PROGRESS_COLUMNS}, d.status AS proof_status, d.error AS proof_error,
  coalesce(commit_t.error, prove_t.error, execute_t.error) AS eth_error,
  (SELECT count(*)::int FROM storage_logs s JOIN miniblocks m ON m.number = s.miniblock_number
   WHERE m.l1_batch_number = b.number) AS records,
  cardinality(b.l2_to_l1_messages) AS messages
  FROM l1_batches b LEFT JOIN proof_generation_details d ON d.l1_batch_number = b.number
  ${PROGRESS_JOINS}`;

const toDetails = (row: DetailsRow): BatchDetails => ({
  number: Number(row.number),
  timestamp: Number(row.timestamp),
  l2TxCount: row.l2_tx_count,
  rootHash: row.hash === null ? null : byteaToHex(row.hash),
  nextIndex: row.next_index === null ? null : Number(row.next_index),
  minorVersion: row.protocol_version,
  sealedAt: row.sealed,
  records: row.records,
  messages: row.messages,
  proofStatus: row.proof_status,
  proofError: row.proof_error,
  ethError: row.eth_error,
  ...toProgress(row),
});

export async function batchDetails(db: Db, number: number): Promise<BatchDetails | undefined> {
  const { rows } = await db.query<DetailsRow>(`${DETAILS} WHERE b.number = $1`, [number]);
  return rows[0] && toDetails(rows[0]);
}

/** Batches without the genesis, newest first. */
export async function listBatches(db: Db, limit = 100): Promise<BatchDetails[]> {
  const { rows } = await db.query<DetailsRow>(`${DETAILS} WHERE b.number > 0 ORDER BY b.number DESC LIMIT $1`, [limit]);
  return rows.map(toDetails);
}

/** What is in no batch yet. */
export async function unsealedCounts(db: Db): Promise<{ blocks: number; transactions: number; pending: number }> {
  const { rows } = await db.query<{ blocks: number; transactions: number; pending: number }>(
    `SELECT count(*)::int AS blocks, coalesce(sum(l2_tx_count), 0)::int AS transactions,
       (SELECT count(*)::int FROM transactions WHERE miniblock_number IS NULL AND error IS NULL) AS pending
     FROM miniblocks WHERE l1_batch_number IS NULL`,
  );
  return rows[0]!;
}

export interface BlockDetails extends L1Progress {
  number: number;
  /** Of the batch it is in, or will be in. */
  l1BatchNumber: number;
  sealed: boolean;
  timestamp: number;
  l2TxCount: number;
  hash: Hex;
  batchRoot: Hex | null;
  feeAccount: Hex;
  baseFeePerGas: bigint;
  minorVersion: number;
}

interface BlockRow extends ProgressRow {
  number: string;
  batch: string | null;
  next_batch: string;
  timestamp: string;
  l2_tx_count: number;
  hash: Buffer;
  root: Buffer | null;
  fee_account_address: Buffer;
  base_fee_per_gas: string;
  protocol_version: number;
}

export async function blockDetails(db: Db, number: number): Promise<BlockDetails | undefined> {
  const { rows } = await db.query<BlockRow>(
    `SELECT m.number, m.l1_batch_number AS batch, (SELECT max(number) + 1 FROM l1_batches) AS next_batch, m.timestamp,
       m.l2_tx_count, m.hash, b.hash AS root, m.fee_account_address, m.base_fee_per_gas, m.protocol_version,
       ${PROGRESS_COLUMNS}
     FROM miniblocks m LEFT JOIN l1_batches b ON b.number = m.l1_batch_number ${PROGRESS_JOINS} WHERE m.number = $1`,
    [number],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    number: Number(row.number),
    l1BatchNumber: Number(row.batch ?? row.next_batch),
    sealed: row.batch !== null,
    timestamp: Number(row.timestamp),
    l2TxCount: row.l2_tx_count,
    hash: byteaToHex(row.hash),
    batchRoot: row.root === null ? null : byteaToHex(row.root),
    feeAccount: byteaToHex(row.fee_account_address),
    baseFeePerGas: BigInt(row.base_fee_per_gas),
    minorVersion: row.protocol_version,
    ...toProgress(row),
  };
}

/** First and last block of a batch. */
export async function batchBlockRange(db: Db, number: number): Promise<[number, number] | undefined> {
  const { rows } = await db.query<{ first: string | null; last: string }>(
    'SELECT min(number) AS first, max(number) AS last FROM miniblocks WHERE l1_batch_number = $1',
    [number],
  );
  const row = rows[0];
  return row === undefined || row.first === null ? undefined : [Number(row.first), Number(row.last)];
}
