import { sleep } from '../../../lib/deadline.ts';
import { isAlive, readProcess } from '../../host/proc.ts';
import type { Container } from './containers.ts';
import { isProcessOf } from './usage.ts';

const LOOK_MS = 5;

/**
 * Calls `onEnded` when the container's program is gone; the engine takes some hundred milliseconds more to clear away its network. Never calls it
 * where the program is not a process of this machine.
 */
export async function whenProgramEnds(
  { Id: id, State: state }: Container,
  onEnded: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { Pid: pid } = state;
  const program = pid > 0 && isProcessOf(pid, id) ? readProcess(pid) : undefined;
  if (program === undefined) return;
  while (!signal.aborted) {
    if (!isAlive(pid, program.startTicks)) return onEnded();
    await sleep(LOOK_MS, signal).catch(() => undefined);
  }
}
