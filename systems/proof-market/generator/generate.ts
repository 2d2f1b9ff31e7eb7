/** Runs a proof generator, the reference one or a user's binary, and judges it by what it wrote. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { usableMemory } from '../../../lib/usable-memory.ts';
import { createVerifier } from '../protocol/proving/verify.ts';
import { type GeneratorJob, readJob } from './job-files.ts';
import { limitMemory } from './limit.ts';
import { checkPlan, planMemory, REFERENCE_NEED_BYTES } from './memory.ts';
import { MemoryExceededError, runWatched } from './memory-watch.ts';
import { type ProgramEnd, runProgram } from './run-program.ts';

/** No proof came of it. `final`: another attempt with the same files can do no better. */
export class GenerateError extends Error {
  override readonly name = 'GenerateError';
  readonly final: boolean;
  /** The last lines that the generator printed. */
  readonly lines: readonly string[];

  constructor(message: string, { final = false, lines = [] as readonly string[] } = {}) {
    super(message);
    this.final = final;
    this.lines = lines;
  }
}

/** How the multithreaded generator is to divide how much memory. */
export interface ShardPlan {
  smp?: number | undefined;
  shard0MemScale?: number | undefined;
  memoryBytes?: number | undefined;
}

export interface GenerateRequest {
  /** Path of the user's generator; absent: the reference one. */
  binary?: string;
  /** Runs the user's generator in place of a process of this machine; its memory is limited by whoever runs it. */
  run?: (argv: readonly string[]) => Promise<ProgramEnd>;
  circuitInput: string;
  publicInput: string;
  proofOut: string;
  /** Any of them makes it `proof-generator-mt`. */
  smp?: number;
  shard0MemScale?: number;
  memoryBytes?: number;
  signal: AbortSignal;
  onLine?: (line: string) => void;
}

export interface Generated {
  /** Text of the proof file. */
  proof: string;
  /** `verifier`: checked here. `message`: the generator said that it verified its own proof; nothing here can. */
  judgedBy: 'verifier' | 'message';
}

const COMPONENT = join(import.meta.dirname, '../components/proof-generator');

/** Argument vector; upstream's order. */
export function generatorArgv(request: Omit<GenerateRequest, 'signal' | 'onLine' | 'run'>): string[] {
  const { binary, circuitInput, publicInput, proofOut, smp, shard0MemScale, memoryBytes } = request;
  const mt = smp !== undefined || shard0MemScale !== undefined || memoryBytes !== undefined;
  const program = binary === undefined ? [process.execPath, join(COMPONENT, mt ? 'main-mt.ts' : 'main.ts')] : [binary];
  const flags = ['--circuit_input', circuitInput, '--public_input', publicInput, '--proof_out', proofOut];
  if (smp !== undefined) flags.push('--smp', String(smp));
  if (shard0MemScale !== undefined) flags.push('--shard0-mem-scale', String(shard0MemScale));
  // only the reference one knows this flag: another's memory is limited, not told
  if (binary === undefined && memoryBytes !== undefined) flags.push('--memory', String(memoryBytes));
  return [...program, ...flags];
}

/**
 * Runs the generator. The output file is removed first; a proof counts when the file is there, and the verifier accepts it or, for a
 * statement that it does not know, the generator said that its own verification passed. Exit codes prove nothing.
 * @throws GenerateError, MemoryPlanError for shards that the machine cannot hold, GeneratorFlagError for files that are not what they should be
 */
export async function generateProof(request: GenerateRequest): Promise<Generated> {
  const job = await readJob(request);
  await mkdir(dirname(request.proofOut), { recursive: true });
  await rm(request.proofOut, { force: true });
  const end = await runGenerator(request).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof MemoryExceededError) throw new GenerateError(`the generator was stopped: ${error.message}`);
    if (error.syscall?.startsWith('spawn') !== true) throw error;
    throw new GenerateError(`${request.binary ?? 'the generator'} cannot be started: ${error.code}`, { final: true });
  });
  return judge(request, job, end);
}

async function runGenerator(request: GenerateRequest): Promise<ProgramEnd> {
  const { binary, memoryBytes, signal, onLine } = request;
  checkShards(request, binary === undefined ? REFERENCE_NEED_BYTES : 0);
  const argv = generatorArgv(request);
  const program = { signal, ...(onLine && { onLine }) };
  // it limits memory itself
  if (binary === undefined) return runProgram({ ...program, argv });
  if (request.run !== undefined) return request.run(argv);
  if (memoryBytes === undefined) return runProgram({ ...program, argv });
  const limited = await limitMemory(argv, memoryBytes);
  return runWatched({ ...program, argv: limited.argv }, memoryBytes);
}

/** Whether the shards of a generator fit into this machine, and what it needs in all into them. @throws MemoryPlanError with the arithmetic */
export function checkShards({ memoryBytes, smp, shard0MemScale }: ShardPlan, needBytes = 0): void {
  const usableBytes = usableMemory();
  const plan = planMemory({
    totalBytes: memoryBytes ?? usableBytes,
    smp: smp ?? availableParallelism(),
    shard0MemScale: shard0MemScale ?? 1,
  });
  checkPlan(plan, { usableBytes, needBytes });
}

const USAGE = 2;
const OWN_VERDICT = /Inner verification passed|Proof is verified/;

async function judge(request: GenerateRequest, job: GeneratorJob, end: ProgramEnd): Promise<Generated> {
  const proof = await readFile(request.proofOut, 'utf8').catch(() => '');
  if (proof === '') {
    throw new GenerateError(`the generator wrote no proof (${howItEnded(end)})`, {
      final: request.binary === undefined && end.exitCode === USAGE,
      lines: end.lines,
    });
  }
  const checked = await createVerifier().check({ ...job, proof, signal: request.signal });
  if (checked.verdict === 'accepted') return { proof, judgedBy: 'verifier' };
  if (checked.verdict === 'rejected') {
    throw new GenerateError(`the generator wrote a bad proof: ${checked.reason}`, { lines: end.lines });
  }
  if (end.lines.some((line) => OWN_VERDICT.test(line))) return { proof, judgedBy: 'message' };
  throw new GenerateError(`the generator did not say that its proof is verified (${howItEnded(end)})`, {
    lines: end.lines,
  });
}

function howItEnded({ exitCode, killedBy, lines }: ProgramEnd): string {
  const last = lines.filter((line) => line.trim() !== '' && !/^\d+$/.test(line)).at(-1);
  const how = killedBy === null ? `exit code ${exitCode}` : `killed by ${killedBy}`;
  return last === undefined ? how : `${how}: ${last}`;
}
