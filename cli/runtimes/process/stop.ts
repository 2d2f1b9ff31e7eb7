import { DeadlineError, poll } from '../../../lib/deadline.ts';
import { DevkitError } from '../../core/errors.ts';
import { findByEnvironment, isAlive, signalProcess } from '../../host/proc.ts';
import { type LiveProcess, liveProcess, type StartRecord, TAG_POD } from './record.ts';

const KILL_WAIT_MS = 10_000;

/**
 * Ends the process of a record and what it started. The signal goes to the process itself, so that it can finish
 * with its own children; what is left when it is gone, or when the grace is over, is killed.
 */
export async function stopRecorded(record: StartRecord, signal: AbortSignal): Promise<void> {
  const live = liveProcess(record);
  if (live) {
    signalProcess(live.pid, live.startTicks, record.stop.signal);
    await waitGone([live], record.stop.graceMs, signal);
  }
  await killAll([...(live ? [live] : []), ...findByEnvironment({ [TAG_POD]: record.podName })], signal);
}

/** SIGKILL, and waits until they are gone. @throws DevkitError COMPONENT_FAILED when one does not go. */
export async function killAll(processes: readonly LiveProcess[], signal: AbortSignal): Promise<void> {
  const left = processes.filter(({ pid, startTicks }) => signalProcess(pid, startTicks, 'SIGKILL'));
  if (left.length === 0 || (await waitGone(left, KILL_WAIT_MS, signal))) return;
  const pids = left.filter(({ pid, startTicks }) => isAlive(pid, startTicks)).map(({ pid }) => pid);
  throw new DevkitError('COMPONENT_FAILED', `process ${pids.join(', ')} does not end, not even by SIGKILL`);
}

async function waitGone(processes: readonly LiveProcess[], timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const gone = async (): Promise<true | undefined> =>
    processes.some(({ pid, startTicks }) => isAlive(pid, startTicks)) ? undefined : true;
  try {
    return await poll(gone, { intervalMs: 5, maxIntervalMs: 100, timeoutMs, signal });
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
  }
}
