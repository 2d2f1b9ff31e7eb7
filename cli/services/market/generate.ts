/** `market proof generate`: the reference generator, or the user's program or image, judged by what it wrote. */
import { dirname, resolve } from 'node:path';
import { parseBytes } from '../../../lib/units.ts';
import { GeneratorFlagError } from '../../../systems/proof-market/generator/flags.ts';
import {
  checkShards,
  type Generated,
  GenerateError,
  generateProof,
  type ShardPlan,
} from '../../../systems/proof-market/generator/generate.ts';
import { MemoryPlanError } from '../../../systems/proof-market/generator/memory.ts';
import type { ProgramEnd } from '../../../systems/proof-market/generator/run-program.ts';
import { system } from '../../../systems/proof-market/index.ts';
import { DevkitError } from '../../core/errors.ts';
import type { Stack } from '../../core/stack.ts';
import type { Mount } from '../../core/types.ts';
import { resolveProgram } from '../../host/programs.ts';
import type { ServiceContext } from '../context.ts';
import { readStack } from '../stack.ts';
import { MEND } from './files.ts';

/** Whose program proves; none: the reference one. */
export interface GeneratorChoice {
  /** Absolute path. */
  program?: string | undefined;
  /** Reference of an image that has the toolchain's generator. */
  image?: string | undefined;
}

export interface GenerateInput extends GeneratorChoice {
  /** Absolute paths. */
  circuitInput: string;
  publicInput: string;
  proofOut: string;
  smp?: number | undefined;
  shard0MemScale?: number | undefined;
  memoryBytes?: number | undefined;
}

export interface GenerateResult {
  file: string;
  /** Characters of its text. */
  length: number;
  judgedBy: Generated['judgedBy'];
}

/**
 * What flags say, else (variant upstream) what the stack says.
 * @throws DevkitError NOT_FOUND for variant upstream without either, HOST_UNFIT for a program that is not there or none
 */
export async function generatorOf(stack: Stack, { program, image }: GeneratorChoice): Promise<GeneratorChoice> {
  if (program !== undefined) return { program: await resolveProgram({ path: program }) };
  if (image !== undefined) return { image };
  if (stack.variant === 'reference') return {};
  const { 'proof-generator': own } = stack.binaries;
  const { 'proof-generator': published } = stack.images;
  if (own !== undefined) return { program: await resolveProgram(own) };
  if (published !== undefined) return { image: published };
  throw new DevkitError('NOT_FOUND', 'variant upstream proves with your proof-generator, and none is named', {
    hint: 'binaries or images in devkit.yaml (templates/proof-market/stack.yaml), or --proof-generator <path> or --image <reference>',
  });
}

/** Bytes of a size a user typed. @throws DevkitError USAGE naming the flag */
export function sizeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = bytesOf(text);
  if (bytes > 0) return bytes;
  throw new DevkitError('USAGE', `${flag} takes a size like 16GiB, not "${text}"`, { hint: `e.g. ${flag} 16GiB` });
}

function bytesOf(text: string): number {
  try {
    return parseBytes(text);
  } catch {
    return Number.NaN;
  }
}

/** `market proof generate`: what the flags do not say, the stack does. Needs no devnet. */
export async function generateForUser(
  ctx: ServiceContext,
  { memory, ...input }: Omit<GenerateInput, 'memoryBytes'> & { memory?: string | undefined },
): Promise<GenerateResult> {
  const memoryBytes = sizeOf('--memory', memory);
  const choice = await generatorOf(await readStack({ ...ctx, system: system.name }), input);
  return generate(ctx, { ...input, ...choice, memoryBytes });
}

/**
 * @throws DevkitError JOB_FAILED with the last lines of a generator that gave no good proof; HOST_UNFIT with the arithmetic when its
 * shards do not fit into this machine; USAGE for files that are not what they should be
 */
