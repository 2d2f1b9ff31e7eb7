import type { Logger } from '../../../../lib/component/log.ts';
import type { CoreTopic } from '../../protocol/core-db/db.ts';
import type { Waker } from '../shared/waker.ts';
import type { Health } from './health.ts';

/** One background activity of the server. */
export interface Task {
  /** Component it belongs to. */
  component: string;
  /** The server is ready only when this has worked once; others may wait for programs that start later. */
  essential?: true;
  /** Changes that may give it work. */
  topics: readonly CoreTopic[];
  /** Longest wait without a notification. */
  idleMs: number;
  /**
   * Does one piece of work. `again`: there may be more at once; a number: look again after so many ms at the latest;
   * `idle`: nothing to do. What it throws is logged and tried again.
   */
  run(context: TaskContext): Promise<'again' | 'idle' | number>;
}

export interface TaskContext {
  signal: AbortSignal;
  log: Logger;
  /** True when no notification but the passing of time woke the task. */
  byTime: boolean;
}

/** What tasks run under. */
export interface TaskRunner {
  waker: Pick<Waker, 'subscribe' | 'connected'>;
  health: Health;
  log: Logger;
  signal: AbortSignal;
  /** Longest wait while notifications do not arrive. */
  pollMs: number;
}

/** Waits between failing attempts. */
const RETRY_MS = [100, 250, 500, 1000] as const;

/** Runs a task until aborted. Failures mark its component as affected, success as ready. */
export async function runTask(task: Task, runner: TaskRunner): Promise<void> {
  const { waker, health, signal } = runner;
  const log = runner.log.child({ component: task.component });
  const subscription = waker.subscribe(task.topics);
  if (!task.essential) health.set(task.component, { status: 'ready' });
  let failures = 0;
  let lastError = '';
  let byTime = true;
  while (!signal.aborted) {
    let waitMs: number;
    try {
      const result = await task.run({ signal, log, byTime });
      if (failures > 0) log.info('works again');
      failures = 0;
      lastError = '';
      health.set(task.component, { status: 'ready' });
      if (result === 'again') {
        byTime = false;
        continue;
      }
      waitMs = result === 'idle' ? task.idleMs : Math.min(result, task.idleMs);
      if (!waker.connected) waitMs = Math.min(waitMs, runner.pollMs);
    } catch (error) {
      if (signal.aborted) break;
      const text = (error as { awaits?: string }).awaits ?? (error as Error).message;
      // the same trouble is told once, not with every attempt nor by every task of a component
      if (text !== lastError && health.get(task.component)?.details?.['error'] !== text) tell(log, error as Error);
      lastError = text;
      const status = health.get(task.component)?.status === 'not_ready' ? 'not_ready' : 'affected';
      health.set(task.component, { status, details: { error: text } });
      waitMs = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]!;
      failures += 1;
    }
    try {
      byTime = !(await subscription.wait(waitMs, signal));
    } catch {
      break;
    }
  }
  health.set(task.component, { status: 'shut_down' });
}

/** A program that is not there yet is no error: its absence is said in the words of `awaits`. */
function tell(log: Logger, error: Error): void {
  const { awaits } = error as { awaits?: string };
  if (awaits === undefined) log.error({ err: error }, error.message);
  else log.info(`waiting for ${awaits}`);
}
