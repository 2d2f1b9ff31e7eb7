/** One compression job: wrapper proof over the scheduler's, then the final proof file of the batch. */
import type { Bb } from '../../../../proving/bb.ts';
import { solveWitness } from '../../../../proving/noir.ts';
import { planCompressor } from '../../protocol/batch/aggregation.ts';
import type { Hasher } from '../../protocol/batch/hash.ts';
import type { SchedulerPartialInput } from '../../protocol/batch/witness-plan.ts';
import type { BundledProof, FinalProof } from '../../protocol/bundle/bundle.ts';
import { expectedFromWitness } from '../../protocol/bundle/check.ts';
import { checkProofFile, encodeProofFile } from '../../protocol/bundle/proof-file.ts';
import type { CircuitName } from '../../protocol/circuits.ts';
import { ROUND, SCHEDULER_CIRCUIT_ID } from '../../protocol/ids.ts';
import type { CircuitSet } from '../../protocol/keys/circuit-set.ts';
import type { CompressionJob } from '../../protocol/prover-db/jobs.ts';
import { saveCompression } from '../../protocol/prover-db/save.ts';
import { proofKey, proverFinalProofKey, schedulerWitnessKey } from '../../protocol/store/keys.ts';
import { putObject } from '../../protocol/store/object-store.ts';
import { PROOF, type ProofBlob, readBlob, SCHEDULER_INPUT } from '../workers/blobs.ts';
import { ChildCountError, proofJobIds } from '../workers/children.ts';
import type { WorkerEnv } from '../workers/env.ts';
import type { SaveRows } from '../workers/job.ts';
import { gatherProofs } from './gather.ts';

export interface CompressorContext {
  env: Pick<WorkerEnv, 'pool' | 'store'>;
  circuits: CircuitSet;
  hasher: Hasher;
  bb: Bb;
  threads: number;
  hardSignal: AbortSignal;
}

/** The final proof that was put together does not hold; a fault of the prover, never saved. */
export class FinalProofInvalidError extends Error {
  constructor(reason: string) {
    super(`the final proof does not hold: ${reason}`);
    this.name = 'FinalProofInvalidError';
  }
}

/** Makes, checks and stores the final proof. */
export async function compress(ctx: CompressorContext, job: CompressionJob): Promise<SaveRows> {
  const { env, circuits } = ctx;
  const { store } = env;
  const partial = await readBlob(store, schedulerWitnessKey(job), SCHEDULER_INPUT);
  const load = (jobId: number): Promise<ProofBlob> => readBlob(store, proofKey(jobId, job.chainId), PROOF);
  const scheduler = await load(await schedulerJobId(ctx, job));
  const [wrapper, below] = await Promise.all([
    wrap(ctx, job, partial, scheduler),
    circuits.aggregation === 'linked' ? gatherProofs(scheduler, load) : [],
  ]);
  const final = finalProof(circuits, wrapper, below);
  const bytes = encodeProofFile(final, job.version);
  await check(ctx, job, partial, bytes);
  const l1ProofBlobUrl = await putObject(store, proverFinalProofKey(job, job.version), bytes);
  return (timeTakenMs) => saveCompression(env.pool, job, { l1ProofBlobUrl, timeTakenMs });
}

async function schedulerJobId({ env }: CompressorContext, { batch, chainId }: CompressionJob): Promise<number> {
  const filter = { batch, chainId, round: ROUND.scheduler, circuitId: SCHEDULER_CIRCUIT_ID };
  const ids = await proofJobIds(env.pool, filter);
  if (ids.length !== 1) throw new ChildCountError(filter, ids.length, 1);
  return ids[0]!;
}

async function wrap(
  { circuits, hasher, bb, threads, hardSignal }: CompressorContext,
  job: CompressionJob,
  partial: SchedulerPartialInput,
  scheduler: ProofBlob,
): Promise<ProofBlob> {
  const child = { ...scheduler, circuit: scheduler.circuit as CircuitName };
  const name = { chainId: partial.chain_id, batchNumber: job.batch, version: job.version };
  const plan = planCompressor(hasher, circuits, partial, name, child);
  const { program, key } = circuits.circuit(plan.name);
  const witness = await solveWitness(program, plan.inputs);
  const proof = await bb.prove({ program, key, witness, threads, signal: hardSignal });
  return { circuit: plan.name, publicInputs: proof.publicInputs, proof: proof.bytes, children: [] };
}

/** `linked`: the wrapper and everything below it; `recursive`: the wrapper, which attests to all of that. */
function finalProof({ aggregation }: CircuitSet, wrapper: ProofBlob, below: readonly ProofBlob[]): FinalProof {
  const entry = (blob: ProofBlob, children: number): BundledProof => ({
    circuit: blob.circuit as CircuitName,
    publicInputs: blob.publicInputs,
    children,
    proof: blob.proof,
  });
  const listed = below.map((blob) => entry(blob, blob.children.length));
  return { aggregation, proofs: [entry(wrapper, listed.length > 0 ? 1 : 0), ...listed] };
}

/** Everything but the proofs themselves, each of which was verified when it was made. */
async function check(
  { circuits, hasher }: CompressorContext,
  job: CompressionJob,
  partial: SchedulerPartialInput,
  file: Uint8Array,
): Promise<void> {
  const { verdict, reason } = await checkProofFile(file, {
    circuitSet: circuits,
    hasher,
    expected: expectedFromWitness({ ...partial, batch_number: job.batch }, job.version),
    verify: async () => true,
  });
  if (verdict !== 'accepted') throw new FinalProofInvalidError(reason ?? 'no reason given');
}
