import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../../lib/atomic-file.ts';
import type { ComponentSpec, ComponentStatus, Port } from '../../core/types.ts';
import { bootId, findByEnvironment, isAlive } from '../../host/proc.ts';

/**
 * What is written down about a start, one file per component. The file exists before the process does (without pid), and the
 * process carries the same `podName` in its environment: a kit killed in between leaves something that can be found.
 */
export interface StartRecord {
  version: 1;
  id: string;
  podName: string;
  specDigest: string;
  program: string;
  ports: Port[];
  /** Ids of the components it needs, for stopping in the right order. */
  needs: string[];
  stop: ComponentSpec['stop'];
  logFile: string;
  /** Size of the log when this start began: what follows is its own. */
  logOffset: number;
  bootId: string;
  pid?: number;
  startTicks?: number;
  startedAt: string;
  /** How it ended, when a kit was there to see it. */
  exitCode?: number;
  signal?: string;
}

export const TAG_DEVNET = 'DEVKIT_DEVNET_DIR';
export const TAG_COMPONENT = 'DEVKIT_COMPONENT';
export const TAG_POD = 'POD_NAME';

export const recordFile = (runDir: string, id: string): string => join(runDir, `${id}.json`);
export const recordLock = (runDir: string, id: string): string => join(runDir, `${id}.lock`);

export const readRecord = (runDir: string, id: string): Promise<StartRecord | undefined> =>
  readJson<StartRecord>(recordFile(runDir, id));

export const writeRecord = (runDir: string, record: StartRecord): Promise<void> =>
  writeFileAtomic(recordFile(runDir, record.id), `${JSON.stringify(record)}\n`);

export const removeRecord = (runDir: string, id: string): Promise<void> => rm(recordFile(runDir, id), { force: true });

/** Ids of the components that were ever started here and not stopped. */
export function recordedIds(runDir: string): string[] {
  try {
    return readdirSync(runDir)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Equal for specs that start the same process. */
export function specDigest(spec: ComponentSpec, program: string): string {
  const env = Object.entries(spec.env).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [program, spec.argv, env, spec.cwd, spec.ports, spec.unprivileged ?? false];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

export interface LiveProcess {
  pid: number;
  startTicks: number;
}

/** The process of a record if it still runs: by pid and start time, or by its tag when the kit died before it wrote them. */
export function liveProcess(record: StartRecord): LiveProcess | undefined {
  if (record.bootId !== bootId()) return undefined;
  const { pid, startTicks } = record;
  if (pid !== undefined && startTicks !== undefined) return isAlive(pid, startTicks) ? { pid, startTicks } : undefined;
  const tagged = findByEnvironment({ [TAG_POD]: record.podName });
  const leader = tagged.find((info) => !tagged.some((other) => other.pid === info.ppid));
  return leader && { pid: leader.pid, startTicks: leader.startTicks };
}

export function statusOf(id: string, record: StartRecord | undefined): ComponentStatus {
  if (!record) return { id, state: 'missing' };
  const live = liveProcess(record);
  const common = { id, logFile: record.logFile, podName: record.podName };
  if (live) {
    return { ...common, state: 'running', pid: live.pid, startedAt: record.startedAt };
  }
  return {
    ...common,
    state: 'exited',
    startedAt: record.startedAt,
    ...(record.exitCode === undefined ? {} : { exitCode: record.exitCode }),
    ...(record.signal === undefined ? {} : { signal: record.signal }),
  };
}
