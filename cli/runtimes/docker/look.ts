import type { DevnetPaths } from '../../core/paths.ts';
import type { ComponentStatus } from '../../core/types.ts';
import { type Container, findContainer } from './containers.ts';
import type { Engine } from './engine.ts';
import { readLines } from './logs.ts';
import { readContainerRecord } from './record.ts';
import { endingFromEvents, statusFrom, withOutOfMemory } from './status.ts';

/** What was seen last of a component, per runtime: Docker starts ended containers again within milliseconds. */
export interface Look {
  containerId: string;
  startedAt: string;
  restartCount: number;
  /** The start at `startedAt` was seen to have ended. */
  ended?: { status: ComponentStatus; at: string };
}

export interface LookContext {
  paths: DevnetPaths;
  engine: Engine;
  /** By component. */
  looks: Map<string, Look>;
}

/**
 * The component's status. An end counts until `start` is called, also when Docker has started the container again since, or did so
 * between two looks: so every end is seen by whoever watches, however short it was.
 */
export async function inspectComponent({ paths, engine, looks }: LookContext, id: string): Promise<ComponentStatus> {
  const container = await findContainer(engine, paths, id);
  if (!container) {
    looks.delete(id);
    return { id, state: 'missing' };
  }
  const { State: state } = container;
  const look = looks.get(id);
  const same = look?.containerId === container.Id ? look : undefined;
  if (same?.ended) return same.ended.status;
  const status = await withOutOfMemory(engine, container, statusFrom(container));
  if (status.state === 'exited') {
    // the engine notes the end a moment before the last lines arrive
    looks.set(id, { ...lookAt(container), ended: { status, at: later(state.FinishedAt) } });
    return status;
  }
  if (same && same.startedAt !== state.StartedAt) return unseenEnd(engine, looks, id, same, container);
  looks.set(id, lookAt(container));
  return status;
}

/** It runs, but not since the same time as before. */
async function unseenEnd(
  engine: Engine,
  looks: LookContext['looks'],
  id: string,
  look: Look,
  container: Container,
): Promise<ComponentStatus> {
  const ending = await endingFromEvents(engine, container.Id, look.startedAt);
  const { pid: _, ...running } = statusFrom(container);
  const status: ComponentStatus = { ...running, startedAt: look.startedAt, state: 'exited', ...ending };
  looks.set(id, { ...look, ended: { status, at: later(container.State.FinishedAt) } });
  return status;
}

export const lookAt = (container: Container): Look => ({
  containerId: container.Id,
  startedAt: container.State.StartedAt,
  restartCount: container.RestartCount,
});

/** Last lines of the start that was seen to have ended, else of the one that runs or ran last. */
export async function lastLinesOf(context: LookContext, id: string, lines: number): Promise<string[]> {
  const { paths, engine, looks } = context;
  const container = await findContainer(engine, paths, id);
  if (!container) return [];
  const known = looks.get(id);
  const look = known?.containerId === container.Id && known.ended ? known : lookAt(container);
  const restarted = look.startedAt !== container.State.StartedAt;
  const since = await beginOf(paths, id, look);
  const until = restarted ? look.ended?.at : undefined;
  return readLines(engine, container.Id, { since, lines, ...(until === undefined ? {} : { until }) });
}

/** The engine writes `StartedAt` down a moment after the program began to write; between two starts there is more time than this. */
const STARTED_LATE_MS = 100;

/** When the first line of this start may have been written. */
async function beginOf(paths: DevnetPaths, id: string, look: Look): Promise<string> {
  const record = look.restartCount === 0 ? await readContainerRecord(paths, id) : undefined;
  return record?.logSince ?? shifted(look.startedAt, -STARTED_LATE_MS);
}

const later = (at: string): string => shifted(at, STARTED_LATE_MS);

/** Same form as the engine's times, so that they compare as text. */
const shifted = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString().replace('Z', '000000Z');
