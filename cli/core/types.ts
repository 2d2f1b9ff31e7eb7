/** Vocabulary of the kit: what a component is, what a step is, what a runtime can do. Pure types, no I/O. */

/** A program of this machine, resolved by `cli/host/programs.ts` (process runtime) or an image (docker runtime). */
export type ProgramName = 'node' | 'postgres' | 'anvil';

/** A program that the user has: an absolute path, or a bare name that is looked up on PATH. */
export interface ProgramPath {
  path: string;
  /** Who says so, for messages: `/w/devkit.yaml:7 (binaries.gateway)`. */
  from?: string;
}

export type Program = ProgramName | ProgramPath;

/** HOW components run. */
export type RuntimeName = 'process' | 'docker';

export interface Port {
  /** Name inside the component, e.g. `http`, `metrics`. */
  name: string;
  port: number;
}

/** When a component counts as ready. Probes ask the component itself; log lines are never parsed. */
export type Probe =
  | { kind: 'http'; url: string; status?: number }
  | { kind: 'jsonrpc'; url: string; method: string }
  | { kind: 'sql'; url: string }
  | { kind: 'tcp'; host: string; port: number };

export interface Need {
  component: string;
  /** `ready`: its probe answered; `started`: it runs. */
  condition: 'ready' | 'started';
}

export interface Resources {
  ramMiB?: number;
  vramMiB?: number;
  cpus?: number;
  diskBytes?: number;
  exclusiveGpu?: boolean;
}

export interface Mount {
  /** Absolute path on this machine, or the short name of a volume of the devnet (`postgres`). */
  source: string;
  /** Absolute path in the container. */
  target: string;
  readOnly?: boolean;
}

/** An image made on this machine from `compose/images/<local>`, or one of a registry. */
export type ImageRef = { local: string } | { reference: string };

/** The same component as a container: what differs from the process. Ports, needs, probe and stop are those of the spec. */
export interface ContainerForm {
  image: ImageRef;
  /** After the image's entrypoint. */
  argv: string[];
  /** Instead of the image's entrypoint. */
  entrypoint?: string[];
  /** On top of the spec's `env`. */
  env?: Record<string, string>;
  /** Working directory; default: the image's. */
  cwd?: string;
  /** `uid:gid`; default: the image's user. */
  user?: string;
  mounts: Mount[];
  /** `devnet`: the devnet's own bridge, alias = component id, ports published on loopback. `host`: the machine's network, as upstream's `--net=host`. */
  network: 'devnet' | 'host';
  /** Own programs run with a read-only root file system (and a tmpfs /tmp), no capabilities; other projects' images as they are made. */
  hardened: boolean;
  /** False: the engine leaves it ended. Default: it is started again after a failure, a few times. */
  restart?: boolean;
  limits?: { memoryMiB?: number; cpus?: number; pids?: number };
  /** UUIDs, or all of the machine. */
  gpus?: 'all' | readonly string[];
}

/** One thing that runs. The same spec serves every runtime. */
export interface ComponentSpec {
  id: string;
  program: Program;
  /** Arguments after the program. For `node` the first one is the script. */
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  ports: Port[];
  needs: Need[];
  ready: Probe;
  resources: Resources;
  stop: { signal: 'SIGTERM' | 'SIGINT'; graceMs: number };
  /** Run as this unprivileged account when the kit runs as root (postgres refuses uid 0). */
  unprivileged?: boolean;
  /** How it runs in a container; the docker runtime refuses a component without. */
  container?: ContainerForm;
}

/** What a runtime knows of a component it started. */
export interface ComponentStatus {
  id: string;
  /** Where it was started; absent when it is missing. */
  runtime?: RuntimeName;
  state: 'running' | 'exited' | 'missing';
  pid?: number;
  /** Set when it ended: exit code, or the signal that ended it. */
  exitCode?: number;
  signal?: string;
  /** The kernel killed it because it reached its memory limit. */
  outOfMemory?: boolean;
  startedAt?: string;
  logFile?: string;
  /** Unique per start; workers write it into `picked_by`. */
  podName?: string;
}

/** HOW components run. Holds only what every runtime does. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Starts the component (detached, survives the kit) and returns once it runs; readiness is the caller's business. */
  start(spec: ComponentSpec, signal: AbortSignal): Promise<ComponentStatus>;
  /**
   * Graceful stop (signal, grace, SIGKILL). Stopping what does not run is not an error. `onEnded` is called, once or more, as soon as its
   * program has ended: what it needed may be stopped then, while the rest of it is cleared away.
   */
  stop(id: string, signal: AbortSignal, onEnded?: () => void): Promise<void>;
  inspect(id: string): Promise<ComponentStatus>;
  list(): Promise<ComponentStatus[]>;
  /** Log lines; with `follow` until aborted. */
  logs(id: string, options: { follow: boolean; tail?: number }, signal: AbortSignal): AsyncIterable<string>;
}

export type StepCheck = { state: 'done' } | { state: 'missing' } | { state: 'stale'; reason: string };

/** A step of a plan: safe to repeat; `check` decides whether `apply` is needed. `C` is the system's own context. */
export interface Step<C = unknown> {
  id: string;
  title: string;
  /** Ids of steps (or `component:<id>` for a component being ready) that come first. */
  needs: string[];
  check(ctx: C, signal: AbortSignal): Promise<StepCheck>;
  apply(ctx: C, signal: AbortSignal): Promise<void>;
}

/** One proof request, whatever the system calls it. */
export interface JobGroup {
  /** e.g. `basic circuits`, `leaf aggregation`, `compression`. */
  stage: string;
  /** Short label of the kind inside the stage, e.g. `9 StorageFilter`. */
  kind: string;
  queued: number;
  waiting: number;
  inProgress: number;
  successful: number;
  failed: number;
}
