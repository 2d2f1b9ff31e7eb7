/** Rows of workers that are gone. */
import type { Pool } from 'pg';
import { inTransaction } from '../../../../lib/postgres.ts';
import { notify } from './db.ts';
import { JOB_KINDS, type JobKind, TABLES } from './jobs.ts';
import { keyColumns, type Requeued, requeuedColumns, requeuedOf, sameKey } from './monitor.ts';

export interface RequeueRowsOptions {
  /**
   * `count` (default): the attempt stays counted, as for any job that did not come back, since the job itself may have
   * ended the worker; at `maxAttempts` the row becomes `failed` instead of `queued`, so that such a job cannot go round
   * for ever. `refund`: the attempt is taken off again; for workers that were stopped from outside (by the kit, with the
   * machine), where the job is not to blame.
   */
  attempts?: 'count' | 'refund';
  /** Per kind; no limit when absent. Only for `count`. */
  maxAttempts?: Partial<Record<JobKind, number>>;
}

/**
 * Gives back the rows that a dead worker holds, without waiting for the job monitor's timeout. A worker calls it on start
 * for its own previous incarnation; the kit calls it for workers it knows dead. Never for a worker that may be alive.
 */
export async function requeueRowsOf(
  pool: Pool,
  podName: string,
  { attempts = 'count', maxAttempts = {} }: RequeueRowsOptions = {},
): Promise<Requeued[]> {
  return inTransaction(pool, async (db) => {
    const all: Requeued[] = [];
    for (const kind of JOB_KINDS) {
      const limit = attempts === 'count' ? (maxAttempts[kind] ?? null) : null;
      const { rows } = await db.query<Record<string, unknown>>(
        `WITH stuck AS (
           SELECT ${keyColumns(kind)}, status AS was
           FROM ${TABLES[kind]} WHERE status = 'in_progress' AND picked_by = $1 FOR UPDATE
         )
         UPDATE ${TABLES[kind]} AS j
         SET status = CASE WHEN attempts >= $3::integer THEN 'failed' ELSE 'queued' END,
             error = CASE WHEN attempts >= $3::integer THEN 'worker ' || $1 || ' ended during the last attempt' ELSE error END,
             attempts = GREATEST(attempts - $2::smallint, 0), updated_at = NOW(), processing_started_at = NOW()
         FROM stuck WHERE ${sameKey(kind)}
         RETURNING ${requeuedColumns(kind)}`,
        [podName, attempts === 'refund' ? 1 : 0, limit],
      );
      all.push(...rows.map(requeuedOf));
    }
    if (all.length > 0) await notify(db, ...all.map(({ kind }) => TABLES[kind]));
    return all;
  });
}

/** Names of all workers that hold rows now. */
export async function workersWithRows(pool: Pool): Promise<string[]> {
  const parts = JOB_KINDS.map((kind) => `SELECT picked_by FROM ${TABLES[kind]} WHERE status = 'in_progress'`);
  const { rows } = await pool.query<{ picked_by: string | null }>(`${parts.join(' UNION ')} ORDER BY 1`);
  return rows.flatMap(({ picked_by }) => (picked_by === null ? [] : [picked_by]));
}
