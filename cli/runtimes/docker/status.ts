import type { ComponentStatus } from '../../core/types.ts';
import type { Container } from './containers.ts';
import type { Engine } from './engine.ts';
import { engineCall } from './errors.ts';
import { LABEL } from './labels.ts';

const KILLED = 137;

/**
 * What a look at a container says of its component. One that Docker is about to start again counts as exited, one that was
 * made and never started as missing. Asks for nothing.
 */
export function statusFrom(container: Container): ComponentStatus {
  const { State: state, Config: config } = container;
  const id = config.Labels[LABEL.component] ?? container.Name.replace(/^\//, '');
  if (state.Status === 'created') return { id, state: 'missing' };
  const podName = config.Env.find((entry) => entry.startsWith('POD_NAME='))?.slice('POD_NAME='.length);
  const common = {
    id,
    startedAt: state.StartedAt,
    ...(container.LogPath === '' ? {} : { logFile: container.LogPath }),
    ...(podName === undefined ? {} : { podName }),
  };
  if (state.Running && !state.Restarting) return { ...common, state: 'running', pid: state.Pid };
  return {
    ...common,
    state: 'exited',
    exitCode: state.ExitCode,
    ...(state.OOMKilled ? { outOfMemory: true } : {}),
  };
}

/** How the start that began at `startedAt` ended, from the engine's memory of events; `exitCode` is absent when it forgot. */
export interface Ending {
  exitCode?: number;
  outOfMemory?: boolean;
}

/** @param since RFC 3339 */
export async function endingFromEvents(engine: Engine, containerId: string, since: string): Promise<Ending> {
  const events = await readEvents(engine, containerId, since);
  const codes = events
    .filter((event) => event.Action === 'die')
    .map((event) => Number(event.Actor?.Attributes?.exitCode));
  const exitCode = codes.at(-1);
  return {
    ...(exitCode === undefined || Number.isNaN(exitCode) ? {} : { exitCode }),
    ...(events.some((event) => event.Action === 'oom') ? { outOfMemory: true } : {}),
  };
}

/** The engine does not always flag a container whose child was killed for memory; the event is there. */
export async function withOutOfMemory(
  engine: Engine,
  container: Container,
  status: ComponentStatus,
): Promise<ComponentStatus> {
  if (status.state !== 'exited' || status.exitCode !== KILLED || status.outOfMemory) return status;
  if (!container.HostConfig.Memory) return status; // no limit of its own
  const { outOfMemory } = await endingFromEvents(engine, container.Id, container.State.StartedAt);
  return outOfMemory ? { ...status, outOfMemory } : status;
}

interface ContainerEvent {
  Action?: string;
  Actor?: { Attributes?: Record<string, string> };
}

async function readEvents({ docker, host }: Engine, containerId: string, since: string): Promise<ContainerEvent[]> {
  return engineCall({ host, action: 'read its events' }, async () => {
    const stream = await docker.getEvents({
      since: Date.parse(since) / 1000,
      until: Date.now() / 1000, // not later, or the engine waits for more
      filters: { container: [containerId], event: ['die', 'oom'] },
    });
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as ContainerEvent);
  });
}
