/** Placement: which component gets which GPU. A pure function of demands, devices and the machine. */
import type { DeviceChoice, PlacementDevice } from './devices.ts';
import { DevkitError } from './errors.ts';
import { add, type HostRoom, hostShortages, mib } from './placement-host.ts';
import type { Resources } from './types.ts';

export interface Demand {
  component: string;
  resources: Resources;
}

/** `cpu` when the component uses no GPU, else a UUID. */
export interface Assignment {
  component: string;
  device: string;
}

/** When a phase is over. `compression-queued`: there is work for the compressor. `compression-empty`: none is left, and the prover has some. */
export type PhaseUntil = 'compression-queued' | 'compression-empty';

/** A component that may take turns with the other ones of such rules, in their order. */
export interface PhaseRule {
  component: string;
  until: PhaseUntil;
}

export interface Phase {
  /** All that run in this phase, those of every phase included; sorted. */
  components: string[];
  assignments: Assignment[];
  until: PhaseUntil;
}

export type Placement =
  | { kind: 'fit'; assignments: Assignment[] }
  | { kind: 'phased'; phases: Phase[]; why: string }
  | { kind: 'refused'; arithmetic: string; lines: string[] };

export interface PlacementOptions {
  /** Default `auto`. */
  device?: DeviceChoice;
  /** Components that may run one after the other where they do not fit together; default: none may. */
  phases?: readonly PhaseRule[];
}

/**
 * All at once if that fits, else in phases, else a refusal with the sum. Memory of GPUs, memory and disk of the machine are added up;
 * CPUs are shared in time, so the largest single demand must fit. Components spread over the GPUs; the result does not depend on the
 * order of demands or devices.
 */
export function placeDevices(
  demands: readonly Demand[],
  devices: readonly PlacementDevice[],
  host: HostRoom,
  options: PlacementOptions = {},
): Placement {
  const { device = 'auto', phases = [] } = options;
  const chosen = chooseDevices(devices, device);
  const usable = chosen.filter(({ unusable }) => unusable === undefined);
  const wrongChoice = refuseChoice(devices, usable, device);
  if (wrongChoice !== undefined) return refused(wrongChoice, chosen, device);
  const together = fitAll(demands, usable, host);
  if ('assignments' in together) return { kind: 'fit', assignments: together.assignments };
  const turns = phased(demands, usable, host, phases);
  if (turns !== undefined) return { kind: 'phased', phases: turns, why: together.short.join('; ') };
  return refused(together.short.join('; '), chosen, device);
}

/** @throws DevkitError HOST_UNFIT with the arithmetic, when the placement is a refusal */
export function requirePlacement(placement: Placement): Exclude<Placement, { kind: 'refused' }> {
  if (placement.kind !== 'refused') return placement;
  const { arithmetic, lines } = placement;
  throw new DevkitError('HOST_UNFIT', [arithmetic, ...lines].join('\n  '), {
    hint: 'devkit doctor --for upstream   says what this machine has; variant reference needs no GPU',
    details: { arithmetic, lines },
  });
}

const needsGpu = ({ resources }: Demand): boolean => (resources.vramMiB ?? 0) > 0 || resources.exclusiveGpu === true;

const chooseDevices = (devices: readonly PlacementDevice[], choice: DeviceChoice): PlacementDevice[] => {
  if (choice === 'cpu') return [];
  const named = typeof choice === 'string' ? undefined : new Set(choice);
  return devices.filter(({ uuid }) => named?.has(uuid) ?? true).sort((a, b) => compare(a.uuid, b.uuid));
};

function refuseChoice(
  devices: readonly PlacementDevice[],
  usable: readonly PlacementDevice[],
  choice: DeviceChoice,
): string | undefined {
  if (choice === 'auto' || choice === 'cpu') return undefined;
  if (choice !== 'gpu') {
    const unknown = choice.filter((uuid) => !devices.some((device) => device.uuid === uuid));
    if (unknown.length > 0) return `--device ${choice.join(',')}: this machine has no ${unknown.join(' and no ')}`;
  }
  if (usable.length > 0) return undefined;
  const what = choice === 'gpu' ? 'gpu' : choice.join(',');
  return `--device ${what}: this machine has no GPU that can be used`;
}

/** Everything at once: either where each goes, or what there is too little of. */
function fitAll(
  demands: readonly Demand[],
  devices: readonly PlacementDevice[],
  host: HostRoom,
): { assignments: Assignment[] } | { short: string[] } {
  const onGpu = demands.filter(needsGpu);
  const gpus = assignGpus(onGpu, devices);
  const short = [...(gpus === undefined ? [gpuSum(onGpu, devices)] : []), ...hostShortages(demands, host)];
  if (gpus === undefined || short.length > 0) return { short };
  const assignments = demands.map(({ component }) => ({ component, device: gpus.get(component) ?? 'cpu' }));
  return { assignments: assignments.sort((a, b) => compare(a.component, b.component)) };
}

