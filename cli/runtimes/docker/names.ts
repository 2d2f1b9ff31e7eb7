import { createHash } from 'node:crypto';
import type { DevnetPaths } from '../../core/paths.ts';

/** Two workspaces may both have a devnet `default`: the folder tells them apart. */
const folderId = (paths: DevnetPaths): string => createHash('sha256').update(paths.dir).digest('hex').slice(0, 6);

/** `devkit-default-1a2b3c`, also the name of the devnet's network. */
const prefix = (paths: DevnetPaths): string => `devkit-${paths.name}-${folderId(paths)}`;

export const networkName = (paths: DevnetPaths): string => prefix(paths);

export const containerName = (paths: DevnetPaths, component: string): string => `${prefix(paths)}-${component}`;

/** `short` is the name that mounts use, e.g. `postgres`. */
export const volumeName = (paths: DevnetPaths, short: string): string => `${prefix(paths)}-${short}`;