export async function generate(ctx: ServiceContext, input: GenerateInput): Promise<GenerateResult> {
  const { emit, signal } = ctx;
  const onLine = (line: string): void => emit({ type: 'log', component: 'proof-generator', line });
  const binary = input.image === undefined ? input.program : IMAGE_PROGRAM;
  const given = Object.entries({
    binary,
    smp: input.smp,
    shard0MemScale: input.shard0MemScale,
    memoryBytes: input.memoryBytes,
  });
  const { circuitInput, publicInput, proofOut } = input;
  try {
    const { proof, judgedBy } = await generateProof({
      circuitInput,
      publicInput,
      proofOut,
      ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
      ...(input.image === undefined ? {} : { run: (argv) => runInImage(ctx, input, argv, onLine) }),
      signal,
      onLine,
    });
    return { file: proofOut, length: proof.length, judgedBy };
  } catch (error) {
    throw explained(error);
  }
}

/** Before producers ask for work. @throws DevkitError HOST_UNFIT with the arithmetic */
export function requireMemory(plan: ShardPlan): void {
  try {
    checkShards(plan);
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  if (error instanceof MemoryPlanError) {
    return new DevkitError('HOST_UNFIT', error.message, {
      hint: 'another --memory, --smp or --shard0-mem-scale',
      cause: error,
    });
  }
  if (error instanceof GeneratorFlagError) {
    return new DevkitError('CONFIG_INVALID', error.message, { hint: MEND, cause: error });
  }
  if ((error as NodeJS.ErrnoException).code === 'ERR_FS_EISDIR') {
    return new DevkitError('USAGE', `--proof_out ${(error as NodeJS.ErrnoException).path}: it is a folder`, {
      hint: 'name a file in it',
      cause: error,
    });
  }
  if (!(error instanceof GenerateError)) return error;
  const lines = error.lines.filter((line) => line.trim() !== '').slice(-20);
  return new DevkitError('JOB_FAILED', [error.message, ...lines.map((line) => `  ${line}`)].join('\n'), {
    hint: MEND,
    cause: error,
  });
}

/** Where the toolchain's image has it. */
const IMAGE_PROGRAM = '/usr/bin/proof-generator';
/** Where the toolchain's images expect a project. */
const PROJECT = '/opt/project';

/** The files keep their folders: each is mounted, and named by its place in the container. */
async function runInImage(
  { paths, emit, signal }: ServiceContext,
  input: GenerateInput,
  argv: readonly string[],
  onLine: (line: string) => void,
): Promise<ProgramEnd> {
  const { image = '', circuitInput, publicInput, proofOut, memoryBytes } = input;
  const [{ connectEngine }, { pullMissing }, { runOnce }] = await Promise.all([
    import('../../runtimes/docker/engine.ts'),
    import('../../runtimes/docker/pull.ts'),
    import('../../runtimes/docker/run-once.ts'),
  ]);
  const engine = await connectEngine();
  await pullMissing(engine, [image], { emit, signal });
  const folders = [...new Set([circuitInput, publicInput, proofOut].map((file) => dirname(resolve(file))))];
  const inside = (file: string): string =>
    `${PROJECT}/${folders.indexOf(dirname(file))}${file.slice(dirname(file).length)}`;
  const files = [circuitInput, publicInput, proofOut];
  const mounts = folders.map((source, index): Mount => {
    // side files are written next to the proof
    return { source, target: `${PROJECT}/${index}`, readOnly: source !== dirname(proofOut) };
  });
  const { exitCode, lines, outOfMemory } = await runOnce(engine, paths, {
    what: 'the proof generator',
    image,
    entrypoint: [argv[0] ?? IMAGE_PROGRAM],
    argv: argv.slice(1).map((word) => (files.includes(word) ? inside(word) : word)),
    mounts,
    cwd: PROJECT,
    user: userOf(),
    memoryBytes,
    signal,
    onLine,
  });
  return { exitCode, killedBy: null, lines: outOfMemory ? [...lines, 'killed at its memory limit'] : lines };
}

/** As the guide runs it: `--user $(id -u):$(id -g)`. */
const userOf = (): string => `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
