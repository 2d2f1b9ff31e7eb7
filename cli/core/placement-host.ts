/** The machine's side of placement: memory, disk, CPUs. */
import { formatBytes } from '../../lib/units.ts';
import type { Resources } from './types.ts';

/** What the machine can give to a devnet. */
export interface HostRoom {
  ramMiB: number;
  cpus: number;
  diskBytes: number;
}

interface Wanting {
  component: string;
  resources: Resources;
}

/** What there is too little of, each with its sum. */
export function hostShortages(demands: readonly Wanting[], host: HostRoom): string[] {
  const of = (key: 'ramMiB' | 'cpus' | 'diskBytes'): [string, number][] =>
    demands.map(({ component, resources }) => [component, resources[key] ?? 0]);
  const short: string[] = [];
  if (total(of('ramMiB')) > host.ramMiB)
    short.push(`memory: ${add(of('ramMiB'))}; this machine has ${mib(host.ramMiB)}`);
  if (total(of('diskBytes')) > host.diskBytes) {
    short.push(`disk: ${add(of('diskBytes'), formatBytes)}; free are ${formatBytes(host.diskBytes)}`);
  }
  for (const [component, cpus] of of('cpus')) {
    if (cpus > host.cpus) short.push(`CPUs: ${component} needs ${cpus}; this machine has ${host.cpus}`);
  }
  return short.sort();
}

const total = (parts: readonly [string, number][]): number => parts.reduce((sum, [, amount]) => sum + amount, 0);

export const mib = (amount: number): string => `${amount} MiB`;

/** `a 10 MiB + b 20 MiB = 30 MiB`, in the order of the names; those who want nothing are left out. */
export function add(parts: readonly [string, number][], format: (amount: number) => string = mib): string {
  const asked = parts.filter(([, amount]) => amount > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const terms = asked.map(([name, amount]) => `${name} ${format(amount)}`).join(' + ');
  return asked.length > 1 ? `${terms} = ${format(total(asked))}` : terms;
}
