/** Which files go into a build context, and what they are called there. Only what the allow-list names; nothing through a link. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join, matchesGlob, normalize } from 'node:path';
import { ensurePostgresTemplate } from '../../../host/postgres-data.ts';
import { anvilBinary, postgresBinaries } from '../../../host/programs.ts';
import { type ImageDefinition, ROOT } from './definition.ts';
import { type LockedPackage, packageClosure, readLock } from './packages.ts';

/** One thing in a build context. `path` has no leading slash; `mode` as in chmod. */
export type ContextEntry =
  | { kind: 'file'; path: string; mode: number; source: string }
  | { kind: 'text'; path: string; mode: number; content: string }
  | { kind: 'link'; path: string; target: string }
  | { kind: 'folder'; path: string; mode: number };

const FILE = 0o644;
const PROGRAM = 0o755;

/** Everything the image is built from, in the order of its paths. Makes the Postgres data directory when it is asked for and missing. */
export async function contextEntries(definition: ImageDefinition, signal?: AbortSignal): Promise<ContextEntry[]> {
  const parts = await Promise.all([
    sourceEntries(definition),
    packageEntries(definition),
    programEntries(definition),
    dataEntries(definition, signal),
  ]);
  const entries: ContextEntry[] = [
    { kind: 'text', path: 'Dockerfile', mode: FILE, content: definition.dockerfile },
    ...parts.flat(),
  ];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export interface SourceFile {
  /** In the build context. */
  path: string;
  /** On this machine. */
  source: string;
}

/** The kit's own files that the image takes. @throws Error for a symbolic link among them: it could lead anywhere */
export async function sourceFiles({ sources }: Pick<ImageDefinition, 'sources'>, root = ROOT): Promise<SourceFile[]> {
  const lists = await Promise.all(
    sources.map(async ({ path, keep, to }) => {
      const folder = join(root, path);
      const files = await filesBelow(folder);
      return files
        .filter((file) => keep.some((ending) => file.endsWith(ending)))
        .map((file) => ({ path: join(to, file), source: join(folder, file) }));
    }),
  );
  return lists.flat();
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) throw new Error(`${path} is a symbolic link, which does not go into an image`);
    return entry.isFile() ? [path.slice(folder.length + 1)] : [];
  });
}

async function sourceEntries(definition: ImageDefinition): Promise<ContextEntry[]> {
  const files = await sourceFiles(definition);
  return files.map(({ path, source }) => ({ kind: 'file', path, source, mode: FILE }));
}

/** The packages of the image, by the lock file. */
export async function imagePackages({ packages }: Pick<ImageDefinition, 'packages'>): Promise<LockedPackage[]> {
  if (packages === undefined) return [];
  const { roots, without } = packages;
  return packageClosure(await readLock(), { roots, without, arch: process.arch });
}

async function packageEntries(definition: ImageDefinition): Promise<ContextEntry[]> {
  const { packages } = definition;
  if (packages === undefined) return [];
  const omit = packages.omit.map((glob) => glob.replaceAll('{arch}', imageArch()));
  const lists = await Promise.all(
    (await imagePackages(definition)).map(async ({ path, name }): Promise<ContextEntry[]> => {
      const files = await packageFiles(join(ROOT, path));
      const kept = files.filter((file) => !omit.some((glob) => matchesGlob(`${name}/${file}`, glob)));
      const below = path.slice('node_modules/'.length);
      return kept.map((file) => ({
        kind: 'file',
        path: join(packages.to, below, file),
        source: join(ROOT, path, file),
        mode: isProgram(file) ? PROGRAM : FILE,
      }));
    }),
  );
  return lists.flat();
}

/** Files of an installed package without the packages nested in it (the lock file names those) and hidden files. */
async function packageFiles(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(below, entry.name);
      if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
      if (entry.isDirectory()) return packageFiles(folder, path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return lists.flat();
}

const isProgram = (file: string): boolean =>
  !/\.[a-z]+$|(^|\/)(LICENSE|license|LICENCE|NOTICE|README|AUTHORS)/.test(file);

/** The machine's architecture in Docker's word. */
export const imageArch = (): string => ({ x64: 'amd64', arm64: 'arm64' })[process.arch as string] ?? process.arch;

async function programEntries({ programs }: ImageDefinition): Promise<ContextEntry[]> {
  const lists = await Promise.all(
    programs.map(async ({ program, to, omit }): Promise<ContextEntry[]> => {
      if (program === 'anvil') {
        return [{ kind: 'file', path: join(to, 'anvil'), source: await anvilBinary(), mode: PROGRAM }];
      }
      const entries = await tree(dirname((await postgresBinaries()).binDir));
      return entries
        .filter(({ path }) => !omit.some((glob) => matchesGlob(path, glob)))
        .map((entry) => ({ ...entry, path: join(to, entry.path) }));
    }),
  );
  return lists.flat();
}

/** A folder with the links inside it. @throws Error for a link that leads out of it */
async function tree(folder: string): Promise<ContextEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const list = await Promise.all(
    entries.map(async (entry): Promise<ContextEntry[]> => {
      const source = join(entry.parentPath, entry.name);
      const path = source.slice(folder.length + 1);
      if (entry.isSymbolicLink()) {
        const target = await readlink(source);
        const leads = normalize(join(dirname(path), target));
        if (target.startsWith('/') || leads.startsWith('..')) throw new Error(`${source} leads out of its folder`);
        return [{ kind: 'link', path, target }];
      }
      return entry.isFile() ? [{ kind: 'file', path, source, mode: path.startsWith('bin/') ? PROGRAM : FILE }] : [];
    }),
  );
  return list.flat();
}

async function dataEntries({ data }: ImageDefinition, signal?: AbortSignal): Promise<ContextEntry[]> {
  const lists = await Promise.all(
    data.map(async ({ kind, to }): Promise<ContextEntry[]> => {
      if (kind === 'postgres-data') return postgresData(to, signal);
      return [{ kind: 'text', path: to, mode: FILE, content: await packageJson() }];
    }),
  );
  return lists.flat();
}

/** From any address with the password: the database listens in the devnet's network, its port is published on loopback. */
export const HBA_LINE = 'host all all all scram-sha-256\n';

async function postgresData(to: string, signal?: AbortSignal): Promise<ContextEntry[]> {
  const folder = await ensurePostgresTemplate(signal);
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const below = await Promise.all(
    entries.map(async (entry): Promise<ContextEntry> => {
      const source = join(entry.parentPath, entry.name);
      const path = join(to, source.slice(folder.length + 1));
      if (entry.isDirectory()) return { kind: 'folder', path, mode: 0o700 };
      if (!entry.isFile()) throw new Error(`${source} is not a plain file`);
      if (entry.name !== 'pg_hba.conf') return { kind: 'file', path, source, mode: 0o600 };
      return { kind: 'text', path, mode: 0o600, content: `${await readFile(source, 'utf8')}${HBA_LINE}` };
    }),
  );
  return [{ kind: 'folder', path: to, mode: 0o700 }, ...below];
}

/** What Node must know of our own files: that they are ES modules. */
export async function packageJson(): Promise<string> {
  const own = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { name, version, license, type } = own;
  return `${JSON.stringify({ name, version, private: true, license, type })}\n`;
}
