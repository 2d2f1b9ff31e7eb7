import { poll, sleep } from '../../lib/deadline.ts';
import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { ensureComponent, type RunContext } from './ensure-component.ts';

const SETTLE_MS = 250;

/**
 * Runs one component in the foreground: starts it (or joins the one that runs), passes on its log lines from this start on, and returns when it
 * ended. When aborted it is stopped first, and then the abort's reason is thrown.
 * @throws DevkitError COMPONENT_FAILED when it ends before it is ready; INTERRUPTED when another command stopped it
 */
export async function runAttached(
  spec: ComponentSpec,
  context: RunContext,
  onLine: (line: string) => void,
): Promise<ComponentStatus> {
  const { runtime, signal } = context;
  const following = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const line of runtime.logs(spec.id, { follow: true, tail: 0 }, following.signal)) onLine(line);
  };
  const lines = follow();
  try {
    await ensureComponent(spec, context);
    return await ended(spec.id, context);
  } catch (error) {
    if (signal.aborted) await runtime.stop(spec.id, new AbortController().signal);
    throw error;
  } finally {
    await sleep(SETTLE_MS); // what it wrote last
    following.abort();
    await lines;
  }
}

/**
 * Several components in the foreground, while `work` starts and minds them: their log lines from now on go out as events, and they are stopped when
 * it is over. When aborted, the abort's reason is thrown after that.
 */
export async function runAllAttached(
  specs: readonly ComponentSpec[],
  { runtime, emit, signal }: Pick<RunContext, 'runtime' | 'emit' | 'signal'>,
  work: () => Promise<void>,
): Promise<void> {
  const ids = specs.map(({ id }) => id);
  const following = new AbortController();
  const follow = async (id: string): Promise<void> => {
    const onLine = (line: string): void => emit({ type: 'log', component: id, line });
    for await (const line of runtime.logs(id, { follow: true, tail: 0 }, following.signal)) onLine(line);
  };
  const lines = Promise.all(ids.map(follow));
  emit({ type: 'notice', message: `${ids.join(', ')}: Ctrl-C stops them` });
  try {
    await work();
  } finally {
    const stopping = new AbortController();
    await Promise.allSettled(ids.map((id) => runtime.stop(id, stopping.signal)));
    following.abort();
    await lines;
  }
  signal.throwIfAborted();
}

/** How it ended. A component that another command stopped has no record any more, or loses it in a moment. */
async function ended(id: string, { runtime, signal }: RunContext): Promise<ComponentStatus> {
  const gone = async (): Promise<ComponentStatus | undefined> => {
    const status = await runtime.inspect(id);
    return status.state === 'running' ? undefined : status;
  };
  const status = await poll(gone, { intervalMs: 200, signal });
  await sleep(SETTLE_MS, signal);
  if ((await runtime.inspect(id)).state !== 'missing') return status;
  throw new DevkitError('INTERRUPTED', `${id} was stopped by another command`);
}
