/** Proves a statement for a public input. */
import { solveWitness } from '../../../../proving/noir.ts';
import { type BackEndOptions, openBackEnd } from './back-end.ts';
import { encodeValues, type NamedValue, parseDefinition, programId } from './definition.ts';
import { toLimbs } from './pallas.ts';
import { encodeProofText } from './proof-file.ts';
import { parsePublicInput } from './public-input.ts';

export interface ProveJob extends BackEndOptions {
  /** `_key` of the statement; null when it has none yet. */
  statementKey: string | null;
  definition: unknown;
  publicInput: unknown;
  /** Threads of bb. */
  threads: number;
}

/**
 * The text of the proof file; the proof has been verified.
 * @throws DefinitionError, PublicInputError, WitnessUnsatisfiedError
 */
export async function proveStatement(job: ProveJob): Promise<string> {
  const { statementKey, threads, signal } = job;
  const statement = parseDefinition(job.definition);
  const values = parsePublicInput(job.publicInput);
  encodeValues(statement.inputs, values); // counts and ranges first: the rest takes a second
  const { crs, bb, key } = await openBackEnd(statement, job);
  const witness = await solveWitness(statement.program, circuitInputs(statement.inputs, values));
  const proof = await bb.prove({ program: statement.program, key, witness, threads, ...(signal && { signal }) });
  return encodeProofText({
    statement: statementKey,
    circuit: statement.circuit,
    program: programId(statement.program),
    keyHash: key.hash,
    crs: crs.id,
    publicInputs: proof.publicInputs,
    proof: proof.bytes,
  });
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

function circuitInputs(inputs: readonly NamedValue[], values: readonly bigint[]): Record<string, string | string[]> {
  return Object.fromEntries(
    inputs.map(({ name, type }, index) => {
      const value = values[index]!;
      return [name, type === 'pallas' ? toLimbs(value).map(hex) : hex(value)];
    }),
  );
}
