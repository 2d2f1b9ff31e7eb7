/** The images that can be made here: one folder each in `compose/images`, with a Dockerfile and an allow-list of its build context. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { DevkitError } from '../../../core/errors.ts';

/** Root of the kit's own files. */
export const ROOT = join(import.meta.dirname, '../../../..');
const IMAGES_DIR = join(ROOT, 'compose/images');
const CONTEXT_FILE = 'context.yaml';

/** What every other image stands on. */
export const BASE_IMAGE = 'base';

/** Folders of the kit that may go into an image. */
const OWN_FOLDERS = /^(lib|proving|systems|compose\/images)(\/|$)/;
const stays = (path: string): boolean =>
  path !== '' && path === normalize(path) && !/^[/~]|^\.\.?(\/|$)|\\|\/$/.test(path);

const inContext = z.string().refine(stays, { error: 'a path inside the build context, without . or ..' });
const ownFolder = z.string().refine((path) => stays(path) && OWN_FOLDERS.test(path), {
  error: 'a folder of the kit: lib, proving, systems/… or compose/images/…',
});
const globs = z.array(z.string().min(1)).default([]);

const sources = z.strictObject({
  path: ownFolder,
  keep: z
    .array(z.string().regex(/^\.[a-z]+$/))
    .min(1)
    .describe('endings of the files taken, e.g. .ts'),
  to: inContext,
});
const packages = z.strictObject({
  to: inContext,
  roots: z.array(z.string().min(1)).min(1).describe('packages that are imported; what they depend on comes too'),
  without: z.array(z.string()).default([]).describe('dependencies that nothing loads'),
  omit: globs.describe('globs over <package>/<path>; {arch} is amd64 or arm64'),
});
const program = z.strictObject({
  program: z.enum(['postgres', 'anvil']),
  to: inContext,
  omit: globs.describe('globs inside the folder of the program'),
});
const data = z.strictObject({ kind: z.enum(['postgres-data', 'package-json']), to: inContext });

export const contextSchema = z.strictObject({
  about: z.string().min(1).describe('one line for people'),
  base: z.string().optional().describe('the local image it stands on; absent: one of a registry'),
  sources: z.array(sources).default([]),
  packages: packages.optional(),
  programs: z.array(program).default([]),
  data: z.array(data).default([]),
});
export type ImageContext = z.infer<typeof contextSchema>;

export interface ImageDefinition extends ImageContext {
  name: string;
  dockerfile: string;
  /** The context file as it is, for the recipe. */
  contextText: string;
}

/** Names of all images of the kit, `base` first. */
export async function imageNames(dir = IMAGES_DIR): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => (await isFile(join(dir, name, CONTEXT_FILE))) && name),
  );
  const names = found.filter((name) => name !== false).sort();
  return [BASE_IMAGE, ...names.filter((name) => name !== BASE_IMAGE)];
}

const isFile = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** @throws DevkitError NOT_FOUND for a name that no folder has, CONFIG_INVALID for a context.yaml that is not as it should be */
export async function readDefinition(name: string, dir = IMAGES_DIR): Promise<ImageDefinition> {
  const file = join(dir, name, CONTEXT_FILE);
  let contextText: string;
  try {
    contextText = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new DevkitError('NOT_FOUND', `there is no image '${name}'; there are ${(await imageNames(dir)).join(', ')}`, {
      hint: 'devkit images list',
      cause,
    });
  }
  const dockerfile = await readFile(join(dir, name, 'Dockerfile'), 'utf8');
  return { ...parseContext(contextText, file), name, dockerfile, contextText };
}

/** @throws DevkitError CONFIG_INVALID, naming the file and the field */
export function parseContext(text: string, file: string): ImageContext {
  const { success, data: context, error } = contextSchema.safeParse(parseYaml(text, file));
  if (success) return context;
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw new DevkitError('CONFIG_INVALID', `${file}: ${problems.join('; ')}`, { cause: error });
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new DevkitError('CONFIG_INVALID', `${file}: ${(cause as Error).message}`, { cause });
  }
}
