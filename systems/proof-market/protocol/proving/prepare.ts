/** A Noir package as the definition of a statement. */
import { basename, resolve } from 'node:path';
import { cacheDir as defaultCacheDir } from '../../../../lib/cache-dir.ts';
import { createBb } from '../../../../proving/bb.ts';
import { ensureCrs } from '../../../../proving/crs.ts';
import { cachedKey } from '../../../../proving/key-cache.ts';
import { compileProgram } from '../../../../proving/noir.ts';
import { type BackEndOptions, MAX_LOG_SIZE } from './back-end.ts';
import {
  type Definition,
  DefinitionError,
  encodeDefinition,
  outputsOf,
  parametersOf,
  parseDefinition,
} from './definition.ts';
import { EXAMPLE_OUTPUTS, EXAMPLE_PACKAGE } from './example.ts';

export interface PrepareOptions extends BackEndOptions {
  /** Names of what the program returns, in order; default: `output0`, … */
  outputs?: readonly string[] | undefined;
}

/**
 * Compiles the package in `dir` and makes its key for the dev reference string; nothing that was made before is looked at but cached keys.
 * @throws CompileError with file and line, DefinitionError for a program whose parameters are not all public numbers, or that is too large
 */
export async function prepareDefinition(dir: string, options: PrepareOptions = {}): Promise<Definition> {
  const { cacheDir = defaultCacheDir(), outputs, signal } = options;
  const abort = signal === undefined ? {} : { signal };
  const program = await compileProgram(dir);
  const inputs = parametersOf(program);
  const named = outputsOf(program, outputs);
  const small = await ensureCrs({ crs: 'dev', points: 1, cacheDir, ...abort });
  const gates = await createBb({ crs: small, cacheDir }).gateCount({ program, target: 'recursive', ...abort });
  const logSize = Math.ceil(Math.log2(gates));
  if (logSize > MAX_LOG_SIZE) {
    throw new DefinitionError(`${gates} gates are too many: at most 2^${MAX_LOG_SIZE} = ${2 ** MAX_LOG_SIZE}`);
  }
  const crs = await ensureCrs({ crs: 'dev', points: 2 ** logSize + 1, cacheDir, ...abort });
  const circuit = basename(resolve(dir));
  const bb = createBb({ crs, cacheDir });
  const key = await cachedKey({ circuit, program, target: 'recursive', bb, crs, cacheDir, ...abort });
  const definition = encodeDefinition({ circuit, inputs, outputs: named, program, key, crs: crs.id });
  parseDefinition(definition);
  return definition;
}

/** Content of `EXAMPLE_ARTIFACT`, from the source. */
export const generateExample = async (options: BackEndOptions): Promise<string> =>
  `${JSON.stringify(await prepareDefinition(EXAMPLE_PACKAGE, { ...options, outputs: EXAMPLE_OUTPUTS }), null, 1)}\n`;
