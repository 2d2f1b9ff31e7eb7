/** GPUs of a devnet: chosen before anything is started, leased for as long as something uses them. */
import { join } from 'node:path';
import type { PlacementDevice } from '../core/devices.ts';
import { type DeviceChoice, deviceTable } from '../core/devices.ts';
import type { DevnetPaths } from '../core/paths.ts';
import { type Placement, placeDevices, requirePlacement } from '../core/placement.ts';
import type { HostRoom } from '../core/placement-host.ts';
import type { ComponentSpec } from '../core/types.ts';
import { hostFacts } from '../host/facts.ts';
import { driverFacts, gpuProcesses } from '../host/gpu/driver.ts';
import { leaseGpu, listLeases, releaseGpu } from '../host/gpu-lease.ts';
import { processTree } from '../host/proc.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import { type SuperviseOptions, superviseWhile } from './converge.ts';
import { type PhasedOptions, type PhaseJobs, PROVER_PHASES, takingTurns, whilePhased } from './phases.ts';

/** What is placed on: the machine's devices, or a table of a test. */
export interface DeviceTable {
  devices: readonly PlacementDevice[];
  host: HostRoom;
}

export type Placed = Exclude<Placement, { kind: 'refused' }>;

export interface PlaceOptions {
  paths: DevnetPaths;
  runtime: ManagedRuntime;
  device: DeviceChoice;
  /** Default: what the machine has now. */
  table?: DeviceTable | undefined;
  leaseDir?: string | undefined;
  signal: AbortSignal;
}

/**
 * Where each component goes. Specs that use no GPU are not weighed unless a GPU was asked for: a laptop runs the reference components in
 * the memory it has. @throws DevkitError HOST_UNFIT with the arithmetic
 */
export async function placeSpecs(specs: readonly ComponentSpec[], options: PlaceOptions): Promise<Placed> {
  const usesGpu = specs.some(({ resources }) => (resources.vramMiB ?? 0) > 0 || resources.exclusiveGpu);
  const { device } = options;
  if (!usesGpu && (device === 'auto' || device === 'cpu')) {
    return { kind: 'fit', assignments: specs.map(({ id }) => ({ component: id, device: 'cpu' })) };
  }
  const { devices, host } = options.table ?? (await machineTable(specs, options));
  const demands = specs.map(({ id, resources }) => ({ component: id, resources }));
  return requirePlacement(placeDevices(demands, devices, host, { device, phases: PROVER_PHASES }));
}

/** Before anything is made: that there is what `--device` asks for. @throws DevkitError HOST_UNFIT */
export async function requireDevices(
  device: DeviceChoice,
  { table, signal }: Pick<PlaceOptions, 'table' | 'signal'>,
): Promise<void> {
  if (device === 'auto' || device === 'cpu') return;
  const own = { dir: '', pids: new Set<number>() };
  const gpus = table ? [] : (await driverFacts({ env: process.env, signal })).gpus;
  const devices = table?.devices ?? deviceTable({ gpus, processes: [], leases: [], own });
  requirePlacement(placeDevices([], devices, table?.host ?? { ramMiB: 0, cpus: 0, diskBytes: 0 }, { device }));
}

/** This machine as these components see it: what they hold themselves, and leases of their devnet, do not stand in their way. */
export async function machineTable(
  specs: readonly ComponentSpec[],
  { paths, runtime, leaseDir, signal }: PlaceOptions,
): Promise<DeviceTable> {
  const run = { env: process.env, signal };
  const [driver, processes, leases, facts, running] = await Promise.all([
    driverFacts(run),
    gpuProcesses(run),
    listLeases(leaseDir === undefined ? {} : { leaseDir }),
    hostFacts(paths.dir),
    runtime.list(),
  ]);
  const placed = new Set(specs.map(({ id }) => id));
  const pids = running.flatMap(({ id, state, pid }) =>
    placed.has(id) && state === 'running' && pid !== undefined ? processTree(pid) : [],
  );
  const own = { dir: paths.dir, pids: new Set(pids.map(({ pid }) => pid)) };
  return {
    devices: deviceTable({ gpus: driver.gpus, processes, leases, own }),
    host: {
      ramMiB: Math.floor(facts.ramBytes / 2 ** 20),
      cpus: facts.cores,
      diskBytes: facts.diskFreeBytes,
    },
  };
}

