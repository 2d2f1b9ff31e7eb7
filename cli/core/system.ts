/** What a proof system brings. The rest of the kit knows systems by these shapes only; `systems/<name>/index.ts` exports one as `system`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DevnetPaths } from './paths.ts';
import type { RequirementSet, Requirements } from './requirements.ts';
import type { Stack } from './stack.ts';
import type { DevnetState } from './state.ts';
import type { ComponentSpec, JobGroup, Step } from './types.ts';

const SYSTEMS_DIR = join(import.meta.dirname, '../../systems');

/** The system of a devnet that nobody named one for. */
export const DEFAULT_SYSTEM = 'zksync';

/** The folders in `systems/`, sorted. */
export const systemNames = (): string[] =>
  readdirSync(SYSTEMS_DIR, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** @throws Error for a name that is none of `systemNames` */
export async function loadSystem(name: string): Promise<System> {
  if (!systemNames().includes(name)) throw new Error(`there is no system '${name}'`);
  return ((await import(join(SYSTEMS_DIR, name, 'index.ts'))) as { system: System }).system;
}

export interface System {
  name: string;
  /** What `images`, `binaries` and `memory` of a stack may name. */
  stackNames: Readonly<Record<'images' | 'binaries' | 'memory', readonly string[]>>;
  /** What a machine needs for each variant. */
  requirements: Partial<Readonly<Record<RequirementSet, Requirements>>>;
  /** Ports of a new devnet, by name: they move as one block. */
  defaultPorts(): Promise<Readonly<Record<string, number>>>;
  /** What there is to start, do and read in a devnet. Absent: the kit opens its devnets by files that other tools share (zkstack's). */
  open?(place: SystemPlace): Promise<OpenedSystem>;
}

/** Where a devnet is, and what was chosen for it. */
export interface SystemPlace {
  paths: DevnetPaths;
  /** Ports, runtime, variant. */
  state: DevnetState;
  stack: Stack;
  containers: ContainerPlaces;
}

/** What the containers of a devnet are given of this machine. */
export interface ContainerPlaces {
  /** Copies of the configuration files, readable by `user`. */
  configsDir: string;
  /** Reference strings, keys and `bb`; only read. */
  cacheDir: string;
  /** Where Node keeps compiled code between starts; written to. */
  compileCacheDir: string;
  /** `uid:gid` that the folders written to belong to. */
  user: string;
  /** `devnet`: all of the devnet are containers. `host`: one container beside processes, with upstream's `--net=host`. */
  network: 'devnet' | 'host';
}

export interface OpenedSystem {
  /** Everything that `up` starts, in no order: `needs` orders it. */
  components: ComponentSpec[];
  /** What comes before any of them is started: files, reference strings. */
  before: Step<SystemPlace>[];
  /** What comes after: a step needs components as `component:<id>`. */
  after: Step<SystemPlace>[];
  /** For `env`: how the user's own tools reach the devnet. */
  variables: Readonly<Record<string, string>>;
  /** Files that those tools read, by path in a folder of theirs; they may hold secrets. */
  toolFiles?: Readonly<Record<string, string>>;
  proving: ProvingFacts;
  /** Files and folders of this machine that `configsDir` of the containers is to have, by name in it. */
  containerFiles: Readonly<Record<string, string>>;
  openJobs(): JobReader;
}

/** What the proofs of a devnet are worth. */
export interface ProvingFacts {
  variant: string;
  /** Absent where proofs are not aggregated. */
  aggregation?: string;
  /** `dev`, `ignition` or a folder. */
  crs: string;
}

/** One look at the job tables. */
export interface JobTick {
  /** ISO 8601. */
  at: string;
  /** In the system's own words. */
  state: string;
  /** Set once nothing more will happen to what is watched. */
  outcome?: 'done' | 'failed';
  groups: JobGroup[];
}

export interface JobReader extends AsyncDisposable {
  /** Grouped queries, never one per job. `job`: what the system watches (an order's key, a batch number); absent: all, or the newest. */
  tick(job?: string): Promise<JobTick>;
}
