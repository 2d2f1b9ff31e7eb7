/** What an operator does by hand (upstream: prover_cli requeue, restart, delete), for the right chain. */
import type { Pool } from 'pg';
import { inTransaction } from '../../../../lib/postgres.ts';
import { notify, type Queryable } from './db.ts';
import { JOB_KINDS, type JobKind, TABLES } from './jobs.ts';
import { keyColumns, type Requeued, requeuedColumns, requeuedOf, sameKey } from './monitor.ts';

/** A batch; without `chainId` under every chain id it has rows for. */
export interface BatchSelector {
  batch: number;
  chainId?: number;
}

const OF_BATCH = 'l1_batch_number = $1 AND ($2::integer IS NULL OR chain_id = $2)';
const batchValues = ({ batch, chainId }: BatchSelector): unknown[] => [batch, chainId ?? null];

/**
 * Puts jobs of a batch that used up their attempts (`in_progress` or `failed`, attempts ≥ max) back to `queued`. They start
 * with no attempts made: with the old count the next failure would be their last again.
 */
export async function requeueBatch(pool: Pool, selector: BatchSelector, maxAttempts: number): Promise<Requeued[]> {
  return inTransaction(pool, async (db) => {
    const all: Requeued[] = [];
    for (const kind of JOB_KINDS) {
      const { rows } = await db.query<Record<string, unknown>>(
        `WITH stuck AS (
           SELECT ${keyColumns(kind)}, status AS was, attempts AS had, error AS old_error FROM ${TABLES[kind]}
           WHERE ${OF_BATCH} AND status IN ('in_progress', 'failed') AND attempts >= $3 FOR UPDATE
         )
         UPDATE ${TABLES[kind]} AS j SET status = 'queued', attempts = 0, error = 'Manually requeued',
           updated_at = NOW(), processing_started_at = NOW()
         FROM stuck WHERE ${sameKey(kind)}
         RETURNING ${requeuedColumns(kind)}, stuck.had, stuck.old_error`,
        [...batchValues(selector), maxAttempts],
      );
      all.push(...rows.map((row) => requeuedOf({ ...row, attempts: row.had, error: row.old_error })));
    }
    if (all.length > 0) await notify(db, ...all.map(({ kind }) => TABLES[kind]));
    return all;
  });
}

/** Queues what has failed for good (`failed`, attempts ≥ the kind's limit) again, with no attempts made; what runs is left alone. */
export async function requeueFailed(
  pool: Pool,
  selector: BatchSelector,
  limits: Readonly<Record<JobKind, number>>,
): Promise<number> {
  return inTransaction(pool, async (db) => {
    const kinds: JobKind[] = [];
    for (const kind of JOB_KINDS) {
      const { rowCount } = await db.query(
        `UPDATE ${TABLES[kind]} SET status = 'queued', attempts = 0, updated_at = NOW(), processing_started_at = NOW()
         WHERE ${OF_BATCH} AND status = 'failed' AND attempts >= $3`,
        [...batchValues(selector), limits[kind]],
      );
      for (let i = 0; i < (rowCount ?? 0); i++) kinds.push(kind);
    }
    if (kinds.length > 0) await notify(db, ...new Set(kinds.map((kind) => TABLES[kind])));
    return kinds.length;
  });
}

/** Starts a batch over: drops all its jobs but the first, which is queued anew. False: no such batch. */
export async function restartBatch(pool: Pool, selector: BatchSelector): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(
      `UPDATE ${TABLES.basic} SET status = 'queued', attempts = 0, error = NULL, updated_at = NOW(), picked_by = NULL
       WHERE ${OF_BATCH}`,
      batchValues(selector),
    );
    if (!rowCount) return false;
    await deleteRows(
      db,
      selector,
      JOB_KINDS.filter((kind) => kind !== 'basic'),
    );
    await notify(db, TABLES.basic);
    return true;
  });
}

/** Queues one circuit proof again. False: no such job. */
export async function restartProverJob(pool: Pool, id: number): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(
      `UPDATE ${TABLES.prover} SET status = 'queued', updated_at = NOW() WHERE id = $1`,
      [id],
    );
    if (rowCount) await notify(db, TABLES.prover);
    return rowCount === 1;
  });
}

/** Deletes all rows of a batch; their number. */
export async function deleteBatch(pool: Pool, selector: BatchSelector): Promise<number> {
  return inTransaction(pool, (db) => deleteRows(db, selector, JOB_KINDS));
}

/** Deletes everything: jobs first, then the versions they refer to; the number of job rows. */
export async function deleteEverything(pool: Pool): Promise<number> {
  return inTransaction(pool, async (db) => {
    let deleted = 0;
    for (const kind of JOB_KINDS) deleted += (await db.query(`DELETE FROM ${TABLES[kind]}`)).rowCount ?? 0;
    await db.query('DELETE FROM prover_jobs_fri_archive');
    await db.query('DELETE FROM prover_fri_protocol_versions');
    return deleted;
  });
}

async function deleteRows(db: Queryable, selector: BatchSelector, kinds: readonly JobKind[]): Promise<number> {
  let deleted = 0;
  for (const kind of kinds) {
    const result = await db.query(`DELETE FROM ${TABLES[kind]} WHERE ${OF_BATCH}`, batchValues(selector));
    deleted += result.rowCount ?? 0;
  }
  return deleted;
}
