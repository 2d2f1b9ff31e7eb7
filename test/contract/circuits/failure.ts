import { solveWitness, WitnessUnsatisfiedError } from '../../../proving/noir.ts';
import type { CircuitInputs, Program } from '../../../proving/types.ts';

/** The text of the failing assertion, or what else the solver says; undefined when there is a witness. */
export async function failureOf(program: Program, inputs: CircuitInputs): Promise<string | undefined> {
  try {
    await solveWitness(program, inputs);
    return undefined;
  } catch (error) {
    if (error instanceof WitnessUnsatisfiedError) return error.assertion ?? error.message;
    throw error;
  }
}
