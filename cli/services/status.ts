import type { DevnetPaths } from '../core/paths.ts';
import { type DevnetState, readState } from '../core/state.ts';
import type { ProvingFacts } from '../core/system.ts';
import type { ComponentSpec, ComponentStatus, Port } from '../core/types.ts';
import { askProbe } from '../runtimes/ready/probe.ts';
import type { ComponentUsage, ManagedRuntime } from '../runtimes/runtime.ts';

export interface ComponentReport extends ComponentStatus {
  /** Whether its probe answers now; only for running components whose spec was given. */
  ready?: boolean;
  ports: Port[];
  uptimeMs?: number;
  usage?: ComponentUsage;
}

export interface DevnetStatus {
  devnet: string;
  workspace: string;
  /** `stopped`: nothing runs; `partial`: some of what was started does not. */
  state: 'running' | 'partial' | 'stopped';
  /** Undefined when creation was interrupted before a state file was there. */
  settings: DevnetState | undefined;
  /** What its proofs are worth; undefined before its chain has a configuration. */
  proving: ProvingFacts | undefined;
  components: ComponentReport[];
  /** Sums over running components. */
  total: { rssBytes: number; pssBytes: number | undefined; processes: number };
}

export interface StatusOptions {
  paths: DevnetPaths;
  runtime: ManagedRuntime;
  /** The desired components, if known: those not started are listed as missing, running ones are probed. */
  specs?: readonly ComponentSpec[];
  proving?: ProvingFacts;
  signal: AbortSignal;
}

/** What runs of a devnet, with ports, uptime and memory. */
export async function devnetStatus(options: StatusOptions): Promise<DevnetStatus> {
  const { paths, runtime, specs = [], signal } = options;
  const started = await runtime.list();
  const missing = specs.filter((spec) => !started.some((status) => status.id === spec.id));
  const statuses: ComponentStatus[] = [...started, ...missing.map(({ id }) => ({ id, state: 'missing' as const }))];
  const components = await Promise.all(
    statuses.map((status) =>
      report(
        status,
        specs.find((spec) => spec.id === status.id),
        runtime,
        signal,
      ),
    ),
  );
  const usages = components.flatMap((component) => component.usage ?? []);
  const running = components.filter((component) => component.state === 'running').length;
  return {
    devnet: paths.name,
    workspace: paths.workspace,
    state: running === 0 ? 'stopped' : running === components.length ? 'running' : 'partial',
    settings: await readState(paths),
    proving: options.proving,
    components,
    total: {
      rssBytes: usages.reduce((sum, usage) => sum + usage.rssBytes, 0),
      pssBytes: usages.reduce<number | undefined>(
        (sum, { pssBytes }) => (sum === undefined || pssBytes === undefined ? undefined : sum + pssBytes),
        0,
      ),
      processes: usages.reduce((sum, usage) => sum + usage.processes, 0),
    },
  };
}

async function report(
  status: ComponentStatus,
  spec: ComponentSpec | undefined,
  runtime: ManagedRuntime,
  signal: AbortSignal,
): Promise<ComponentReport> {
  const ports = spec?.ports ?? (await runtime.describe(status.id))?.ports ?? [];
  if (status.state !== 'running') return { ...status, ports };
  const usage = await runtime.usage(status.id);
  const uptimeMs = status.startedAt === undefined ? undefined : Date.now() - Date.parse(status.startedAt);
  return {
    ...status,
    ports,
    ...(spec ? { ready: (await askProbe(spec.ready, 1_000, signal)) === undefined } : {}),
    ...(uptimeMs === undefined ? {} : { uptimeMs }),
    ...(usage ? { usage } : {}),
  };
}
