/** The arithmetic example, statement 32326 of the market: compiled program and key of the dev reference string are committed. */
import { join } from 'node:path';
import { readJson } from '../../../../lib/atomic-file.ts';
import type { VerificationKey } from '../../../../proving/types.ts';
import { type Definition, parseDefinition, programId, type StatementCircuit } from './definition.ts';

const CIRCUIT = 'arithmetic_example';
const CIRCUITS_DIR = join(import.meta.dirname, '../../circuits');
/** Its Noir package. */
export const EXAMPLE_PACKAGE = join(CIRCUITS_DIR, CIRCUIT);
/** What it returns. */
export const EXAMPLE_OUTPUTS = ['sum', 'product'];
/** The definition as it stands in the statement, as JSON. */
export const EXAMPLE_ARTIFACT = join(CIRCUITS_DIR, 'artifacts', `${CIRCUIT}.json`);

/** A statement as it is pushed. */
export interface StatementBody {
  name: string;
  description: string;
  url: string;
  input_description: string;
  type: string;
  isPrivate: boolean;
  definition: Definition;
}

/** The statement that every market starts with. @throws Error when the committed file is missing */
export async function exampleStatement(): Promise<StatementBody> {
  const definition = await readJson<Definition>(EXAMPLE_ARTIFACT);
  if (definition === undefined) throw new Error(`${EXAMPLE_ARTIFACT} is missing`);
  return {
    name: 'arithmetic-example',
    description:
      "Sum and product of two public numbers in Pallas' base field. A Noir circuit, proven as UltraHonk by bb under the reference " +
      'string that verification_key names.',
    url: 'https://github.com/NilFoundation/zkLLVM/tree/master/examples',
    input_description: 'Two numbers below the field\'s modulus: {"input":"1\\n11"} or [{"field":"1"},{"field":"11"}]',
    type: 'placeholder-zkllvm',
    isPrivate: false,
    definition,
  };
}

/** The committed key when it is for this program and reference string. */
export async function committedKey(
  { program }: Pick<StatementCircuit, 'program'>,
  crsId: string,
): Promise<VerificationKey | undefined> {
  const definition = await readJson<Definition>(EXAMPLE_ARTIFACT);
  if (definition === undefined) return undefined;
  const committed = parseDefinition(definition);
  return committed.crs === crsId && programId(committed.program) === programId(program) ? committed.key : undefined;
}
