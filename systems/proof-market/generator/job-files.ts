/** What the flags name: statement and public input, as a path or as the JSON itself. */
import { readFile } from 'node:fs/promises';
import { parseJson } from '../protocol/json.ts';
import { GeneratorFlagError } from './flags.ts';

export interface GeneratorJob {
  /** `_key`; null when the statement is not published. */
  statementKey: string | null;
  definition: unknown;
  publicInput: unknown;
}

/** @throws GeneratorFlagError naming the flag */
export async function readJob(flags: { circuitInput: string; publicInput: string }): Promise<GeneratorJob> {
  const statement = await readJsonOf('circuit_input', flags.circuitInput);
  if (typeof statement !== 'object' || statement === null || !('definition' in statement)) {
    throw new GeneratorFlagError('--circuit_input: not a statement (it has no "definition")');
  }
  const key = '_key' in statement ? statement._key : undefined;
  return {
    statementKey: typeof key === 'string' ? key : null,
    definition: statement.definition,
    publicInput: await readJsonOf('public_input', flags.publicInput),
  };
}

async function readJsonOf(flag: string, value: string): Promise<unknown> {
  const inline = /^\s*[[{"]/.test(value);
  try {
    return parseJson(inline ? value : await readFile(value, 'utf8'));
  } catch (error) {
    throw new GeneratorFlagError(`--${flag}: ${inline ? 'the JSON given' : value}: ${(error as Error).message}`);
  }
}
