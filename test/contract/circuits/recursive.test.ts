/** Recursive circuits: which children they allow. The solver does not check the children's proofs (bb does), so none are made here. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import {
  type AggregationPlan,
  type ChildProof,
  planLeaves,
  planNodes,
  planScheduler,
  planTip,
} from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { createHasher, fieldHex } from '../../../systems/zksync/protocol/batch/hash.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { BASE_CIRCUIT_IDS } from '../../../systems/zksync/protocol/ids.ts';
import { type CircuitSet, circuitSetOf } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';
import { witnessInput } from '../../unit/batch/sample.ts';
import { failureOf } from './failure.ts';
import { batchName } from './pipeline.ts';

const poseidon2 = await openPoseidon2();
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

let set: CircuitSet;
beforeAll(async () => {
  set = await circuitSetOf('recursive', 'dev-1', (await committedCircuits('recursive', 'dev-1'))!);
});

const PROOF_BYTES = 13_120;
const proofOf = (made: Pick<AggregationPlan, 'name' | 'publicInputs'>): ChildProof => ({
  circuit: made.name,
  publicInputs: made.publicInputs,
  proof: new Uint8Array(PROOF_BYTES),
});
const vm = (start: bigint, end: bigint): ChildProof => proofOf({ name: 'vm', publicInputs: [start, end] });

const failure = (job: AggregationPlan, change: Record<string, unknown> = {}) =>
  failureOf(set.circuit(job.name).program, { ...job.inputs, ...change });

describe('leaves and nodes', () => {
  const leaves = (): AggregationPlan[] => planLeaves(hasher, set, 1, [vm(1n, 2n), vm(2n, 3n), vm(3n, 4n)]);
  const node = (): AggregationPlan => planNodes(hasher, set, leaves().map(proofOf))[0]!;

  test('take two children, or the last one alone', () => {
    expect(leaves().map((plan) => plan.name)).toEqual(['leaf_2', 'leaf_1']);
    expect(node().name).toBe('node_2');
  });

  test('have witnesses, for a node over nodes too', async () => {
    for (const leaf of leaves()) expect(await failure(leaf)).toBeUndefined();
    expect(await failure(node())).toBeUndefined();
    expect(await failure(planNodes(hasher, set, [proofOf(node())])[0]!)).toBeUndefined();
  });

  test('a node has none over another circuit than the leaves', async () => {
    const foreign = [fieldHex(set.circuit('vm').key.hash), fieldHex(set.circuit('leaf_1').key.hash)];
    expect(await failure(node(), { vk_hashes: foreign })).toBe('circuit of a child');
  });

  test('a node has none over nodes other than node_key names', async () => {
    const over = planNodes(hasher, set, [proofOf(node())])[0]!;
    const vm_hash = fieldHex(set.circuit('vm').key.hash);
    expect(await failure(over, { nodes: [vm_hash, vm_hash], vk_hashes: [vm_hash] })).toBe('node key');
  });

  test('a node has none over a mix of leaves and nodes', async () => {
    expect(await failure(node(), { over_nodes: true })).toBe('circuit of a child');
  });
});

describe('the rounds above', () => {
  let plan: BasicPlan;
  let tip: AggregationPlan;
  beforeAll(() => {
    plan = planBasic(hasher, witnessInput(hasher, createTree(hasher), [], []));
    const nodes = BASE_CIRCUIT_IDS.map((id) => {
      const { name, start, end } = plan.instances.find((instance) => instance.circuitId === id)!;
      const leaf = planLeaves(hasher, set, id, [proofOf({ name, publicInputs: [start, end] })])[0]!;
      return proofOf(planNodes(hasher, set, [proofOf(leaf)])[0]!);
    });
    tip = planTip(hasher, set, plan.scheduler, nodes);
  });

  test('the tip has a witness over nodes and none over leaves', async () => {
    expect(await failure(tip)).toBeUndefined();
    const leaf = fieldHex(set.circuit('leaf_1').key.hash);
    expect(await failure(tip, { vk_hashes: [leaf, leaf, leaf, leaf] })).toBe('circuit of a child');
  });

  test('the tip has none for nodes of another node_key', async () => {
    expect(await failure(tip, { node_key: fieldHex(5n) })).toBe('node key');
  });

  test('the scheduler links the pinned tip alone', async () => {
    const job = planScheduler(hasher, set, plan.scheduler, batchName(plan), proofOf(tip));
    expect(await failure(job)).toBeUndefined();
    expect(await failure(job, { links: fieldHex(5n) })).toBe('links');
  });
});
