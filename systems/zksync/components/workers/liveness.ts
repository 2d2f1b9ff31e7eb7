/**
 * Who is alive: every worker holds a session advisory lock on its own name, which the database lets go when the worker dies.
 * So a starting worker can tell the rows of dead workers from those of live ones without asking anybody.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { sleep } from '../../../../lib/deadline.ts';
import { retry } from '../../../../lib/retry.ts';
import type { JobKind } from '../../protocol/prover-db/jobs.ts';
import type { Requeued } from '../../protocol/prover-db/monitor.ts';
import { requeueRowsOf, workersWithRows } from '../../protocol/prover-db/workers.ts';
import type { WorkerEnv } from './env.ts';
import { isOutage } from './outage.ts';

/** Advisory lock key of a worker's name. */
const lockKey = (podName: string): string =>
  createHash('sha256').update(`devkit worker ${podName}`).digest().readBigInt64BE().toString();

/** Another live process has the same name; rows of the two could not be told apart. */
export class NameTakenError extends Error {
  constructor(podName: string) {
    super(`a worker named ${podName} is running already: give each worker its own POD_NAME`);
    this.name = 'NameTakenError';
  }
}

export interface HeldName {
  /** Resolves when the connection that held the name is lost. */
  lost: Promise<void>;
  release(): Promise<void>;
}

/** Takes the name on a connection of its own. @throws NameTakenError */
export async function holdName(url: string, podName: string): Promise<HeldName> {
  const client = new pg.Client({ connectionString: url, keepAlive: true, application_name: `${podName} name` });
  const lost = new Promise<void>((resolve) => {
    client.on('error', () => resolve());
    client.on('end', () => resolve());
  });
  await client.connect();
  const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [lockKey(podName)]);
  if (rows[0]?.held !== true) {
    await client.end();
    throw new NameTakenError(podName);
  }
  return { lost, release: () => client.end() };
}

const RECONNECT_MS = 250;
/** The session of a killed worker with the same name may take a moment to end. */
const TAKEN_ATTEMPTS = 8;

/** Holds the name until released, again after every loss of the connection. @throws NameTakenError at the start */
export async function keepName({
  proverUrl: url,
  podName,
  signal,
}: Pick<WorkerEnv, 'proverUrl' | 'podName' | 'signal'>): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const first = { attempts: TAKEN_ATTEMPTS, delayMs: RECONNECT_MS, signal };
  const passing = (error: unknown): boolean => isOutage(error) || error instanceof NameTakenError;
  let held = await retry(() => holdName(url, podName), { ...first, retryIf: passing });
  const keep = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await held.lost;
      while (!stop.signal.aborted) {
        try {
          held = await holdName(url, podName);
          break;
        } catch (error) {
          if (!passing(error)) throw error;
          await sleep(RECONNECT_MS);
        }
      }
    }
  };
  const kept = keep();
  return async () => {
    stop.abort();
    await held.release();
    await kept;
  };
}

/** Those of the names that nobody holds. */
export async function deadNames(pool: pg.Pool, podNames: readonly string[]): Promise<string[]> {
  if (podNames.length === 0) return [];
  const { rows } = await pool.query<{ name: string; free: boolean }>(
    `WITH tried AS MATERIALIZED (
       SELECT name, key, pg_try_advisory_lock_shared(key) AS free
       FROM unnest($1::text[], $2::bigint[]) AS worker (name, key)
     )
     SELECT name, free, CASE WHEN free THEN pg_advisory_unlock_shared(key) END FROM tried`,
    [podNames, podNames.map(lockKey)],
  );
  return rows.filter((row) => row.free).map((row) => row.name);
}

/** Names are `<what>-<unique>`; what stands before the last hyphen is the same in every incarnation of a worker. */
export function isPredecessor(podName: string, other: string, component: string): boolean {
  const stem = podName.slice(0, podName.lastIndexOf('-') + 1);
  return other !== podName && stem.includes(component) && other.slice(0, other.lastIndexOf('-') + 1) === stem;
}

/**
 * Gives back the rows of earlier incarnations of this worker that are dead, and those under its own name, which only it
 * can have now. Call after `keepName`. The attempts stay counted, up to the configured limit.
 */
export async function requeueOwnDead(
  { pool, podName, log }: Pick<WorkerEnv, 'pool' | 'podName' | 'log'>,
  component: string,
  maxAttempts: Partial<Record<JobKind, number>>,
): Promise<Requeued[]> {
  const others = (await workersWithRows(pool)).filter((name) => isPredecessor(podName, name, component));
  const dead = await deadNames(pool, others);
  const requeued: Requeued[] = [];
  for (const name of [podName, ...dead]) {
    const rows = await requeueRowsOf(pool, name, { maxAttempts });
    if (rows.length > 0) log.warn(`gave back ${rows.length} job(s) of ${name}, which ended without finishing them`);
    requeued.push(...rows);
  }
  return requeued;
}
