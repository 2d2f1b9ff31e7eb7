/** bb under the reference string of a statement, and the true key of its program. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readJson } from '../../../../lib/atomic-file.ts';
import { cacheDir as defaultCacheDir } from '../../../../lib/cache-dir.ts';
import { keyShape } from '../../../../proving/bb/shape.ts';
import { type Bb, CrsTooSmallError, createBb } from '../../../../proving/bb.ts';
import { ensureCrs } from '../../../../proving/crs.ts';
import { cachedKey } from '../../../../proving/key-cache.ts';
import type { Crs, VerificationKey } from '../../../../proving/types.ts';
import { type Definition, DefinitionError, fieldCount, parseDefinition, type StatementCircuit } from './definition.ts';
import { committedKey, EXAMPLE_ARTIFACT } from './example.ts';

/** Largest circuit that is taken: 2^17 gates take 5 to 11 s on two cores, and the generator's 1 GiB is measured up to there. */
export const MAX_LOG_SIZE = 17;
/** A program of that size has a few MiB; gzip may hide far more. */
const MAX_PROGRAM_BYTES = 64 * 2 ** 20;

export interface BackEnd {
  crs: Crs;
  bb: Bb;
  /** The program's own key; the statement's is equal to it. */
  key: VerificationKey;
}

export interface BackEndOptions {
  /** For reference strings and keys; default: the kit's cache folder. */
  cacheDir?: string;
  signal?: AbortSignal;
}

/**
 * Makes ready what proving and verifying a statement take. The key of a program is made by bb once a machine (the committed one is
 * there already), and the one in the statement must be equal.
 * @throws DefinitionError for another key, a circuit too large, or a reference string that is not at hand
 */
export async function openBackEnd(statement: StatementCircuit, options: BackEndOptions = {}): Promise<BackEnd> {
  const { cacheDir = defaultCacheDir(), signal } = options;
  const stated = statement.key;
  const crs = await crsOf(statement, cacheDir, signal);
  const bb = createBb({ crs, cacheDir });
  const key = (await committedKey(statement, crs.id)) ?? (await madeKey(statement, { crs, bb, cacheDir, signal }));
  if (key.hash !== stated.hash || Buffer.compare(key.bytes, stated.bytes) !== 0) throw foreignKey();
  const expected = fieldCount(statement.inputs) + fieldCount(statement.outputs);
  const { publicInputs } = keyShape(key);
  if (publicInputs === expected) return { crs, bb, key };
  throw new DefinitionError(`the program has ${publicInputs} public inputs, not ${expected}`);
}

/**
 * Makes the dev reference string and the verifier's program where they are missing; whoever only reads the cache needs both.
 * `largest`: for every circuit that is taken, not just for the example.
 */
export async function prepareBackEnd(options: {
  cacheDir: string;
  largest: boolean;
  signal: AbortSignal;
}): Promise<void> {
  const { cacheDir, largest, signal } = options;
  const definition = await readJson<Definition>(EXAMPLE_ARTIFACT);
  const logSize = largest || definition === undefined ? MAX_LOG_SIZE : logSizeOf(parseDefinition(definition));
  const crs = await ensureCrs({ crs: 'dev', points: 2 ** logSize + 1, cacheDir, signal });
  await createBb({ crs, cacheDir }).prepare();
  await mkdir(join(cacheDir, 'keys'), { recursive: true });
}

/** log2 of the circuit's size, as the statement's key says. @throws DefinitionError */
export function logSizeOf(statement: StatementCircuit): number {
  let logSize: number;
  try {
    logSize = keyShape(statement.key).logSize;
  } catch (error) {
    throw new DefinitionError((error as Error).message);
  }
  if (logSize <= MAX_LOG_SIZE) return logSize;
  throw new DefinitionError(`a circuit of 2^${logSize} gates is too large: at most 2^${MAX_LOG_SIZE}`);
}

async function crsOf(statement: StatementCircuit, cacheDir: string, signal: AbortSignal | undefined): Promise<Crs> {
  // making a key takes one point more than the circuit's size
  const points = 2 ** logSizeOf(statement) + 1;
  const kind = statement.crs.startsWith('dev-') ? 'dev' : statement.crs;
  if (kind !== 'dev' && kind !== 'ignition') {
    throw new DefinitionError(`the reference string ${statement.crs} is not at hand: dev-1 and ignition are`);
  }
  const crs = await ensureCrs({ crs: kind, points, cacheDir, ...(signal && { signal }) });
  if (crs.id === statement.crs) return crs;
  throw new DefinitionError(`the reference string ${statement.crs} is not at hand: this version has ${crs.id}`);
}

async function madeKey(
  { circuit, program }: StatementCircuit,
  context: { crs: Crs; bb: Bb; cacheDir: string; signal: AbortSignal | undefined },
): Promise<VerificationKey> {
  checkProgramSize(program.bytecode);
  const { signal, ...rest } = context;
  try {
    return await cachedKey({ circuit, program, target: 'recursive', ...rest, ...(signal && { signal }) });
  } catch (error) {
    // more gates than the statement's key says
    if (error instanceof CrsTooSmallError) throw foreignKey();
    throw error;
  }
}

function checkProgramSize(bytecode: string): void {
  try {
    gunzipSync(Buffer.from(bytecode, 'base64'), { maxOutputLength: MAX_PROGRAM_BYTES });
  } catch (error) {
    throw new DefinitionError(`the program's bytecode cannot be used: ${(error as Error).message}`);
  }
}

const foreignKey = (): DefinitionError =>
  new DefinitionError('verification_key is not the key of the program in proving_key');
