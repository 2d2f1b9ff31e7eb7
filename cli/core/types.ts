/** Vocabulary of the kit: what a component is, what a step is, what a runtime can do. Pure types, no I/O. */

/** A program of this machine, resolved by `cli/host/programs.ts` (process runtime) or an image (docker runtime). */
export type ProgramName = 'node' | 'postgres' | 'anvil';

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

/** One thing that runs. The same spec serves every runtime. */
export interface ComponentSpec {
  id: string;
  program: ProgramName;
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
}

/** What a runtime knows of a component it started. */
export interface ComponentStatus {
  id: string;
  state: 'running' | 'exited' | 'missing';
  pid?: number;
  /** Set when it ended: exit code, or the signal that ended it. */
  exitCode?: number;
  signal?: string;
  startedAt?: string;
  logFile?: string;
  /** Unique per start; workers write it into `picked_by`. */
  podName?: string;
}

/** HOW components run. Holds only what every runtime does. */
export interface Runtime {
  readonly name: 'process' | 'docker';
  /** Starts the component (detached, survives the kit) and returns once it runs; readiness is the caller's business. */
  start(spec: ComponentSpec, signal: AbortSignal): Promise<ComponentStatus>;
  /** Graceful stop (signal, grace, SIGKILL). Stopping what does not run is not an error. */
  stop(id: string, signal: AbortSignal): Promise<void>;
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
