/** How a picked job ends: its rows are saved, it failed, or it goes back to the queue. */
import { BASE_CIRCUIT_NAMES, baseIdOf, ROUND } from '../../protocol/ids.ts';
import {
  type Job,
  type JobKind,
  type LeafJob,
  type NodeJob,
  type ProverJob,
  TABLES,
} from '../../protocol/prover-db/jobs.ts';
import { maxAttempts } from '../../protocol/prover-db/limits.ts';
import { releaseJob, saveFailure } from '../../protocol/prover-db/save.ts';
import type { Subscription, Waker } from '../shared/waker.ts';
import type { WorkerLoop } from '../shared/worker-loop.ts';
import type { WorkerEnv } from './env.ts';
import { isFinal } from './final.ts';
import { persist } from './outage.ts';

/** Writes the rows of a finished job; false when the claim on it is gone. Safe to repeat. */
export type SaveRows = (timeTakenMs: number) => Promise<boolean>;

/** `lost`: the row was given to another worker meanwhile; nothing was written. */
export type Outcome = 'successful' | 'failed' | 'released' | 'lost';

/** `basic`, `prover 17`, …: with batch and chain beside it in the log line's fields. */
export const fieldsOf = (job: Job) => ({
  job: 'id' in job ? `${job.kind} ${job.id}` : job.kind,
  ...('circuitId' in job ? { circuit: circuitOf(job) } : {}),
  batch: job.batch,
  chain: job.chainId,
  attempt: job.attempt,
});

/** `StorageFilter`, `leaf of StorageFilter`, `scheduler`: ids mean different things in different rounds. */
function circuitOf(job: LeafJob | NodeJob | ProverJob): string {
  const round = job.kind === 'prover' ? job.round : ROUND.basic;
  if (round === ROUND.tip) return 'recursion tip';
  if (round === ROUND.scheduler) return 'scheduler';
  const base = job.kind === 'node' || round !== ROUND.basic ? baseIdOf(job.circuitId) : job.circuitId;
  const prefix = round === ROUND.leaf ? 'leaf of ' : round === ROUND.node ? 'node of ' : '';
  return `${prefix}${BASE_CIRCUIT_NAMES[base] ?? `circuit ${base}`}`;
}

/**
 * Works on a picked job and ends its claim in one way or another. Never throws for what is wrong with the job.
 * `startedAt`: of `performance.now()`; `hardSignal`: aborted when a running job has to be dropped.
 */
export async function doJob(
  env: WorkerEnv,
  hardSignal: AbortSignal,
  job: Job,
  startedAt: number,
  work: () => Promise<SaveRows>,
): Promise<Outcome> {
  let save: SaveRows;
  try {
    save = await work();
  } catch (error) {
    if (hardSignal.aborted) return giveBack(env, job);
    return fail(env, job, error);
  }
  const timeTakenMs = performance.now() - startedAt;
  // also when the time to stop is over by now: the work is done
  const patience = hardSignal.aborted ? AbortSignal.timeout(LAST_WRITE_MS) : hardSignal;
  if (!(await persist(() => save(timeTakenMs), patience))) {
    env.log.warn(fieldsOf(job), 'done, but the job was given to another worker meanwhile: not saved');
    return 'lost';
  }
  env.log.info({ ...fieldsOf(job), ms: Math.round(timeTakenMs) }, 'done');
  return 'successful';
}

/** The row says what went wrong; the job monitor gives it another try while attempts are left, unless that is of no use. */
export async function fail(env: WorkerEnv, job: Job, error: unknown): Promise<Outcome> {
  const text = error instanceof Error ? error.message : String(error);
  const final = isFinal(error) ? { maxAttempts: maxAttempts(env.config)[job.kind] } : undefined;
  env.log.warn({ ...fieldsOf(job), final: final !== undefined }, `failed: ${text}`);
  return (await lastWrite(() => saveFailure(env.pool, job, text, final))) ? 'failed' : 'lost';
}

/** Back to the queue, the attempt not counted. */
export async function giveBack(env: WorkerEnv, job: Job): Promise<Outcome> {
  env.log.info(fieldsOf(job), 'given back: the component stops');
  return (await lastWrite(() => releaseJob(env.pool, job))) ? 'released' : 'lost';
}

const LAST_WRITE_MS = 4_000;
const lastWrite = (write: () => Promise<boolean>): Promise<boolean> =>
  persist(write, AbortSignal.timeout(LAST_WRITE_MS));

/** Back-off and wake-up of a loop over one kind of job. */
export function loopSettings(
  { config, log, signal }: WorkerEnv,
  waker: Waker | undefined,
  kind: JobKind,
): Pick<WorkerLoop<unknown>, 'backoff' | 'log' | 'signal'> & {
  wakeup?: { subscription: Subscription; connected: () => boolean };
} {
  const { idleBackoffMs, maxIdleBackoffMs, idleIntervalMs } = config.devkit.fast;
  return {
    backoff: { initialMs: idleBackoffMs, maxMs: maxIdleBackoffMs, idleMs: idleIntervalMs },
    log,
    signal,
    ...(waker && { wakeup: { subscription: waker.subscribe([TABLES[kind]]), connected: () => waker.connected } }),
  };
}

/** Aborted `windowMs` after `signal`: when work that was running at the stop has to be dropped. */
export function hardStop(signal: AbortSignal, windowMs: number): AbortSignal {
  const hard = new AbortController();
  const arm = () => {
    setTimeout(() => hard.abort(new Error('the time to stop is over')), windowMs).unref();
  };
  if (signal.aborted) arm();
  else signal.addEventListener('abort', arm, { once: true });
  return hard.signal;
}
