/** Jobs that failed, with the error their worker wrote. */
import type { Queryable } from './db.ts';
import { JOB_KINDS, TABLES } from './jobs.ts';

/** End of the error of a job that failed for good: its number of attempts says nothing. */
export const NOT_TRIED_AGAIN = ' (not tried again)';

export interface FailedJob {
  /** E.g. `prover job 12 (round 0, circuit 10)`, `leaf job of circuit 9`. */
  what: string;
  /** Without the mark of `final`. */
  error: string | null;
  /** At the end of its attempts by what it was given, not by trying. */
  final: boolean;
  attempts: number;
}

const DESCRIPTION = {
  basic: `'basic witness job'`,
  leaf: `'leaf witness job of circuit ' || circuit_id`,
  node: `'node witness job of circuit ' || circuit_id || ', depth ' || depth`,
  tip: `'recursion tip witness job'`,
  scheduler: `'scheduler witness job'`,
  prover: `'prover job ' || id || ' (round ' || aggregation_round || ', circuit ' || circuit_id || ')'`,
  compression: `'compression job'`,
} as const;

const FAILED_SQL = JOB_KINDS.map(
  (kind) => `SELECT ${DESCRIPTION[kind]}, error, attempts FROM ${TABLES[kind]}
    WHERE l1_batch_number = $1 AND chain_id = $2 AND status = 'failed'`,
).join(' UNION ALL ');

/** Most attempts first. */
export async function failedJobs(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<FailedJob[]> {
  const { rows } = await db.query<{ what: string; error: string | null; attempts: number }>(
    `SELECT * FROM (${FAILED_SQL}) AS f (what, error, attempts) ORDER BY attempts DESC, what`,
    [batch, chainId],
  );
  return rows.map(({ error, ...row }) => {
    const final = error?.endsWith(NOT_TRIED_AGAIN) ?? false;
    return { ...row, final, error: final ? error!.slice(0, -NOT_TRIED_AGAIN.length) : error };
  });
}