function phased(
  demands: readonly Demand[],
  devices: readonly PlacementDevice[],
  host: HostRoom,
  rules: readonly PhaseRule[],
): Phase[] | undefined {
  const turns = rules.filter((rule) => demands.some((one) => one.component === rule.component && needsGpu(one)));
  if (turns.length < 2) return undefined;
  const steady = demands.filter(({ component }) => !turns.some((rule) => rule.component === component));
  const phases: Phase[] = [];
  for (const { component, until } of turns) {
    const now = [...steady, ...demands.filter((demand) => demand.component === component)];
    const fitted = fitAll(now, devices, host);
    if (!('assignments' in fitted)) return undefined;
    const components = fitted.assignments.map((assignment) => assignment.component);
    phases.push({ components, assignments: fitted.assignments, until });
  }
  // data of all of them lies on the disk in every phase
  return hostShortages(demands, { ...host, ramMiB: Number.POSITIVE_INFINITY }).length > 0 ? undefined : phases;
}

interface Room {
  uuid: string;
  freeMiB: number;
  count: number;
  closed: boolean;
}

/** Where each goes; undefined when no way works. Tries the emptiest device first, and every other one before it gives up. */
function assignGpus(demands: readonly Demand[], devices: readonly PlacementDevice[]): Map<string, string> | undefined {
  const rooms = devices.map(
    (device): Room => ({ uuid: device.uuid, freeMiB: freeOf(device), count: 0, closed: false }),
  );
  const order = [...demands].sort(
    (a, b) =>
      Number(b.resources.exclusiveGpu ?? false) - Number(a.resources.exclusiveGpu ?? false) ||
      (b.resources.vramMiB ?? 0) - (a.resources.vramMiB ?? 0) ||
      compare(a.component, b.component),
  );
  const found = new Map<string, string>();
  const place = (at: number): boolean => {
    const demand = order[at];
    if (demand === undefined) return true;
    const tried = new Set<string>();
    for (const room of roomsFor(demand, rooms)) {
      const kind = `${room.freeMiB}/${room.count}`;
      if (tried.has(kind)) continue; // equal devices: the first one stood for all of them
      tried.add(kind);
      const before = { ...room };
      room.freeMiB -= demand.resources.vramMiB ?? 0;
      room.count++;
      room.closed = demand.resources.exclusiveGpu === true;
      found.set(demand.component, room.uuid);
      if (place(at + 1)) return true;
      Object.assign(room, before);
    }
    return false;
  };
  return place(0) ? found : undefined;
}

const roomsFor = ({ resources }: Demand, rooms: readonly Room[]): Room[] =>
  rooms
    .filter(({ closed, count }) => !closed && (resources.exclusiveGpu !== true || count === 0))
    .filter(({ freeMiB }) => freeMiB >= (resources.vramMiB ?? 0))
    .sort((a, b) => a.count - b.count || b.freeMiB - a.freeMiB || compare(a.uuid, b.uuid));

const freeOf = ({ totalMiB, usedMiB }: PlacementDevice): number => Math.max(0, totalMiB - usedMiB);

function gpuSum(demands: readonly Demand[], devices: readonly PlacementDevice[]): string {
  const sum = add(demands.map(({ component, resources }) => [component, resources.vramMiB ?? 0]));
  const alone = demands
    .filter(({ resources }) => resources.exclusiveGpu)
    .map(({ component }) => component)
    .sort();
  const extra = alone.length > 0 ? ` (${alone.join(', ')}: a GPU alone)` : '';
  const free = devices.map((device) => `${mib(freeOf(device))} free on ${device.name} (${device.uuid})`);
  return `GPU memory: ${sum}${extra}; ${free.length === 0 ? 'no GPU can be used' : free.join(', ')}`;
}

function refused(arithmetic: string, devices: readonly PlacementDevice[], choice: DeviceChoice): Placement {
  const lines = devices.map(
    (device) =>
      `${device.name} (${device.uuid}): ${mib(device.totalMiB)}, ` +
      (device.unusable === undefined
        ? `${mib(device.usedMiB)} in use by others, ${mib(freeOf(device))} free`
        : `not used: ${device.unusable}`),
  );
  if (choice === 'cpu') lines.push('--device cpu rules GPUs out');
  return { kind: 'refused', arithmetic, lines };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
