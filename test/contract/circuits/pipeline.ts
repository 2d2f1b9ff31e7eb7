/** A whole batch through all rounds in one process, as the components do it with jobs. */
import type { Bb } from '../../../proving/bb.ts';
import { solveWitness } from '../../../proving/noir.ts';
import {
  type AggregationPlan,
  type BatchName,
  type ChildProof,
  planCompressor,
  planLeaves,
  planNodes,
  planScheduler,
  planTip,
} from '../../../systems/zksync/protocol/batch/aggregation.ts';
import type { Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import type { ExpectedBatch } from '../../../systems/zksync/protocol/bundle/check.ts';
import { BASE_CIRCUIT_IDS } from '../../../systems/zksync/protocol/ids.ts';
import type { CircuitSet } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import type { WitnessInputData } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import type { BatchProofs, KindProofs } from '../../unit/batch/assemble.ts';

export interface Prover {
  hasher: Hasher;
  set: CircuitSet;
  bb: Bb;
  threads: number;
  onProof?: (name: string, ms: number) => void;
}

export const VERSION = { minor: 31, patch: 0 };

export interface ProvedBatch extends BatchProofs {
  plan: BasicPlan;
  expected: ExpectedBatch;
}

export async function proveOne(prover: Prover, job: Pick<AggregationPlan, 'name' | 'inputs'>): Promise<ChildProof> {
  const started = performance.now();
  const { program, key } = prover.set.circuit(job.name);
  const witness = await solveWitness(program, job.inputs);
  const proof = await prover.bb.prove({ program, key, witness, threads: prover.threads });
  prover.onProof?.(job.name, performance.now() - started);
  return { circuit: job.name, publicInputs: proof.publicInputs, proof: proof.bytes };
}

export async function proveBase(prover: Prover, plan: BasicPlan): Promise<KindProofs[]> {
  const kinds: KindProofs[] = [];
  for (const circuitId of BASE_CIRCUIT_IDS) {
    const instances = plan.instances.filter((instance) => instance.circuitId === circuitId);
    const base: ChildProof[] = [];
    for (const instance of instances) base.push(await proveOne(prover, instance));
    kinds.push({ circuitId, base, leaves: [], nodes: [] });
  }
  return kinds;
}

/** Everything above given base proofs. */
export async function aggregate(prover: Prover, plan: BasicPlan, base: readonly KindProofs[]): Promise<BatchProofs> {
  const { hasher, set } = prover;
  const partial = plan.scheduler;
  const all = async (plans: AggregationPlan[]): Promise<ChildProof[]> => {
    const proofs: ChildProof[] = [];
    for (const job of plans) proofs.push(await proveOne(prover, job));
    return proofs;
  };
  const kinds: KindProofs[] = [];
  for (const kind of base) {
    const leaves = await all(planLeaves(hasher, set, kind.circuitId, kind.base));
    const nodes = [await all(planNodes(hasher, set, leaves))];
    while (nodes.at(-1)!.length > 1) nodes.push(await all(planNodes(hasher, set, nodes.at(-1)!)));
    kinds.push({ ...kind, leaves, nodes });
  }
  const tops = kinds.map((kind) => kind.nodes.at(-1)![0]!);
  const name = batchName(plan);
  const tip = await proveOne(prover, planTip(hasher, set, partial, tops));
  const scheduler = await proveOne(prover, planScheduler(hasher, set, partial, name, tip));
  const compressor = await proveOne(prover, planCompressor(hasher, set, partial, name, scheduler));
  return { compressor, scheduler, tip, kinds };
}

export async function proveBatch(prover: Prover, input: WitnessInputData): Promise<ProvedBatch> {
  const plan = planBasic(prover.hasher, input);
  const proofs = await aggregate(prover, plan, await proveBase(prover, plan));
  return { ...proofs, plan, expected: expectedOf(plan) };
}

export const batchName = (plan: BasicPlan): BatchName => ({
  chainId: plan.scheduler.chain_id,
  batchNumber: plan.scheduler.batch_number,
  version: VERSION,
});

/** Stands for what the database or L1 says of the batch. */
export function expectedOf(plan: BasicPlan): ExpectedBatch {
  const s = plan.scheduler;
  return {
    chainId: s.chain_id,
    batch: s.batch_number,
    version: VERSION,
    oldRoot: BigInt(s.old_root),
    oldNextIndex: s.old_next_index,
    newRoot: BigInt(s.new_root),
    newNextIndex: s.new_next_index,
    messagesHash: BigInt(s.messages_hash),
    records: s.records,
    messages: s.messages,
  };
}
