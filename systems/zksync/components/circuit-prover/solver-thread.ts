/**
 * Entry of a witness-vector thread: solves one witness at a time, so that the main thread stays free for proofs and rows.
 * Its worker data is the program to warm up with.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { CircuitInputError, solveWitness, WitnessUnsatisfiedError } from '../../../../proving/noir.ts';
import type { CircuitInputs, Program } from '../../../../proving/types.ts';
import { warmUp } from '../workers/warm-up.ts';

/** What the thread is asked. */
export interface SolveRequest {
  program: Program;
  inputs: CircuitInputs;
}

/** What it answers: the witness file of noir_js, or why there is none. */
export type SolveAnswer =
  | { witness: Uint8Array }
  | { error: string /** No witness exists for these inputs. */; final: boolean };

async function solve(request: SolveRequest): Promise<SolveAnswer> {
  try {
    return { witness: await solveWitness(request.program, request.inputs) };
  } catch (error) {
    const final = error instanceof WitnessUnsatisfiedError || error instanceof CircuitInputError;
    return { error: error instanceof Error ? error.message : String(error), final };
  }
}

if (parentPort !== null) {
  const port = parentPort;
  port.on('message', async (request: SolveRequest) => port.postMessage(await solve(request)));
  await warmUp(workerData as Program);
}
