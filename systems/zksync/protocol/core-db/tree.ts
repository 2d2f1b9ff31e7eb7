/** The state tree's leaves and what a batch did to them. */
import type pg from 'pg';
import { type Db, inTransaction } from '../../../../lib/postgres.ts';
import { fromBytea, NOW, notifyCore, toBytea } from './db.ts';

/** A leaf of the indexed Merkle tree with its enumeration index; index 0 is the sentinel. */
export interface TreeLeaf {
  index: number;
  key: bigint;
  value: bigint;
  nextKey: bigint;
}

/** All leaves, by index. */
export async function loadLeaves(db: Db): Promise<TreeLeaf[]> {
  const { rows } = await db.query<{ index: string; hashed_key: Buffer; value: Buffer; next_key: Buffer }>(
    'SELECT index, hashed_key, value, next_key FROM devkit_tree_leaves ORDER BY index',
  );
  return rows.map((row) => ({
    index: Number(row.index),
    key: fromBytea(row.hashed_key),
    value: fromBytea(row.value),
    nextKey: fromBytea(row.next_key),
  }));
}

export async function upsertLeaves(db: Db, leaves: readonly TreeLeaf[]): Promise<void> {
  await db.query(
    `INSERT INTO devkit_tree_leaves (index, hashed_key, value, next_key)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[])
     ON CONFLICT (index) DO UPDATE SET value = excluded.value, next_key = excluded.next_key`,
    [
      leaves.map((leaf) => leaf.index),
      leaves.map((leaf) => toBytea(leaf.key)),
      leaves.map((leaf) => toBytea(leaf.value)),
      leaves.map((leaf) => toBytea(leaf.nextKey)),
    ],
  );
}

export interface TreeResult {
  batch: number;
  root: bigint;
  nextIndex: number;
  /** Leaves the batch changed or added, as they are after it. */
  leaves: readonly TreeLeaf[];
  /** Leaves that the batch added. */
  added: readonly TreeLeaf[];
  /** Key of the Merkle paths in the core store. */
  blobUrl: string;
}

/** Records the tree after a batch, with the batch's root, in one transaction. False when it was there already. */
export async function saveTreeResult(pool: pg.Pool, result: TreeResult): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(
      `UPDATE l1_batches SET hash = $2, rollup_last_leaf_index = $3, updated_at = ${NOW}
       WHERE number = $1 AND hash IS NULL`,
      [result.batch, toBytea(result.root), result.nextIndex],
    );
    if (rowCount === 0) return false;
    await upsertLeaves(db, result.leaves);
    await insertInitialWrites(db, result.batch, result.added);
    await db.query(
      `INSERT INTO proof_generation_details (l1_batch_number, status, proof_gen_data_blob_url, created_at, updated_at)
       VALUES ($1, 'unpicked', $2, ${NOW}, ${NOW})
       ON CONFLICT (l1_batch_number) DO UPDATE SET proof_gen_data_blob_url = $2, updated_at = ${NOW}`,
      [result.batch, result.blobUrl],
    );
    await notifyCore(db, 'tree');
    return true;
  });
}

export async function insertInitialWrites(db: Db, batch: number, added: readonly TreeLeaf[]): Promise<void> {
  await db.query(
    `INSERT INTO initial_writes (hashed_key, l1_batch_number, index)
     SELECT u.key, $1, u.index FROM unnest($2::bytea[], $3::bigint[]) u (key, index)`,
    [batch, added.map((leaf) => toBytea(leaf.key)), added.map((leaf) => leaf.index)],
  );
}
