import { DevkitError } from '../core/errors.ts';
import type { EventSink } from '../core/events.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { waitReady } from '../runtimes/ready/wait-ready.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';

/** What everything that starts components needs. */
export interface RunContext {
  runtime: ManagedRuntime;
  emit: EventSink;
  signal: AbortSignal;
  /** How long a component may take until its probe answers; default 60 s. */
  readyTimeoutMs?: number;
  /** Leave a running component as it is even if its spec is another one (e.g. started by hand with other flags). */
  keepChanged?: boolean;
  /** Called with a component that ended by itself, before it is started again (e.g. to requeue what it was working on). */
  onExit?: (status: ComponentStatus) => Promise<void>;
}

/** Gets a component running from this spec (a running one of an equal spec stays) and, with `ready`, waits for its probe. */
export async function ensureComponent(
  spec: ComponentSpec,
  context: RunContext,
  onStarted?: (status: ComponentStatus) => void,
): Promise<ComponentStatus> {
  const { runtime, emit, signal } = context;
  const before = await runtime.inspect(spec.id);
  if (before.state === 'exited') await reportExit(before, context);
  const begin = performance.now();
  // somebody who runs it in the other runtime means it
  const elsewhere = before.runtime !== undefined && before.runtime !== runtime.name;
  const keep = before.state === 'running' && (context.keepChanged || elsewhere);
  const status = keep ? before : await runtime.start(spec, signal);
  const adopted = before.state === 'running' && before.podName === status.podName;
  if (!adopted) {
    emit({
      type: 'component.started',
      component: spec.id,
      ports: spec.ports,
      ...(status.pid === undefined ? {} : { pid: status.pid }),
      ...(status.podName === undefined ? {} : { podName: status.podName }),
    });
  }
  onStarted?.(status);
  const ready = await waitReady(
    spec,
    runtime,
    signal,
    context.readyTimeoutMs === undefined ? {} : { timeoutMs: context.readyTimeoutMs },
  ).catch(async (error: unknown) => {
    throw (await refusal(await runtime.inspect(spec.id), runtime)) ?? error;
  });
  emit({ type: 'component.ready', component: spec.id, waitedMs: Math.round(performance.now() - begin), adopted });
  return ready;
}

/** Exit code of our components for a command line, configuration or keys that they cannot use. */
const REFUSED = 2;

/** The one line in which a component said what it cannot use; starting it again is of no use. Undefined when it did not end that way. */
export async function refusal(status: ComponentStatus, runtime: ManagedRuntime): Promise<DevkitError | undefined> {
  if (status.state !== 'exited' || status.exitCode !== REFUSED) return undefined;
  const said = (await runtime.lastLines(status.id, 20)).flatMap(fatalMessage).at(-1);
  if (said === undefined) return undefined;
  return new DevkitError('COMPONENT_FAILED', `${status.id} cannot start: ${said}`, {
    hint: `mend that, then: devkit up   (whole log: devkit logs ${status.id})`,
    details: { component: status.id, exitCode: status.exitCode },
  });
}

function fatalMessage(line: string): string[] {
  if (!line.includes('"fatal"')) return [];
  try {
    const { msg } = JSON.parse(line) as { msg?: string };
    return msg === undefined ? [] : [msg];
  } catch {
    return [];
  }
}

/** Tells that a component ended by itself. */
export async function reportExit(status: ComponentStatus, context: RunContext): Promise<void> {
  context.emit({
    type: 'component.exited',
    component: status.id,
    ...(status.exitCode === undefined ? {} : { exitCode: status.exitCode }),
    ...(status.signal === undefined ? {} : { signal: status.signal }),
    ...(status.outOfMemory ? { outOfMemory: true } : {}),
    ...(status.podName === undefined ? {} : { podName: status.podName }),
  });
  await context.onExit?.(status);
}
