import { formatBytes } from '../../lib/units.ts';
import { DevkitError } from '../core/errors.ts';
import {
  type Amount,
  compareVersions,
  MIN_NODE,
  REQUIREMENTS,
  type RequirementSet,
  type Requirements,
} from '../core/requirements.ts';
import { type HostFacts, hostFacts } from '../host/facts.ts';
import { type GpuFacts, gpuFacts } from '../host/gpu.ts';
import { holderLookup } from '../host/ports.ts';

export type CheckState = 'ok' | 'warn' | 'fail';

/** One question about the machine. */
export interface DoctorCheck {
  id: string;
  title: string;
  state: CheckState;
  found: string;
  needed: string;
  /** What to do about it; absent when nothing is wrong. */
  fix?: string;
  /** Where the needed number comes from. */
  source?: string;
}

export interface DoctorReport {
  for: RequirementSet;
  about: string;
  /** No check failed. */
  fit: boolean;
  checks: DoctorCheck[];
}

export interface DoctorOptions {
  for: RequirementSet;
  /** Where a devnet would lie. */
  workspace: string;
  /** Ports a new devnet would use, by name. */
  ports: Readonly<Record<string, number>>;
  /** Default: the machine as it is. */
  facts?: HostFacts;
  gpus?: readonly GpuFacts[];
  holderOf?: (port: number) => string | undefined;
}

/** Whether this machine is fit for something. Looks only; starts and changes nothing. */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  const needed: Requirements = REQUIREMENTS[options.for];
  const facts = options.facts ?? (await hostFacts(options.workspace));
  const checks = [
    amount('cores', 'CPU cores', facts.cores, needed.cores, String, 'use a machine with more cores'),
    amount('ram', 'memory', facts.ramBytes, needed.ramBytes, formatBytes, 'use a machine with more memory'),
    ...(options.for === 'reference' ? [freeMemory(facts, needed)] : []),
    amount(
      'disk',
      `free disk space at ${facts.diskPath}`,
      facts.diskFreeBytes,
      needed.diskBytes,
      formatBytes,
      'free some space, or use a workspace on another disk',
    ),
    portsCheck(options.ports, options.holderOf ?? holderLookup()),
    nodeCheck(facts),
    platformCheck(facts),
    ...packageChecks(facts),
    engineCheck(facts, needed.needsEngine),
    ...(needed.vramBytes ? [gpuCheck(options.gpus ?? (await gpuFacts()), needed.vramBytes)] : []),
  ];
  return { for: options.for, about: needed.about, fit: checks.every((check) => check.state !== 'fail'), checks };
}

/** The error for a machine that is not fit: says each failed check with its fix. */
export function unfitError(report: DoctorReport): DevkitError {
  const failed = report.checks.filter((check) => check.state === 'fail');
  const lines = failed.map((check) => `${check.title}: found ${check.found}, needed ${check.needed}`);
  return new DevkitError('HOST_UNFIT', `this machine is not fit for ${report.for}: ${lines.join('; ')}`, {
    hint: failed.flatMap((check) => check.fix ?? []).join('; '),
    details: { checks: failed },
  });
}

function amount(
  id: string,
  title: string,
  found: number,
  { least, good, source }: Amount,
  format: (value: number) => string,
  fix: string,
): DoctorCheck {
  const state = found < least ? 'fail' : found < good ? 'warn' : 'ok';
  const needed = least === good ? format(least) : `${format(least)}, better ${format(good)}`;
  return { id, title, state, found: format(found), needed, source, ...(state === 'ok' ? {} : { fix }) };
}

function freeMemory(facts: HostFacts, { ramBytes }: Requirements): DoctorCheck {
  const short = facts.ramAvailableBytes < ramBytes.least;
  return {
    id: 'ram-free',
    title: 'memory not in use',
    state: short ? 'warn' : 'ok',
    found: formatBytes(facts.ramAvailableBytes),
    needed: formatBytes(ramBytes.least),
    source: ramBytes.source,
    ...(short ? { fix: 'close other programs' } : {}),
  };
}

function portsCheck(
  ports: Readonly<Record<string, number>>,
  holderOf: (port: number) => string | undefined,
): DoctorCheck {
  const taken = Object.entries(ports).flatMap(([name, port]) => {
    const holder = holderOf(port);
    return holder === undefined ? [] : [`${port} (${name}) by ${holder}`];
  });
  const count = Object.keys(ports).length;
  return {
    id: 'ports',
    title: 'default ports',
    state: taken.length > 0 ? 'warn' : 'ok',
    found: taken.length > 0 ? `in use: ${taken.join(', ')}` : `all ${count} free`,
    needed: 'free',
    ...(taken.length > 0 ? { fix: 'nothing has to be done: a new devnet moves its block of ports up by 100' } : {}),
  };
}

function nodeCheck(facts: HostFacts): DoctorCheck {
  const old = compareVersions(facts.node, MIN_NODE.version) < 0;
  return {
    id: 'node',
    title: 'Node.js',
    state: old ? 'fail' : 'ok',
    found: facts.node,
    needed: `${MIN_NODE.version} or newer`,
    source: MIN_NODE.source,
    ...(old ? { fix: 'start the kit with ./devkit, which uses the Node it installs' } : {}),
  };
}

function platformCheck(facts: HostFacts): DoctorCheck {
  const linux = facts.platform === 'linux';
  const known = linux && (facts.arch === 'x64' || facts.arch === 'arm64');
  return {
    id: 'platform',
    title: 'operating system',
    state: known ? 'ok' : linux || facts.platform === 'darwin' ? 'warn' : 'fail',
    found: `${facts.platform} ${facts.arch}, kernel ${facts.kernel}`,
    needed: 'Linux on x64 or arm64',
    ...(known ? {} : { fix: 'on Windows use WSL; macOS is untried' }),
  };
}

/** The programs that come from npm; without them nothing of `reference` runs. */
function packageChecks(facts: HostFacts): DoctorCheck[] {
  return Object.entries(facts.packages).map(([name, version]) => ({
    id: `package-${name}`,
    title: name,
    state: version === undefined ? 'fail' : 'ok',
    found: version ?? 'not installed',
    needed: 'installed with the kit',
    ...(version === undefined ? { fix: 'npm ci --ignore-scripts --include=optional' } : {}),
  }));
}

function engineCheck(facts: HostFacts, needed: boolean): DoctorCheck {
  const reachable = facts.engine.state === 'reachable';
  return {
    id: 'engine',
    title: 'container engine',
    state: reachable || !needed ? 'ok' : 'warn',
    found: facts.engine.message,
    needed: needed ? 'reachable, or the binaries by path' : 'not needed with --runtime process',
    ...(reachable || !needed ? {} : { fix: 'install and start Docker, or use --runtime process' }),
  };
}

function gpuCheck(gpus: readonly GpuFacts[], needed: Amount): DoctorCheck {
  const largest = gpus.reduce((most, gpu) => Math.max(most, gpu.vramBytes), 0);
  const check = amount('gpu', 'GPU memory', largest, needed, formatBytes, 'use a machine with such an NVIDIA GPU');
  const found = gpus.map((gpu) => `${gpu.name} ${formatBytes(gpu.vramBytes)}`).join(', ');
  return { ...check, found: found || 'no GPU that nvidia-smi knows' };
}
