import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DevkitError } from './errors.ts';

const WORKSPACE_DIR = '.devkit';
const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?$/;

/** The nearest folder, upwards from `start`, that has `.devkit/`; else `start` itself. */
export function findWorkspace(start: string): string {
  const from = resolve(start);
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, WORKSPACE_DIR))) return dir;
    if (dir === dirname(dir)) return from;
  }
}

/** Where things of one devnet lie. All absolute. */
export interface DevnetPaths {
  workspace: string;
  name: string;
  /** State folder of the devnet. */
  dir: string;
  stateFile: string;
  /** Lock for read-change-write of the state file. */
  stateLock: string;
  /** One file per component of what was started (process runtime). */
  runDir: string;
  /** One file per component that was started in a container, and what containers are given. */
  containersDir: string;
  logsDir: string;
  /** Touched by `down`: commands that keep the devnet running see it and end. */
  downMarker: string;
  /** Log of the kit itself. */
  kitLog: string;
  dataDir: string;
  /** Files for the user's own tools, written by `env`. */
  toolsDir: string;
  postgresData: string;
  /** Where quickstart puts its ecosystem. */
  defaultEcosystemDir: string;
}

/** @throws DevkitError USAGE for a name that is not lower case letters, digits, `-` and `_`, 40 at most. */
export function devnetPaths(workspace: string, name: string): DevnetPaths {
  if (!NAME.test(name)) {
    throw new DevkitError('USAGE', `'${name}' is not a devnet name: lower case letters, digits, - and _, 40 at most`);
  }
  // one name for one folder, whatever links lead to it: running components are recognised by it
  const real = existsSync(workspace) ? realpathSync(workspace) : resolve(workspace);
  const dir = join(real, WORKSPACE_DIR, 'devnets', name);
  return {
    workspace: real,
    name,
    dir,
    stateFile: join(dir, 'state.json'),
    stateLock: join(dir, 'state.lock'),
    runDir: join(dir, 'run'),
    containersDir: join(dir, 'containers'),
    logsDir: join(dir, 'logs'),
    downMarker: join(dir, 'down'),
    kitLog: join(dir, 'devkit.log'),
    dataDir: join(dir, 'data'),
    toolsDir: join(dir, 'tools'),
    postgresData: join(dir, 'data', 'postgres'),
    defaultEcosystemDir: join(dir, 'ecosystem'),
  };
}

/** Log file of a component. */
export const componentLog = (paths: DevnetPaths, component: string): string => join(paths.logsDir, `${component}.log`);

/** Names of the devnets of a workspace, sorted: also those whose creation was interrupted before a state file was there. */
export function listDevnets(workspace: string): string[] {
  const dir = join(resolve(workspace), WORKSPACE_DIR, 'devnets');
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && NAME.test(entry.name))
    .map((entry) => entry.name)
    .sort();
}