/** UUIDs by component. A component has one device in all phases it runs in. */
export function devicesOf(placed: Placed): Map<string, string> {
  const all = placed.kind === 'fit' ? placed.assignments : placed.phases.flatMap(({ assignments }) => assignments);
  return new Map(all.filter(({ device }) => device !== 'cpu').map(({ component, device }) => [component, device]));
}

/** What may be started by somebody who will not give turns: the first one's, unless one of them runs already. */
export async function startableNow(
  placed: Placed,
  specs: readonly ComponentSpec[],
  runtime: ManagedRuntime,
): Promise<ComponentSpec[]> {
  if (placed.kind === 'fit') return [...specs];
  const turns = takingTurns(placed);
  const running = (await runtime.list()).filter(({ id, state }) => turns.has(id) && state === 'running');
  const first = new Set(running.length > 0 ? running.map(({ id }) => id) : placed.phases[0]?.components);
  return specs.filter(({ id }) => !turns.has(id) || first.has(id));
}

/** What runs at any time, whosever turn it is: all that somebody can wait for. */
export function steadySpecs(placed: Placed, specs: readonly ComponentSpec[]): ComponentSpec[] {
  if (placed.kind === 'fit') return [...specs];
  const turns = takingTurns(placed);
  return specs.filter(({ id }) => !turns.has(id));
}

export interface LeaseScope {
  paths: DevnetPaths;
  /** UUIDs by component. */
  devices: ReadonlyMap<string, string>;
  leaseDir?: string | undefined;
}

/** The runtime, with a lease around what uses a GPU: taken before its start, then held by the component itself until it ends. */
export function leasingRuntime(runtime: ManagedRuntime, scope: LeaseScope): ManagedRuntime {
  const { paths, devices, leaseDir } = scope;
  const folder = leaseDir === undefined ? {} : { leaseDir };
  const leaseOf = (component: string, uuid: string) => ({ uuid, dir: paths.dir, devnet: paths.name, component });
  return {
    ...runtime,
    async start(spec, signal) {
      const uuid = devices.get(spec.id);
      if (uuid === undefined) return runtime.start(spec, signal);
      const lease = leaseOf(spec.id, uuid);
      await leaseGpu(lease, { ...folder, signal });
      const status = await runtime.start(spec, signal).catch(async (error: unknown) => {
        await releaseGpu(lease, { ...folder, signal: new AbortController().signal });
        throw error;
      });
      if (status.pid !== undefined) await leaseGpu({ ...lease, pid: status.pid }, { ...folder, signal });
      return status;
    },
    async stop(id, signal, onEnded) {
      await runtime.stop(id, signal, onEnded);
      const uuid = devices.get(id);
      if (uuid !== undefined) await releaseGpu(leaseOf(id, uuid), { ...folder, signal });
    },
  };
}

export interface PlacedOptions extends SuperviseOptions, Pick<PhasedOptions, 'tickMs' | 'onStopped'> {
  placed: Placed;
  paths: DevnetPaths;
  leaseDir?: string | undefined;
  /** Only asked where components take turns. */
  jobs: () => Promise<PhaseJobs>;
}

/** Whoever changes the turns holds the GPU as well: between two turns no component does. */
const KIT = 'devkit';

/**
 * Keeps the specs running on their devices while `work` goes on: all at once, or in turns.
 * @throws DevkitError HOST_UNFIT when another devnet holds one of the GPUs; else as `superviseWhile`
 */
export async function whilePlaced<T>(work: (signal: AbortSignal) => Promise<T>, options: PlacedOptions): Promise<T> {
  const { placed, paths, leaseDir, jobs, ...supervise } = options;
  const devices = devicesOf(placed);
  const runtime = leasingRuntime(supervise.runtime, { paths, devices, leaseDir });
  const folder = leaseDir === undefined ? {} : { leaseDir };
  const leases = [...new Set(devices.values())].sort().map((uuid) => ({
    uuid,
    dir: paths.dir,
    devnet: paths.name,
    component: `${KIT} ${process.pid}`,
  }));
  try {
    for (const lease of leases) await leaseGpu(lease, { ...folder, signal: options.signal });
    if (placed.kind === 'fit') return await superviseWhile(work, { ...supervise, runtime });
    const lockFile = join(paths.dir, 'turns.lock');
    return await whilePhased(work, { ...supervise, runtime, plan: placed, jobs, lockFile });
  } finally {
    const release = { ...folder, signal: new AbortController().signal };
    await Promise.allSettled(leases.map((lease) => releaseGpu(lease, release)));
  }
}
