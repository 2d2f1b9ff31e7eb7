/** npm packages of an image, taken from the lock file: what is installed is what the recipe says. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './definition.ts';

interface LockEntry {
  version?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}
/** `packages` of package-lock.json: folder → package. */
export type Lock = Readonly<Record<string, LockEntry>>;

export interface LockedPackage {
  /** Folder below the root, e.g. `node_modules/viem/node_modules/ox`. */
  path: string;
  name: string;
  version: string;
  integrity: string;
}

export async function readLock(file = join(ROOT, 'package-lock.json')): Promise<Lock> {
  return (JSON.parse(await readFile(file, 'utf8')) as { packages: Lock }).packages;
}

const NODE_MODULES = 'node_modules/';

/**
 * The packages named by `roots` and all they depend on, as Node would find them; sorted by folder. Optional peers, packages of another
 * platform and those in `without` are left out. `arch` is as in `process.arch`.
 * @throws Error when a package is not in the lock file
 */
export function packageClosure(
  lock: Lock,
  { roots, without = [], arch }: { roots: readonly string[]; without?: readonly string[]; arch: string },
): LockedPackage[] {
  const found = new Map<string, LockedPackage>();
  const skip = new Set(without);
  const visit = (from: string, name: string, optional: boolean): void => {
    if (skip.has(name)) return;
    const path = resolveIn(lock, from, name);
    if (path === undefined) {
      if (optional) return;
      throw new Error(`${name}${from === '' ? '' : `, which ${from} needs,`} is not in package-lock.json`);
    }
    const entry = lock[path] as LockEntry;
    if (found.has(path) || !fits(entry, arch)) return;
    found.set(path, { path, name, version: entry.version ?? '', integrity: entry.integrity ?? '' });
    for (const [dependency, optionalToo] of dependenciesOf(entry)) visit(path, dependency, optionalToo);
  };
  for (const name of roots) visit('', name, false);
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A package of the lock file's top level; undefined when it is not there. */
export function lockedPackage(lock: Lock, name: string): LockedPackage | undefined {
  const path = NODE_MODULES + name;
  const entry = lock[path];
  return entry && { path, name, version: entry.version ?? '', integrity: entry.integrity ?? '' };
}

/** The nearest `node_modules/<name>`, from the folder of the asking package upwards. */
function resolveIn(lock: Lock, from: string, name: string): string | undefined {
  for (let at = from; ; ) {
    const path = at === '' ? NODE_MODULES + name : `${at}/${NODE_MODULES}${name}`;
    if (lock[path] !== undefined) return path;
    if (at === '') return undefined;
    const up = at.lastIndexOf(`/${NODE_MODULES}`);
    at = up < 0 ? '' : at.slice(0, up);
  }
}

function dependenciesOf(entry: LockEntry): [name: string, optional: boolean][] {
  const peers = Object.keys(entry.peerDependencies ?? {});
  return [
    ...Object.keys(entry.dependencies ?? {}).map((name): [string, boolean] => [name, false]),
    ...Object.keys(entry.optionalDependencies ?? {}).map((name): [string, boolean] => [name, true]),
    ...peers
      .filter((name) => entry.peerDependenciesMeta?.[name]?.optional !== true)
      .map((name): [string, boolean] => [name, false]),
  ];
}

const fits = ({ os, cpu, libc }: LockEntry, arch: string): boolean =>
  allows(os, 'linux') && allows(cpu, arch) && allows(libc, 'glibc');

/** A list of names, or of names with a leading `!` that are ruled out. */
function allows(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined) return true;
  const named = list.filter((name) => !name.startsWith('!'));
  return !list.includes(`!${value}`) && (named.length === 0 || named.includes(value));
}
