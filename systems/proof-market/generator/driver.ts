/** The reference proof generator behind the real flags: checks memory, proves in a limited process, verifies, then writes the file. */
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { formatBytes } from '../../../lib/units.ts';
import { usableMemory } from '../../../lib/usable-memory.ts';
import { BB_VERSION } from '../../../proving/bb/binary.ts';
import { DefinitionError, encodeValues, parseDefinition } from '../protocol/proving/definition.ts';
import { PublicInputError, parsePublicInput } from '../protocol/proving/public-input.ts';
import { createVerifier } from '../protocol/proving/verify.ts';
import {
  GeneratorFlagError,
  type GeneratorFlags,
  type GeneratorName,
  generatorHelp,
  parseGeneratorFlags,
} from './flags.ts';
import { type GeneratorJob, readJob } from './job-files.ts';
import { limitMemory } from './limit.ts';
import {
  checkPlan,
  describePlan,
  type MemoryPlan,
  MemoryPlanError,
  planMemory,
  REFERENCE_NEED_BYTES,
} from './memory.ts';
import { MemoryExceededError, runWatched } from './memory-watch.ts';
import type { ProgramEnd } from './run-program.ts';

/** Exit codes; upstream's programs give 0 for nearly everything. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

export interface DriverOptions {
  name: GeneratorName;
  argv: readonly string[];
  /** The program that proves: `[node, worker.ts]`; takes `WorkerJob` as its one argument. */
  worker: readonly string[];
  print: (line: string) => void;
  printError: (line: string) => void;
  signal: AbortSignal;
}

/** What the worker gets, as JSON: it writes the proof's text to `proofOut`. */
export interface WorkerJob {
  circuitInput: string;
  publicInput: string;
  proofOut: string;
  threads: number;
}

/** The prover did not give a proof. */
class ProverError extends Error {}

/** Runs the generator; the exit code. Prints what upstream's programs print, `proof-generator-mt` also the code itself. */
export async function runDriver(options: DriverOptions): Promise<number> {
  const code = await exitCodeOf(options);
  if (options.name === 'proof-generator-mt') options.print(String(code));
  return code;
}

async function exitCodeOf(options: DriverOptions): Promise<number> {
  const { name, argv, print, printError, signal } = options;
  try {
    const parsed = await parseGeneratorFlags(name, argv);
    if (parsed.action === 'help') print(generatorHelp(name));
    if (parsed.action === 'version') print(`${name} of devkit, variant reference (UltraHonk by bb ${BB_VERSION})`);
    if (parsed.action !== 'generate') return EXIT.ok;
    for (const notice of parsed.notices) print(`notice: ${notice}`);
    await generate(parsed.flags, options);
    return EXIT.ok;
  } catch (error) {
    signal.throwIfAborted();
    printError(`${name}: ${(error as Error).message}`);
    if (isUsage(error)) return EXIT.usage;
    if (error instanceof ProverError) return EXIT.failed;
    throw error;
  }
}

const isUsage = (error: unknown): boolean =>
  error instanceof GeneratorFlagError ||
  error instanceof MemoryPlanError ||
  error instanceof DefinitionError ||
  error instanceof PublicInputError;

async function generate(flags: GeneratorFlags, options: DriverOptions): Promise<void> {
  const { print, signal } = options;
  const job = await readJob(flags);
  const { inputs } = parseDefinition(job.definition);
  encodeValues(inputs, parsePublicInput(job.publicInput));
  const plan = sayPlan(flags, options);
  // a proof of an earlier run must not pass for this one's
  await rm(flags.proofOut, { force: true });
  const made = `${flags.proofOut}.${process.pid}.tmp`;
  try {
    await prove(flags, plan, made, options);
    const text = await readFile(made, 'utf8').catch(() => {
      throw new ProverError('the prover ended without a proof');
    });
    print(await verified(text, job, signal));
    await writeFileAtomic(flags.proofOut, text);
  } finally {
    await rm(made, { force: true });
  }
}

/** Checks the memory plan and prints what follows from the flags. @throws MemoryPlanError */
function sayPlan(flags: GeneratorFlags, { name, print }: DriverOptions): MemoryPlan {
  const processors = availableParallelism();
  const usableBytes = usableMemory();
  const plan = planMemory({
    totalBytes: flags.memoryBytes ?? usableBytes,
    smp: flags.smp ?? processors,
    shard0MemScale: flags.shard0MemScale,
  });
  checkPlan(plan, { usableBytes, needBytes: REFERENCE_NEED_BYTES });
  if (name === 'proof-generator-mt') {
    print(`memory: ${describePlan(plan)}`);
    print('memory: the split between shards is advisory: this back end has threads, no shards; the total is a limit');
    const shared = plan.smp > processors ? `, on ${processors} processors` : '';
    print(`threads: ${plan.smp}${shared}`);
  }
  return plan;
}

async function prove(flags: GeneratorFlags, plan: MemoryPlan, proofOut: string, options: DriverOptions): Promise<void> {
  const { totalBytes } = plan;
  const { circuitInput, publicInput } = flags;
  const job: WorkerJob = { circuitInput, publicInput, proofOut, threads: plan.smp };
  const command = await limitMemory([...options.worker, JSON.stringify(job)], totalBytes);
  options.print(`memory limit: ${command.enforced}`);
  const end = await runWatched({ argv: command.argv, signal: options.signal }, totalBytes).catch((error: Error) => {
    throw error instanceof MemoryExceededError ? new ProverError(`the prover was stopped: ${error.message}`) : error;
  });
  if (end.exitCode !== 0) throw failure(end, totalBytes);
}

const NO_MEMORY = /bad_alloc|out of memory|Cannot allocate memory|ENOMEM|could not allocate|allocation failed/i;

function failure({ exitCode, killedBy, lines }: ProgramEnd, limitBytes: number): ProverError {
  const why = lines.find((line) => NO_MEMORY.test(line));
  if (why !== undefined) {
    const most = formatBytes(limitBytes);
    return new ProverError(`the prover was stopped: more than the ${most} that it may have (${why.trim()})`);
  }
  const last = lines.filter((line) => line.trim() !== '').at(-1) ?? 'no output';
  return new ProverError(
    `the prover ${killedBy === null ? `exited with ${exitCode}` : `was killed by ${killedBy}`}: ${last}`,
  );
}

/** The verdict in upstream's words, with what the proof says. @throws ProverError */
async function verified(text: string, job: GeneratorJob, signal: AbortSignal): Promise<string> {
  const verdict = await createVerifier().check({ ...job, proof: text, signal });
  if (verdict.verdict !== 'accepted') throw new ProverError(`the proof was refused: ${verdict.reason}`);
  const outputs = Object.entries(verdict.outputs).map(([name, value]) => `${name} = ${value}`);
  return `outputs: ${outputs.join(', ')}\nInner verification passed`;
}
