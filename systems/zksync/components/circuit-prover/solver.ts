/** A witness-vector thread as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import type { CircuitInputs, Program } from '../../../../proving/types.ts';
import { JobInputError } from '../workers/final.ts';
import type { SolveAnswer, SolveRequest } from './solver-thread.ts';

/** The thread died over the inputs, or could not do its work. The job fails, the component goes on. */
export class WitnessError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WitnessError';
  }
}

/** One thread; at most one `solve` at a time. */
export interface Solver {
  solve(program: Program, inputs: CircuitInputs): Promise<Uint8Array>;
  close(): Promise<void>;
}

function ask(worker: Worker, request: SolveRequest): Promise<SolveAnswer> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      finish();
    };
    const onMessage = (answer: SolveAnswer) => done(() => resolve(answer));
    const onError = (error: Error) => done(() => reject(error));
    const onExit = (code: number) => done(() => reject(new Error(`the thread ended with code ${code}`)));
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(request);
  });
}

/** Starts the thread, which warms up with a small program. One that dies over a job is replaced at the next one. */
export function openSolver(warmUp: Program): Solver {
  const start = () => {
    const worker = new Worker(new URL('./solver-thread.ts', import.meta.url), { workerData: warmUp });
    // an idle thread that dies must not take the process with it; the next `ask` meets its exit
    worker.on('error', () => undefined);
    worker.unref();
    return worker;
  };
  let worker: Worker | undefined = start();
  return {
    async solve(program, inputs) {
      worker ??= start();
      let answer: SolveAnswer;
      try {
        answer = await ask(worker, { program, inputs });
      } catch (error) {
        worker = undefined;
        throw new WitnessError(`witness thread failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      if ('error' in answer) throw answer.final ? new JobInputError(answer.error) : new WitnessError(answer.error);
      return answer.witness;
    },
    async close() {
      await worker?.terminate();
      worker = undefined;
    },
  };
}
