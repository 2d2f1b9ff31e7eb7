/** `export compose`: a devnet of containers as a file that Docker Compose v2 brings up. */
import { open } from 'node:fs/promises';
import { relative } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { shellWord } from '../../lib/shell.ts';
import { type ComposeOptions, composeFile, composeYaml } from '../core/compose.ts';
import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec } from '../core/types.ts';
import { networkName, volumeName } from '../runtimes/docker/names.ts';
import { makeCommand, type ServiceContext } from './context.ts';
import { isRunning } from './down-devnet.ts';
import { openSystemDevnet, requireDevnet } from './system-devnet.ts';

export interface ExportComposeInput {
  chain?: string | undefined;
  /** Absolute path of the file; undefined: the text is part of the result. */
  file?: string | undefined;
  /** Time between two health checks of a container. */
  healthIntervalMs: number;
}

export const exportComposeResult = z.object({
  devnet: z.string(),
  project: z.string().describe("name of the Compose project: the containers' names begin with it"),
  file: z.string().nullable().describe('null when the text is part of the result'),
  services: z.array(z.string()),
  next: z.string().describe('command that brings it up'),
  yaml: z.string().optional().describe('only with --out -'),
});
export type ExportComposeResult = z.infer<typeof exportComposeResult>;

/** First words of a file that may be written over. */
const MARK = 'Written by `devkit export compose`';
/** The file holds the password of the database, as secrets.yaml does. */
const SECRET = 0o600;

/**
 * Makes what the containers are given (images that are missing, readable copies of the configuration) and writes the file.
 * @throws DevkitError USAGE for a devnet of processes, ALREADY_EXISTS for a file that is not ours, HOST_UNFIT without an engine
 */
export async function exportCompose(ctx: ServiceContext, input: ExportComposeInput): Promise<ExportComposeResult> {
  await requireContainers(ctx);
  if (input.file !== undefined) await requireOurs(input.file);
  const devnet = await openSystemDevnet(ctx, { chain: input.chain });
  const { specs } = devnet;
  await devnet.prepareContainers();
  const project = networkName(ctx.paths);
  const file = composeFile(specs, {
    devnet: ctx.paths.name,
    project,
    imageTags: await tagsOf(specs),
    volumes: Object.fromEntries(namesOfVolumes(specs).map((short) => [short, volumeName(ctx.paths, short)])),
    healthIntervalMs: input.healthIntervalMs,
    ...(await gpuMethodOf(specs)),
  });
  const yaml = composeYaml(file, [
    `${MARK} for the devnet '${ctx.paths.name}' of ${ctx.paths.workspace}: the same databases, chains and keys.`,
    'For this machine only: it holds the password of the database. Change the devnet and export it again instead of this file.',
  ]);
  if (input.file !== undefined) await write(input.file, yaml);
  await noticeIfRunning(ctx);
  return {
    devnet: ctx.paths.name,
    project,
    file: input.file ?? null,
    services: specs.map(({ id }) => id),
    next: nextCommand(ctx.cwd, input.file),
    ...(input.file === undefined ? { yaml } : {}),
  };
}

async function requireContainers(ctx: ServiceContext): Promise<void> {
  const { runtime, system, name } = await requireDevnet(ctx);
  if (runtime === 'docker') return;
  throw new DevkitError(
    'USAGE',
    `devnet '${name}' runs as processes: its databases are folders of this machine, which containers cannot take over`,
    { hint: `${makeCommand(system)} --runtime docker --devnet docker, then: devkit export compose --devnet docker` },
  );
}

/** Somebody's own compose.yaml is not written over. */
async function requireOurs(path: string): Promise<void> {
  if ((await firstBytes(path))?.includes(MARK) !== false) return;
  throw new DevkitError('ALREADY_EXISTS', `${path} was not written by devkit`, {
    hint: 'devkit export compose --out devnet.compose.yaml',
  });
}

/** Undefined when there is no such file. */
async function firstBytes(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(200), 0, 200, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, cause);
  }
}

async function write(path: string, yaml: string): Promise<void> {
  try {
    await writeFileAtomic(path, yaml, { mode: SECRET });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

const unusable = (path: string, cause: unknown): DevkitError =>
  new DevkitError('USAGE', `cannot use ${path}: ${(cause as Error).message}`, {
    hint: 'devkit export compose --out -   (prints it instead)',
    cause,
  });

async function tagsOf(specs: readonly ComponentSpec[]): Promise<Record<string, string>> {
  const { localImageTag } = await import('../runtimes/docker/images/index.ts');
  const images = specs.flatMap(({ container }) => (container ? [container.image] : []));
  const names = [...new Set(images.flatMap((image) => ('local' in image ? [image.local] : [])))];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await localImageTag(name)] as const)));
}

/** Asked only where a component has GPUs. */
async function gpuMethodOf(specs: readonly ComponentSpec[]): Promise<Pick<ComposeOptions, 'gpuMethod'>> {
  if (!specs.some(({ container }) => container?.gpus !== undefined)) return {};
  const [{ connectEngine }, { gpuMethod }] = await Promise.all([
    import('../runtimes/docker/engine.ts'),
    import('../runtimes/docker/device-options.ts'),
  ]);
  const { docker } = await connectEngine();
  return { gpuMethod: gpuMethod((await docker.info()) as Parameters<typeof gpuMethod>[0]) };
}

const namesOfVolumes = (specs: readonly ComponentSpec[]): string[] =>
  specs
    .flatMap(({ container }) => container?.mounts ?? [])
    .flatMap(({ source }) => (source.startsWith('/') ? [] : source));

async function noticeIfRunning(ctx: ServiceContext): Promise<void> {
  if (!(await isRunning(ctx))) return;
  ctx.emit({
    type: 'notice',
    message: `devnet '${ctx.paths.name}' runs and holds its ports: devkit down --devnet ${ctx.paths.name} before Compose brings it up`,
  });
}

const nextCommand = (cwd: string, file: string | undefined): string =>
  file === undefined
    ? 'devkit export compose --out - | docker compose -f - up --wait'
    : `docker compose -f ${shellWord(shortPath(cwd, file))} up --wait`;

const shortPath = (cwd: string, path: string): string => {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : short;
};
