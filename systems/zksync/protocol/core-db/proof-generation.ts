/** `proof_generation_details`: the state of a batch's proof as the core side sees it (unpicked, picked_by_prover, generated, skipped). */
import type pg from 'pg';
import { type Db, inTransaction } from '../../../../lib/postgres.ts';
import { NOW, notifyCore } from './db.ts';

/** Lowest batch without VM run data. */
export async function nextBatchForRunData(db: Db): Promise<number | undefined> {
  const { rows } = await db.query<{ number: string | null }>(
    `SELECT min(b.number) AS number FROM l1_batches b LEFT JOIN proof_generation_details d ON d.l1_batch_number = b.number
     WHERE b.number > 0 AND b.is_sealed AND d.vm_run_data_blob_url IS NULL`,
  );
  return rows[0]?.number == null ? undefined : Number(rows[0].number);
}

export async function saveRunDataUrl(pool: pg.Pool, batch: number, blobUrl: string): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(
      `INSERT INTO proof_generation_details (l1_batch_number, status, vm_run_data_blob_url, created_at, updated_at)
       VALUES ($1, 'unpicked', $2, ${NOW}, ${NOW})
       ON CONFLICT (l1_batch_number) DO UPDATE SET vm_run_data_blob_url = $2, updated_at = ${NOW}`,
      [batch, blobUrl],
    );
    await notifyCore(db, 'proof_generation_details');
  });
}

/**
 * Locks the lowest batch that can go to the prover: unpicked with both blobs and all hashes, or picked longer ago than
 * `timeoutMs`. Undefined when there is none.
 */
export async function lockBatchForProving(
  db: Db,
  options: { timeoutMs: number; provingMode: string },
): Promise<number | undefined> {
  const { rows } = await db.query<{ l1_batch_number: string }>(
    `UPDATE proof_generation_details SET status = 'picked_by_prover', proving_mode = $2, prover_taken_at = ${NOW},
       updated_at = ${NOW}
     WHERE l1_batch_number = (
       SELECT d.l1_batch_number FROM proof_generation_details d JOIN l1_batches b ON b.number = d.l1_batch_number
       WHERE (d.status = 'unpicked' AND d.vm_run_data_blob_url IS NOT NULL AND d.proof_gen_data_blob_url IS NOT NULL
              AND b.hash IS NOT NULL AND b.aux_data_hash IS NOT NULL AND b.meta_parameters_hash IS NOT NULL)
          OR (d.status = 'picked_by_prover' AND d.prover_taken_at < ${NOW} - $1 * interval '1 millisecond')
       ORDER BY d.l1_batch_number LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
     RETURNING l1_batch_number`,
    [options.timeoutMs, options.provingMode],
  );
  return rows[0] === undefined ? undefined : Number(rows[0].l1_batch_number);
}

/**
 * Unlocks all batches that were handed to the prover, so that they are handed over again: the process that did it may have
 * ended in between. The gateway takes a batch it has already as no change.
 */
export async function unlockAllBatches(db: Db): Promise<void> {
  await db.query(
    `UPDATE proof_generation_details SET status = 'unpicked', prover_taken_at = NULL, updated_at = ${NOW}
     WHERE status = 'picked_by_prover'`,
  );
}

/** Undoes the lock after a failed submission. */
export async function unlockBatch(db: Db, batch: number): Promise<void> {
  await db.query(
    `UPDATE proof_generation_details SET status = 'unpicked', prover_taken_at = NULL, updated_at = ${NOW}
     WHERE l1_batch_number = $1 AND status = 'picked_by_prover'`,
    [batch],
  );
}

/** Batches that wait for a proof, oldest first; a proof that was refused is not looked for in the store. */
export async function unprovenBatches(db: Db, limit = 20): Promise<number[]> {
  const { rows } = await db.query<{ number: string }>(
    `SELECT l1_batch_number AS number FROM proof_generation_details
     WHERE status NOT IN ('generated', 'skipped') AND proof_gen_data_blob_url IS NOT NULL
     ORDER BY l1_batch_number LIMIT $1`,
    [limit],
  );
  return rows.map((row) => Number(row.number));
}

export async function saveProofArtifact(pool: pg.Pool, batch: number, blobUrl: string): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(
      `UPDATE proof_generation_details SET status = 'generated', proof_blob_url = $2, error = NULL, updated_at = ${NOW}
       WHERE l1_batch_number = $1`,
      [batch, blobUrl],
    );
    await notifyCore(db, 'proof_generation_details');
  });
}

/** Says why a proof was not used; the batch keeps waiting for a right one. */
export async function saveProofError(db: Db, batch: number, error: string): Promise<void> {
  await db.query(
    `UPDATE proof_generation_details SET status = 'picked_by_prover', proof_blob_url = NULL, error = $2, updated_at = ${NOW}
     WHERE l1_batch_number = $1`,
    [batch, error],
  );
}

export interface ProofState {
  status: string;
  proofBlobUrl: string | undefined;
  error: string | undefined;
}

export async function proofState(db: Db, batch: number): Promise<ProofState | undefined> {
  const { rows } = await db.query<{ status: string; proof_blob_url: string | null; error: string | null }>(
    'SELECT status, proof_blob_url, error FROM proof_generation_details WHERE l1_batch_number = $1',
    [batch],
  );
  const row = rows[0];
  return row && { status: row.status, proofBlobUrl: row.proof_blob_url ?? undefined, error: row.error ?? undefined };
}

/** Highest batch whose proof the core side has. */
export async function latestProvenBatch(db: Db): Promise<number | undefined> {
  const { rows } = await db.query<{ number: string | null }>(
    `SELECT max(l1_batch_number) AS number FROM proof_generation_details WHERE status = 'generated'`,
  );
  return rows[0]?.number == null ? undefined : Number(rows[0].number);
}
