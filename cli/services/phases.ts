/**
 * Turns on a GPU that is too small for circuit prover and compressor at once: the prover runs until a compression job is queued, then it
 * is stopped and the compressor runs until none is left, and so on for as long as the caller's work takes.
 */
import { poll, sleep } from '../../lib/deadline.ts';
import { withFileLock } from '../../lib/file-lock.ts';
import type { StatusCount } from '../../systems/zksync/protocol/prover-db/reports.ts';
import type { Phase, PhaseRule, Placement } from '../core/placement.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { askProbe } from '../runtimes/ready/probe.ts';
import { type SuperviseOptions, superviseWhile } from './converge.ts';
import { isLostConnection } from './job-watch.ts';

/** The prover components that may take turns, in the order of the pipeline. */
export const PROVER_PHASES: readonly PhaseRule[] = [
  { component: 'circuit-prover', until: 'compression-queued' },
  { component: 'compressor', until: 'compression-empty' },
];

/** What decides whose turn it is. */
export interface PhaseJobs {
  compressionQueued: number;
  compressionActive: number;
  proverQueued: number;
}

/** From one grouped query of the prover's tables (`statusCounts`). Rows of versions that nobody here works on are nobody's turn. */
export function phaseJobsOf(counts: readonly StatusCount[], version?: string): PhaseJobs {
  const sum = (kind: StatusCount['kind'], status: string): number =>
    counts
      .filter((one) => one.kind === kind && one.status === status)
      .filter((one) => version === undefined || one.version === version)
      .reduce((total, { count }) => total + count, 0);
  return {
    compressionQueued: sum('compression', 'queued'),
    compressionActive: sum('compression', 'in_progress'),
    proverQueued: sum('prover', 'queued'),
  };
}

/** Whether the phase is over. The compressor's is not while the prover would find nothing to do: changing costs both a start. */
export function isOver({ until }: Phase, jobs: PhaseJobs): boolean {
  if (until === 'compression-queued') return jobs.compressionQueued > 0;
  return jobs.compressionQueued + jobs.compressionActive === 0 && jobs.proverQueued > 0;
}

export type PhasedPlan = Extract<Placement, { kind: 'phased' }>;

export interface PhasedOptions extends SuperviseOptions {
  plan: PhasedPlan;
  /** Of all batches; one query. Asked once per tick. */
  jobs: () => Promise<PhaseJobs>;
  /** Default 500 ms. */
  tickMs?: number;
  /** Of the devnet: one kit process at a time gives turns, and the next one takes over when it ends. */
  lockFile: string;
  /** Called with the last status of a component whose turn is over, once it is stopped: rows that it still held are to be queued again. */
  onStopped?: (status: ComponentStatus) => Promise<void>;
}

/**
 * As `superviseWhile`, but the components that take turns never run at the same time. When `work` ends, those of the current phase keep
 * running. @throws DevkitError as `superviseWhile`
 */
export async function whilePhased<T>(work: (signal: AbortSignal) => Promise<T>, options: PhasedOptions): Promise<T> {
  const turns = takingTurns(options.plan);
  const steady = options.specs.filter(({ id }) => !turns.has(id));
  return superviseWhile((signal) => withTurns(work, { ...options, signal }, turns), { ...options, specs: steady });
}

/** Ids of what runs in some phases only. */
export function takingTurns({ phases }: PhasedPlan): Set<string> {
  const all = new Set(phases.flatMap(({ components }) => components));
  return new Set([...all].filter((id) => !phases.every(({ components }) => components.includes(id))));
}

async function withTurns<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: PhasedOptions,
  turns: ReadonlySet<string>,
): Promise<T> {
  const failure = new AbortController();
  const finished = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const inner = { ...options, signal: AbortSignal.any([signal, finished.signal]) };
  const running = withFileLock(options.lockFile, () => runPhases(inner, turns), inner.signal).catch((error) => {
    if (!finished.signal.aborted && !signal.aborted) failure.abort(error);
  });
  try {
    return await work(signal);
  } catch (error) {
    if (failure.signal.aborted && !options.signal.aborted) throw failure.signal.reason;
    throw error;
  } finally {
    finished.abort();
    await running;
  }
}

/** Never returns. Begins with the phase that the tables ask for: another kit process may have left things in any state. */
async function runPhases(options: PhasedOptions, turns: ReadonlySet<string>): Promise<never> {
  const { plan, specs, signal, emit } = options;
  const jobs = await readJobs(options);
  let at = Math.max(0, firstPhase(plan.phases, jobs));
  for (let first = true; ; first = false) {
    const phase = plan.phases[at] as Phase;
    for (const id of turns) if (!phase.components.includes(id)) await stopTurn(id, options);
    const own = specs.filter(({ id }) => turns.has(id) && phase.components.includes(id));
    if (!first) emit({ type: 'notice', message: `GPU: the turn of ${own.map(({ id }) => id).join(', ')}` });
    await needsAnswer(own, options);
    await superviseWhile((inner) => untilOver(phase, { ...options, signal: inner }), { ...options, specs: own });
    signal.throwIfAborted();
    at = (at + 1) % plan.phases.length;
  }
}

/** The compressor's, when it has work; else the first. */
const firstPhase = (phases: readonly Phase[], { compressionQueued, compressionActive }: PhaseJobs): number =>
  compressionQueued + compressionActive > 0 ? phases.findIndex(({ until }) => until === 'compression-empty') : 0;

async function untilOver(phase: Phase, options: PhasedOptions): Promise<void> {
  const { tickMs = TICK_MS, signal } = options;
  do await sleep(tickMs, signal);
  while (!isOver(phase, await readJobs(options)));
}

const TICK_MS = 500;

/** The database may be restarted meanwhile: then the phase goes on until it answers again. */
async function readJobs({ jobs, tickMs = TICK_MS, signal }: PhasedOptions): Promise<PhaseJobs> {
  return poll(
    async () => {
      try {
        return await jobs();
      } catch (error) {
        if (signal.aborted || !isLostConnection(error)) throw error;
        return undefined;
      }
    },
    { intervalMs: tickMs, signal },
  );
}

/** Waits for its grace; what did not end by itself in that time may still hold rows. */
async function stopTurn(id: string, { runtime, emit, signal, onStopped }: PhasedOptions): Promise<void> {
  const before = await runtime.inspect(id);
  if (before.state !== 'running') return;
  await runtime.stop(id, signal);
  emit({ type: 'component.stopped', component: id });
  await onStopped?.(before);
}

/** What the components of a phase lean on is supervised outside; here it is only waited for. */
async function needsAnswer(
  own: readonly ComponentSpec[],
  { specs, signal, tickMs = TICK_MS }: PhasedOptions,
): Promise<void> {
  const ids = new Set(own.flatMap(({ needs }) => needs.map(({ component }) => component)));
  await Promise.all(
    specs
      .filter(({ id }) => ids.has(id))
      .map(({ ready }) =>
        poll(async () => ((await askProbe(ready, 2_000, signal)) === undefined ? true : undefined), {
          intervalMs: 20,
          maxIntervalMs: tickMs,
          signal,
        }),
      ),
  );
}
