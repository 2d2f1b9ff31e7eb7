/** Transactions and L2 blocks (upstream: miniblocks). Numbers are small enough for JS numbers; hashes are 0x… text. */
import type { Db } from '../../../../lib/postgres.ts';
import { byteaToHex, fromBytea, hexToBytea, NOW, notifyCore, toBytea } from './db.ts';

type Hex = `0x${string}`;

export interface NewTransaction {
  hash: Hex;
  raw: Hex;
  initiator: Hex;
  nonce: number;
  /** EIP-2718 type: 0, 1, 2. */
  format: number;
  gasLimit: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
  value: bigint;
  to: Hex | undefined;
}

/** Records a transaction before it goes to the pool. False when it is known already. */
export async function insertTransaction(db: Db, tx: NewTransaction): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO transactions (hash, initiator_address, nonce, tx_format, gas_limit, max_fee_per_gas,
       max_priority_fee_per_gas, value, contract_address, input, received_at, created_at, updated_at)
     VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,${NOW},${NOW},${NOW})
     ON CONFLICT (hash) DO UPDATE SET error = NULL, updated_at = ${NOW} WHERE transactions.error IS NOT NULL`,
    [
      hexToBytea(tx.hash),
      hexToBytea(tx.initiator),
      tx.nonce,
      tx.format,
      String(tx.gasLimit),
      String(tx.maxFeePerGas),
      String(tx.maxPriorityFeePerGas),
      String(tx.value),
      tx.to === undefined ? null : hexToBytea(tx.to),
      hexToBytea(tx.raw),
    ],
  );
  return (rowCount ?? 0) > 0;
}

/** Removes a transaction that the pool refused; one that is in a block stays. */
export async function deleteRefusedTransaction(db: Db, hash: Hex): Promise<void> {
  await db.query('DELETE FROM transactions WHERE hash = $1 AND miniblock_number IS NULL', [hexToBytea(hash)]);
}

export async function failTransaction(db: Db, hash: Hex, error: string): Promise<void> {
  await db.query(
    `UPDATE transactions SET error = $2, updated_at = ${NOW} WHERE hash = $1 AND miniblock_number IS NULL`,
    [hexToBytea(hash), error],
  );
}

export interface PendingTransaction {
  hash: Hex;
  raw: Hex;
}

/** Transactions that are in no block yet, in the order they came. */
export async function pendingTransactions(db: Db, limit = 1000): Promise<PendingTransaction[]> {
  const { rows } = await db.query<{ hash: Buffer; input: Buffer }>(
    `SELECT hash, input FROM transactions WHERE miniblock_number IS NULL AND error IS NULL ORDER BY sequence LIMIT $1`,
    [limit],
  );
  return rows.map((row) => ({ hash: byteaToHex(row.hash), raw: byteaToHex(row.input) }));
}

export interface MiniblockHeader {
  number: number;
  timestamp: number;
  hash: Hex;
  stateRoot: Hex;
  feeAccount: Hex;
  baseFeePerGas: bigint;
  gasLimit: number;
}

/** One change of the state by a transaction. */
export interface StorageLogRow {
  /** Key in the tree. */
  hashedKey: bigint;
  address: bigint;
  key: bigint;
  valueRead: bigint;
  value: bigint;
  indexInBlock: number;
}

export interface MessageRow {
  logIndex: number;
  logIndexInTx: number;
  txHash: Hex;
  indexInBlock: number;
  messenger: Hex;
  sender: bigint;
  value: bigint;
  message: Hex;
}

export interface NewMiniblock extends MiniblockHeader {
  protocolVersion: number;
  /** In block order; each has a row in `transactions`. */
  transactions: Hex[];
  storageLogs: StorageLogRow[];
  messages: MessageRow[];
}

/** Records a block with everything of it. Call inside a transaction. */
export async function insertMiniblock(db: Db, block: NewMiniblock): Promise<void> {
  await db.query(
    `INSERT INTO miniblocks (number, timestamp, hash, l1_tx_count, l2_tx_count, fee_account_address, base_fee_per_gas,
       gas_limit, protocol_version, created_at, updated_at, state_root)
     VALUES ($1,$2,$3,0,$4,$5,$6,$7,$8,${NOW},${NOW},$9)`,
    [
      block.number,
      block.timestamp,
      hexToBytea(block.hash),
      block.transactions.length,
      hexToBytea(block.feeAccount),
      String(block.baseFeePerGas),
      block.gasLimit,
      block.protocolVersion,
      hexToBytea(block.stateRoot),
    ],
  );
  await db.query(
    `UPDATE transactions t SET miniblock_number = $1, index_in_block = u.i - 1, error = NULL, updated_at = ${NOW}
     FROM unnest($2::bytea[]) WITH ORDINALITY u (hash, i) WHERE t.hash = u.hash`,
    [block.number, block.transactions.map(hexToBytea)],
  );
  await insertStorageLogs(db, block);
  await insertMessages(db, block);
  await notifyCore(db, 'miniblocks');
}

async function insertStorageLogs(db: Db, block: NewMiniblock): Promise<void> {
  const logs = block.storageLogs;
  await db.query(
    `INSERT INTO storage_logs (miniblock_number, operation_number, hashed_key, address, key, value_read, value,
       index_in_block, created_at)
     SELECT $1, u.i - 1, u.hashed_key, u.address, u.key, u.value_read, u.value, u.tx, ${NOW}
     FROM unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::int[])
       WITH ORDINALITY u (hashed_key, address, key, value_read, value, tx, i)`,
    [
      block.number,
      logs.map((log) => toBytea(log.hashedKey)),
      logs.map((log) => toBytea(log.address, 20)),
      logs.map((log) => toBytea(log.key)),
      logs.map((log) => toBytea(log.valueRead)),
      logs.map((log) => toBytea(log.value)),
      logs.map((log) => log.indexInBlock),
    ],
  );
}

async function insertMessages(db: Db, block: NewMiniblock): Promise<void> {
  for (const message of block.messages) {
    await db.query(
      `INSERT INTO l2_to_l1_logs (miniblock_number, log_index_in_miniblock, log_index_in_tx, tx_hash,
         tx_index_in_miniblock, shard_id, is_service, sender, key, value, message, created_at)
       VALUES ($1,$2,$3,$4,$5,0,TRUE,$6,$7,$8,$9,${NOW})`,
      [
        block.number,
        message.logIndex,
        message.logIndexInTx,
        hexToBytea(message.txHash),
        message.indexInBlock,
        hexToBytea(message.messenger),
        toBytea(message.sender),
        toBytea(message.value),
        hexToBytea(message.message),
      ],
    );
  }
}

interface HeaderRow {
  number: string;
  timestamp: string;
  hash: Buffer;
  state_root: Buffer;
  fee_account_address: Buffer;
  base_fee_per_gas: string;
  gas_limit: string;
}

const toHeader = (row: HeaderRow): MiniblockHeader => ({
  number: Number(row.number),
  timestamp: Number(row.timestamp),
  hash: byteaToHex(row.hash),
  stateRoot: byteaToHex(row.state_root),
  feeAccount: byteaToHex(row.fee_account_address),
  baseFeePerGas: BigInt(row.base_fee_per_gas),
  gasLimit: Number(row.gas_limit),
});

const HEADER = 'number, timestamp, hash, state_root, fee_account_address, base_fee_per_gas, gas_limit';

/** The newest block; undefined before genesis. */
export async function latestMiniblock(db: Db): Promise<MiniblockHeader | undefined> {
  const { rows } = await db.query<HeaderRow>(`SELECT ${HEADER} FROM miniblocks ORDER BY number DESC LIMIT 1`);
  return rows[0] && toHeader(rows[0]);
}

export async function miniblockHeader(db: Db, number: number): Promise<MiniblockHeader | undefined> {
  const { rows } = await db.query<HeaderRow>(`SELECT ${HEADER} FROM miniblocks WHERE number = $1`, [number]);
  return rows[0] && toHeader(rows[0]);
}

/** Raw transactions of a block in its order. */
export async function miniblockTransactions(db: Db, number: number): Promise<PendingTransaction[]> {
  const { rows } = await db.query<{ hash: Buffer; input: Buffer }>(
    'SELECT hash, input FROM transactions WHERE miniblock_number = $1 ORDER BY index_in_block',
    [number],
  );
  return rows.map((row) => ({ hash: byteaToHex(row.hash), raw: byteaToHex(row.input) }));
}

/** Set once, when the L2 node is seen for the first time. */
export async function setGenesisBlock(db: Db, header: Pick<MiniblockHeader, 'hash' | 'stateRoot'>): Promise<void> {
  await db.query(`UPDATE miniblocks SET hash = $1, state_root = $2, updated_at = ${NOW} WHERE number = 0`, [
    hexToBytea(header.hash),
    hexToBytea(header.stateRoot),
  ]);
}

export interface BatchLog {
  hashedKey: bigint;
  address: bigint;
  key: bigint;
  valueRead: bigint;
  value: bigint;
  /** Position of the transaction in the batch. */
  txIndex: number;
}

/** All storage logs of a sealed batch, in order. */
export async function batchStorageLogs(db: Db, batch: number): Promise<BatchLog[]> {
  const { rows } = await db.query<{
    hashed_key: Buffer;
    address: Buffer;
    key: Buffer;
    value_read: Buffer;
    value: Buffer;
    tx: number;
  }>(
    `SELECT s.hashed_key, s.address, s.key, s.value_read, s.value, t.l1_batch_tx_index AS tx
     FROM storage_logs s
     JOIN miniblocks m ON m.number = s.miniblock_number
     JOIN transactions t ON t.miniblock_number = s.miniblock_number AND t.index_in_block = s.index_in_block
     WHERE m.l1_batch_number = $1 ORDER BY s.miniblock_number, s.operation_number`,
    [batch],
  );
  return rows.map((row) => ({
    hashedKey: fromBytea(row.hashed_key),
    address: fromBytea(row.address),
    key: fromBytea(row.key),
    valueRead: fromBytea(row.value_read),
    value: fromBytea(row.value),
    txIndex: row.tx,
  }));
}

export interface BatchMessage {
  txIndex: number;
  sender: bigint;
  /** keccak256 of the message. */
  value: bigint;
}

/** All messages of a sealed batch, in order. */
export async function batchMessages(db: Db, batch: number): Promise<BatchMessage[]> {
  const { rows } = await db.query<{ key: Buffer; value: Buffer; tx: number }>(
    `SELECT l.key, l.value, t.l1_batch_tx_index AS tx
     FROM l2_to_l1_logs l
     JOIN miniblocks m ON m.number = l.miniblock_number
     JOIN transactions t ON t.hash = l.tx_hash
     WHERE m.l1_batch_number = $1 ORDER BY l.miniblock_number, l.log_index_in_miniblock`,
    [batch],
  );
  return rows.map((row) => ({ txIndex: row.tx, sender: fromBytea(row.key), value: fromBytea(row.value) }));
}
