/** Noir: source folder -> compiled program; program and inputs -> solved witness. */
import { resolve } from 'node:path';
import type { CircuitInputs, Program } from './types.ts';

/** The inputs do not satisfy the circuit. `assertion` is the text of the failing `assert`, where the circuit has one. */
export class WitnessUnsatisfiedError extends Error {
  readonly assertion: string | undefined;

  constructor(assertion: string | undefined, cause: unknown) {
    super(`the inputs do not satisfy the circuit: ${assertion ?? reason(cause)}`, { cause });
    this.name = 'WitnessUnsatisfiedError';
    this.assertion = assertion;
  }
}

/** The inputs cannot be encoded by the program's ABI: a name is missing, or a value has the wrong shape or range. */
export class CircuitInputError extends Error {
  constructor(cause: unknown) {
    super(`the inputs do not fit the circuit's parameters: ${reason(cause)}`, { cause });
    this.name = 'CircuitInputError';
  }
}

/** A Noir package does not compile; the message has every diagnostic with file and line. */
export class CompileError extends Error {
  constructor(dir: string, cause: unknown) {
    super(`cannot compile the Noir package ${dir}:\n${reason(cause)}`, { cause });
    this.name = 'CompileError';
  }
}

/**
 * Compiles the binary package in `dir` (a folder with `Nargo.toml` and `src/main.nr`).
 *
 * Packages can have any number of modules, and library packages beside them by path, nested ones too:
 * `[dependencies]` with `common = { path = "../common" }`, where `common` has `type = "lib"` and `src/lib.nr`. Versions and git
 * dependencies need a network and are not supported. The bytecode does not depend on where the folder lies.
 * Debug symbols, sources and the compiler's own hash are left out, so equal sources give equal programs.
 * The first call in a process takes seconds (loads the compiler), the next ones well below one.
 */
export async function compileProgram(dir: string): Promise<Program> {
  const { compile, createFileManager } = await loadCompiler();
  const silent = () => {};
  try {
    const { program } = await withoutBanner(() => compile(createFileManager(resolve(dir)), undefined, silent, silent));
    return { noir_version: program.noir_version, abi: program.abi, bytecode: program.bytecode };
  } catch (error) {
    throw new CompileError(dir, error);
  }
}

/**
 * Solves the circuit for `inputs` (hex strings for fields and 128-bit values, numbers for u32, booleans, arrays and objects of them).
 * Returns the gzipped witness stack, as `Bb.prove` takes it.
 * @throws WitnessUnsatisfiedError when an assertion fails, CircuitInputError when the inputs cannot be encoded.
 */
export async function solveWitness(program: Program, inputs: CircuitInputs): Promise<Uint8Array> {
  const { abi: noirAbi, acvm } = await import('@noir-lang/noir_js');
  const abi = program.abi as Parameters<typeof noirAbi.abiEncode>[0];
  let initial: ReturnType<typeof noirAbi.abiEncode>;
  try {
    initial = noirAbi.abiEncode(abi, inputs as Parameters<typeof noirAbi.abiEncode>[1]);
  } catch (error) {
    throw new CircuitInputError(error);
  }
  try {
    const solved = await acvm.executeProgram(Buffer.from(program.bytecode, 'base64'), initial, foreignCall);
    return acvm.compressWitnessStack(solved);
  } catch (error) {
    if (!isExecutionError(error)) throw error;
    throw new WitnessUnsatisfiedError(assertionOf(noirAbi.abiDecodeError, abi, error), error);
  }
}

interface ExecutionError extends Error {
  rawAssertionPayload?: { selector: string; data: string[] };
  callStack?: string[];
}

/** acvm gives a failed execution a call stack; anything else (unreadable bytecode, a trap) is a fault, not a verdict on the inputs. */
const isExecutionError = (error: unknown): error is ExecutionError =>
  error instanceof Error &&
  ((error as ExecutionError).callStack !== undefined || (error as ExecutionError).rawAssertionPayload !== undefined);

function assertionOf(
  decode: (abi: never, payload: never) => unknown,
  abi: unknown,
  error: ExecutionError,
): string | undefined {
  if (error.rawAssertionPayload === undefined) return undefined;
  try {
    const decoded = decode(abi as never, error.rawAssertionPayload as never);
    return typeof decoded === 'string' ? decoded : JSON.stringify(decoded);
  } catch {
    return undefined; // an assertion without a text in the ABI
  }
}

/** `println` in a circuit prints nothing here; no other oracle exists. */
const foreignCall = async (name: string): Promise<string[]> => {
  if (name === 'print') return [];
  throw new Error(`the circuit calls the oracle "${name}", which does not exist here`);
};

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** noir_wasm writes "Compiling at <path>" to stdout and has no switch for it; stdout belongs to the command's result. */
async function withoutBanner<T>(fn: () => Promise<T>): Promise<T> {
  const out = globalThis.console;
  const { log } = out;
  const filtered: typeof log = (...args) => {
    if (typeof args[0] !== 'string' || !args[0].startsWith('Compiling at ')) log(...args);
  };
  out.log = filtered;
  try {
    return await fn();
  } finally {
    if (out.log === filtered) out.log = log;
  }
}

/** noir_wasm is CommonJS under the `node` condition; its types are for the ES module. */
async function loadCompiler(): Promise<typeof import('@noir-lang/noir_wasm')> {
  const loaded = (await import('@noir-lang/noir_wasm')) as unknown as {
    default?: typeof import('@noir-lang/noir_wasm');
  };
  return loaded.default ?? (loaded as unknown as typeof import('@noir-lang/noir_wasm'));
}
