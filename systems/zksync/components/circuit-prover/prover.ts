/** Both stages of a prover job: witness threads that pick and solve, and a prover that runs bb on what they solved. */
import type { Bb } from '../../../../proving/bb.ts';
import type { Program } from '../../../../proving/types.ts';
import type { CircuitName } from '../../protocol/circuits.ts';
import { PROVER_PROTOCOL_VERSION } from '../../protocol/ids.ts';
import type { Circuit, CircuitSet } from '../../protocol/keys/circuit-set.ts';
import type { ProverJob } from '../../protocol/prover-db/jobs.ts';
import { pickProverJob } from '../../protocol/prover-db/pick.ts';
import { saveProof } from '../../protocol/prover-db/save.ts';
import { circuitKey, proofKey } from '../../protocol/store/keys.ts';
import { workerLoop } from '../shared/worker-loop.ts';
import { CIRCUIT, type CircuitBlob, PROOF, readBlob, writeBlob } from '../workers/blobs.ts';
import type { WorkerEnv } from '../workers/env.ts';
import type { PickerPlan } from '../workers/flags.ts';
import { doJob, fail, giveBack, loopSettings, type SaveRows } from '../workers/job.ts';
import type { JobMetrics } from '../workers/metrics.ts';
import type { Solver } from './solver.ts';
import { createHandover, createPlaces, type Handover, type Places, type ProverPlan, threadsFor } from './stages.ts';

export interface ProverContext {
  env: WorkerEnv;
  circuits: CircuitSet;
  bb: Bb;
  plan: ProverPlan;
  metrics: JobMetrics;
  /** Aborted when running proofs have to be dropped. */
  hardSignal: AbortSignal;
  openSolver(warmUp: Program): Solver;
}

/** A job with its witness, ready to prove. */
interface Ready {
  job: ProverJob;
  blob: CircuitBlob;
  circuit: Circuit;
  witness: Uint8Array;
  startedAt: number;
}

interface Stages {
  /** Places for jobs that are picked and not being proved yet. */
  ahead: Places;
  ready: Handover<Ready>;
  /** Jobs in the witness threads and in bb. */
  solving: number;
  proving: number;
}

type Mode = 'next' | 'light' | 'heavy';

/** One entry per witness thread: how it picks. */
export function modesOf(pickers: PickerPlan): Mode[] {
  if (pickers.kind === 'next') return new Array<Mode>(pickers.threads).fill('next');
  return [...new Array<Mode>(pickers.light).fill('light'), ...new Array<Mode>(pickers.heavy).fill('heavy')];
}

/** Runs until the component stops; then running proofs are finished and everything before them is given back. */
export async function runProver(ctx: ProverContext, pickers: PickerPlan): Promise<void> {
  const modes = modesOf(pickers);
  const stages: Stages = {
    ahead: createPlaces(Math.max(modes.length, ctx.plan.jobs)),
    ready: createHandover(),
    solving: 0,
    proving: 0,
  };
  const provers = Array.from({ length: ctx.plan.jobs }, () => proveLoop(ctx, stages));
  await Promise.all([...modes.map((mode) => solveLoop(ctx, stages, mode)), ...provers]);
  await Promise.all(stages.ready.drain().map(({ job }) => giveBack(ctx.env, job)));
}

async function solveLoop(ctx: ProverContext, stages: Stages, mode: Mode): Promise<void> {
  const { env } = ctx;
  const solver = ctx.openSolver(ctx.circuits.circuit('compressor').program);
  const picker = { version: PROVER_PROTOCOL_VERSION, podName: env.podName };
  const pick = async (): Promise<ProverJob | undefined> => {
    await stages.ahead.take(env.signal);
    let job: ProverJob | undefined;
    try {
      job = await pickProverJob(env.pool, picker, mode);
      return job;
    } finally {
      if (job === undefined) stages.ahead.give();
    }
  };
  try {
    await workerLoop({
      ...loopSettings(env, env.waker, 'prover'),
      pick,
      run: (job) => solveJob(ctx, stages, solver, job),
    });
  } catch (error) {
    if (!env.signal.aborted) throw error;
  } finally {
    await solver.close();
  }
}

async function solveJob(ctx: ProverContext, stages: Stages, solver: Solver, job: ProverJob): Promise<void> {
  const { env, metrics } = ctx;
  const startedAt = performance.now();
  stages.solving += 1;
  let ready: Ready;
  try {
    ready = { job, startedAt, ...(await solve(ctx, solver, job)) };
  } catch (error) {
    stages.ahead.give();
    metrics.done('witness_vector', '', await fail(env, job, error), 0);
    return;
  } finally {
    stages.solving -= 1;
  }
  if (env.signal.aborted) {
    await giveBack(env, job);
    return;
  }
  metrics.done('witness_vector', ready.circuit.name, 'successful', performance.now() - startedAt);
  stages.ready.put(ready);
}

async function solve({ env, circuits }: ProverContext, solver: Solver, job: ProverJob) {
  const { batch, chainId, sequence, circuitId, round, depth } = job;
  const key = circuitKey({ batch, chainId, sequence, circuitId, round, depth });
  const blob = await readBlob(env.store, key, CIRCUIT);
  const circuit = circuits.circuit(blob.circuit as CircuitName);
  return { blob, circuit, witness: await solver.solve(circuit.program, blob.inputs) };
}

async function proveLoop(ctx: ProverContext, stages: Stages): Promise<void> {
  const { env, metrics } = ctx;
  for (;;) {
    let item: Ready;
    try {
      item = await stages.ready.take(env.signal);
    } catch (error) {
      if (env.signal.aborted) return;
      throw error;
    }
    stages.ahead.give();
    const threads = threadsFor(ctx.plan, { proving: stages.proving, behind: stages.solving + stages.ready.size });
    stages.proving += 1;
    const startedAt = performance.now();
    try {
      const outcome = await doJob(env, ctx.hardSignal, item.job, item.startedAt, () => prove(ctx, item, threads));
      metrics.done('proof', item.circuit.name, outcome, performance.now() - startedAt);
    } finally {
      stages.proving -= 1;
    }
  }
}

/** Makes, verifies and stores the proof. */
async function prove({ env, bb, hardSignal }: ProverContext, item: Ready, threads: number): Promise<SaveRows> {
  const { job, circuit, witness, blob } = item;
  const { program, key } = circuit;
  const proof = await bb.prove({ program, key, witness, threads, signal: hardSignal });
  const content = {
    circuit: circuit.name,
    publicInputs: proof.publicInputs,
    proof: proof.bytes,
    children: blob.children,
  };
  const proofBlobUrl = await writeBlob(env.store, proofKey(job.id, job.chainId), PROOF, content);
  return (timeTakenMs) => saveProof(env.pool, job, { proofBlobUrl, timeTakenMs });
}
