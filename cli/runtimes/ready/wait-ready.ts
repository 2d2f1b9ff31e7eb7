import { sleep } from '../../../lib/deadline.ts';
import { formatDuration } from '../../../lib/units.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ComponentSpec, ComponentStatus } from '../../core/types.ts';
import type { ManagedRuntime } from '../runtime.ts';
import { askProbe, describeProbe } from './probe.ts';

const FIRST_INTERVAL_MS = 20;
const LAST_INTERVAL_MS = 250;
const ANSWER_MS = 2_000;
const SHOWN_LINES = 20;

export interface WaitReadyOptions {
  /** Default 60 s. */
  timeoutMs?: number;
}

/**
 * Waits until the component's probe answers: asked after 20 ms, then less often, at most every 250 ms.
 * @throws DevkitError COMPONENT_FAILED as soon as it is seen to have ended, whatever its exit code; TIMED_OUT at the deadline.
 * Both carry the last lines of its log.
 */
export async function waitReady(
  spec: ComponentSpec,
  runtime: ManagedRuntime,
  signal: AbortSignal,
  options: WaitReadyOptions = {},
): Promise<ComponentStatus> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const end = performance.now() + timeoutMs;
  let intervalMs = FIRST_INTERVAL_MS;
  while (true) {
    signal.throwIfAborted();
    const why = await askProbe(spec.ready, ANSWER_MS, signal);
    // asked after the probe: something else may have answered on its port
    const status = await runtime.inspect(spec.id);
    if (status.state !== 'running') throw await componentFailed(status, runtime, 'before it was ready');
    if (why === undefined) return status;
    if (performance.now() >= end) throw await notReady(spec, status, runtime, why, timeoutMs);
    await sleep(intervalMs, signal);
    intervalMs = Math.min(intervalMs * 1.5, LAST_INTERVAL_MS);
  }
}

/** The error for a component that ended: how, its last log lines, where the whole log is. */
export async function componentFailed(
  status: ComponentStatus,
  runtime: ManagedRuntime,
  when: string,
): Promise<DevkitError> {
  const lines = await runtime.lastLines(status.id, SHOWN_LINES);
  return new DevkitError('COMPONENT_FAILED', `${status.id} ended ${when} (${describeEnding(status)})${quote(lines)}`, {
    ...(status.logFile === undefined ? {} : { hint: `whole log: ${status.logFile}` }),
    details: { component: status.id, exitCode: status.exitCode, signal: status.signal, lastLines: lines },
  });
}

/** `exit code 3`, `SIGKILL`, or that nobody saw it. */
export function describeEnding(status: ComponentStatus): string {
  if (status.outOfMemory) return 'killed by the kernel: it reached its memory limit (memory: in devkit.yaml raises it)';
  if (status.exitCode !== undefined) return `exit code ${status.exitCode}`;
  return status.signal ?? 'exit code not known: another command had started it';
}

async function notReady(
  spec: ComponentSpec,
  status: ComponentStatus,
  runtime: ManagedRuntime,
  why: string,
  timeoutMs: number,
): Promise<DevkitError> {
  const lines = await runtime.lastLines(spec.id, SHOWN_LINES);
  const message = `${spec.id} is not ready after ${formatDuration(timeoutMs)}: ${describeProbe(spec.ready)}: ${why}`;
  return new DevkitError('TIMED_OUT', `${message}${quote(lines)}`, {
    ...(status.logFile === undefined ? {} : { hint: `whole log: ${status.logFile}` }),
    details: { component: spec.id, lastLines: lines },
  });
}

const quote = (lines: string[]): string =>
  lines.length === 0 ? '; it wrote nothing' : `; its last lines:\n${lines.map((line) => `  ${line}`).join('\n')}`;
