import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../../lib/atomic-file.ts';
import type { DevnetPaths } from '../../core/paths.ts';

/**
 * Written before a container is made and removed with it, so that a command can tell without an engine that the devnet has
 * containers, and where. The container itself, found by name and label, is the truth.
 */
export interface ContainerRecord {
  version: 1;
  /** `unix:///…` */
  engine: string;
  /** Name of the container. */
  name: string;
  /** When the kit last started it, as the log's times are written: what was logged later is of this start. */
  logSince: string;
}

const recordFile = (paths: DevnetPaths, id: string): string => join(paths.containersDir, `${id}.json`);

export const readContainerRecord = (paths: DevnetPaths, id: string): Promise<ContainerRecord | undefined> =>
  readJson<ContainerRecord>(recordFile(paths, id));

export const writeContainerRecord = (paths: DevnetPaths, id: string, record: ContainerRecord): Promise<void> =>
  writeFileAtomic(recordFile(paths, id), `${JSON.stringify(record)}\n`);

export const removeContainerRecord = (paths: DevnetPaths, id: string): Promise<void> =>
  rm(recordFile(paths, id), { force: true });

/** Ids of the components that have a container, as far as is written down; asks no engine. */
export function recordedContainers(paths: DevnetPaths): string[] {
  try {
    return readdirSync(paths.containersDir, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map((entry) => entry.name.slice(0, -'.json'.length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
