/** The loops of the job monitor (upstream: prover/crates/bin/prover_job_monitor). */
import type { Pool } from 'pg';
import type { Logger } from '../../../../lib/component/log.ts';
import { sleep } from '../../../../lib/deadline.ts';
import type { ZksyncConfig } from '../../protocol/config.ts';
import { JOB_KINDS, type JobKind, WITNESS_KINDS } from '../../protocol/prover-db/jobs.ts';
import {
  archiveProverJobs,
  moveReadyJobs,
  type RequeueLimits,
  requeueStuckJobs,
} from '../../protocol/prover-db/monitor.ts';
import { exhaustedJobs, statusCounts } from '../../protocol/prover-db/reports.ts';
import { type PeriodicLoop, periodicLoop } from '../shared/periodic.ts';
import type { Waker } from '../shared/waker.ts';
import { ATTEMPT_LABELS, type Gauges } from './gauges.ts';

export interface MonitorContext {
  pool: Pool;
  config: ZksyncConfig;
  gauges: Gauges;
  waker: Waker;
  log: Logger;
  signal: AbortSignal;
}

export type Limits = Record<JobKind, RequeueLimits>;

/** Timeouts and attempts of every kind of job. */
export function limitsOf({ prover, witnessGenerator: witness, proofCompressor }: ZksyncConfig): Limits {
  const round = (timeoutMs: number | undefined): RequeueLimits => ({
    timeoutMs: timeoutMs ?? witness.generationTimeoutMs,
    maxAttempts: witness.maxAttempts,
  });
  return {
    basic: round(witness.basicGenerationTimeoutMs),
    leaf: round(witness.leafGenerationTimeoutMs),
    node: round(witness.nodeGenerationTimeoutMs),
    tip: round(witness.recursionTipGenerationTimeoutMs),
    scheduler: round(witness.schedulerGenerationTimeoutMs),
    prover: { timeoutMs: prover.generationTimeoutMs, maxAttempts: prover.maxAttempts },
    compression: { timeoutMs: proofCompressor.generationTimeoutMs, maxAttempts: proofCompressor.maxAttempts },
  };
}

/** All loops, until the signal is aborted. */
export async function runLoops(context: MonitorContext): Promise<void> {
  const { proverJobMonitor: monitor } = context.config;
  const limits = limitsOf(context.config);
  const said = new Set<string>();
  const requeuer = (name: string, intervalMs: number, kinds: readonly JobKind[]): Promise<void> =>
    loop(context, { name, intervalMs, onWake: 'shorten', run: () => requeue(context, limits, kinds) });
  await Promise.all([
    loop(context, {
      name: 'witness job queuer',
      intervalMs: monitor.witnessJobQueuerRunIntervalMs,
      onWake: 'run',
      run: () => queue(context),
    }),
    requeuer('prover job requeuer', monitor.proverJobRequeuerRunIntervalMs, ['prover']),
    requeuer('witness job requeuer', monitor.witnessGeneratorJobRequeuerRunIntervalMs, WITNESS_KINDS),
    requeuer('compressor job requeuer', monitor.proofCompressorJobRequeuerRunIntervalMs, ['compression']),
    loop(context, {
      name: 'queue and attempts reporter',
      intervalMs: reportIntervalMs(context.config),
      onWake: 'shorten',
      run: () => report(context, limits, said),
    }),
    archiveLoop(context),
  ]);
}

/** A loop with its own subscription; it stretches while there is nothing to do and notifications would wake it. */
async function loop(
  { waker, config, log, signal }: MonitorContext,
  options: Pick<PeriodicLoop, 'name' | 'intervalMs' | 'onWake' | 'run'>,
): Promise<void> {
  const subscription = waker.subscribe();
  try {
    const idleIntervalMs = (): number => (waker.connected ? config.devkit.fast.idleIntervalMs : 0);
    await periodicLoop({ ...options, wait: subscription.wait, idleIntervalMs, log, signal });
  } finally {
    subscription.close();
  }
}

async function queue({ pool, log }: MonitorContext): Promise<boolean> {
  const moved = await moveReadyJobs(pool);
  for (const job of moved) log.info(job, `${job.kind} witness job queued: its proofs are there`);
  return moved.length > 0;
}

async function requeue({ pool, log }: MonitorContext, limits: Limits, kinds: readonly JobKind[]): Promise<boolean> {
  const rows = await requeueStuckJobs(pool, Object.fromEntries(kinds.map((kind) => [kind, limits[kind]])));
  for (const row of rows) log.warn(row, `${row.kind} job requeued: ${row.was} after ${row.attempts} attempts`);
  return rows.length > 0;
}

/** Runs on its interval alone: nothing it waits for is announced. */
async function archiveLoop({ pool, config, gauges, log, signal }: MonitorContext): Promise<void> {
  const { proverJobsArchiverRunIntervalMs: intervalMs, proverJobsArchiverArchiveJobsAfterMs: afterMs } =
    config.proverJobMonitor;
  const wait = async (ms: number, stop: AbortSignal): Promise<boolean> => {
    await sleep(ms, stop);
    return false;
  };
  const run = async (): Promise<boolean> => {
    const { archived, removed } = await archiveProverJobs(pool, afterMs);
    gauges.archived(archived);
    if (archived + removed > 0) log.info({ archived, removed }, 'prover jobs archived');
    return archived > 0;
  };
  await periodicLoop({ name: 'archiver', intervalMs, onWake: 'run', run, wait, log, signal });
}

/** The three reporters read the same counts, so they run together, at the shortest of their intervals. */
const reportIntervalMs = ({ proverJobMonitor: monitor }: ZksyncConfig): number =>
  Math.min(
    monitor.proverQueueReporterRunIntervalMs,
    monitor.witnessGeneratorQueueReporterRunIntervalMs,
    monitor.proofCompressorQueueReporterRunIntervalMs,
  );

async function report({ pool, gauges, log }: MonitorContext, limits: Limits, said: Set<string>): Promise<boolean> {
  gauges.update(await statusCounts(pool));
  const exhausted = await exhaustedJobs(pool, limits);
  for (const kind of JOB_KINDS)
    gauges.attempts(ATTEMPT_LABELS[kind], exhausted.filter((job) => job.kind === kind).length);
  for (const job of exhausted) {
    const key = `${job.kind} ${job.id ?? job.batch} ${job.chainId} ${job.attempts}`;
    if (job.running || said.has(key)) continue;
    said.add(key);
    log.warn(job, `${job.kind} job of batch ${job.batch} used up its ${job.attempts} attempts: requeue it by hand`);
  }
  return false;
}
