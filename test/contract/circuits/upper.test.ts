/** Circuits above the base ones, `linked`: no witness for children or values that do not fit. Children's proofs play no part, so none are made. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import {
  type AggregationPlan,
  type ChildProof,
  planCompressor,
  planLeaves,
  planNodes,
  planScheduler,
  planTip,
} from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { createHasher, fieldHex } from '../../../systems/zksync/protocol/batch/hash.ts';
import { netWrites } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { BASE_CIRCUIT_IDS } from '../../../systems/zksync/protocol/ids.ts';
import { type CircuitSet, circuitSetOf } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';
import { BEFORE, MESSAGES, RECORDS, witnessInput } from '../../unit/batch/sample.ts';
import { failureOf } from './failure.ts';
import { batchName } from './pipeline.ts';

const poseidon2 = await openPoseidon2();
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

let set: CircuitSet;
let plan: BasicPlan;
let nodes: ChildProof[];
let tip: AggregationPlan;

const proofOf = (made: Pick<AggregationPlan, 'name' | 'publicInputs'>): ChildProof => ({
  circuit: made.name,
  publicInputs: made.publicInputs,
  proof: new Uint8Array(),
});

/** Base proofs by their public inputs. */
const chain = (...states: bigint[]): ChildProof[] =>
  states.slice(1).map((end, i) => proofOf({ name: 'vm', publicInputs: [states[i]!, end] }));

beforeAll(async () => {
  set = await circuitSetOf('linked', 'dev-1', (await committedCircuits('linked', 'dev-1'))!);
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  plan = planBasic(hasher, witnessInput(hasher, tree, RECORDS, MESSAGES));
  nodes = BASE_CIRCUIT_IDS.map((id) => {
    const base = plan.instances.filter((instance) => instance.circuitId === id);
    const leaves = planLeaves(
      hasher,
      set,
      id,
      base.map(({ name, start, end }) => proofOf({ name, publicInputs: [start, end] })),
    );
    return proofOf(planNodes(hasher, set, leaves.map(proofOf))[0]!);
  });
  tip = planTip(hasher, set, plan.scheduler, nodes);
});

const failure = (job: AggregationPlan, change: Record<string, unknown> = {}) =>
  failureOf(set.circuit(job.name).program, { ...job.inputs, ...change });

describe('leaf', () => {
  const leaf = (): AggregationPlan => planLeaves(hasher, set, 1, chain(10n, 20n, 30n))[0]!;
  const states = (...values: bigint[]): string[] =>
    [...values, ...new Array<bigint>(8 - values.length).fill(0n)].map(fieldHex);

  test('has a witness for children in order', async () => {
    expect(await failure(leaf())).toBeUndefined();
  });

  test.each([
    ['a child twice', states(10n, 10n), states(20n, 20n)],
    ['children swapped', states(20n, 10n), states(30n, 20n)],
    ['a gap', states(10n, 21n), states(20n, 30n)],
  ])('has none for %s', async (_, starts, ends) => {
    expect(await failure(leaf(), { starts, ends })).toBe('gap between children');
  });

  test('has none for other links', async () => {
    expect(await failure(leaf(), { links: fieldHex(1n) })).toBeDefined();
  });

  test('has none for another end', async () => {
    expect(await failure(leaf(), { end: fieldHex(31n) })).toBeDefined();
  });

  test('has none for no children, nor for more than 8', async () => {
    expect(await failure(leaf(), { count: 0 })).toBe('no children');
    expect(await failure(leaf(), { count: 9 })).toBe('count is larger than the chunk');
  });

  test('is planned once per 8 children', () => {
    const plans = planLeaves(hasher, set, 1, chain(...Array.from({ length: 10 }, (_, i) => BigInt(i + 1))));
    expect(plans.map((made) => made.children)).toEqual([[0, 1, 2, 3, 4, 5, 6, 7], [8]]);
  });
});

describe('node', () => {
  const node = (): AggregationPlan => {
    const leaves = planLeaves(hasher, set, 1, chain(...Array.from({ length: 10 }, (_, i) => BigInt(i + 1))));
    return planNodes(hasher, set, leaves.map(proofOf))[0]!;
  };

  test('has a witness over leaves, and over nodes', async () => {
    const over = node();
    expect(await failure(over)).toBeUndefined();
    expect(await failure(planNodes(hasher, set, [proofOf(over)])[0]!)).toBeUndefined();
  });

  test('has none for leaves that do not meet', async () => {
    const { starts } = node().inputs as { starts: string[] };
    expect(await failure(node(), { starts: starts.with(1, fieldHex(77n)) })).toBe('gap between children');
  });

  test('has none for another circuit of its children', async () => {
    expect(await failure(node(), { circuit: fieldHex(set.nodeKey) })).toBeDefined();
  });
});

describe('recursion tip', () => {
  const states = (column: 'starts' | 'ends', index: number): Record<string, unknown> => ({
    [column]: (tip.inputs[column] as string[]).with(index, fieldHex(5n)),
  });
  const witness = (change: Record<string, unknown>): Record<string, unknown> => ({
    witness: { ...(tip.inputs.witness as object), ...change },
  });

  test('has a witness for an honest batch', async () => {
    expect(await failure(tip)).toBeUndefined();
  });

  test.each<[string, () => Record<string, unknown>, string]>([
    ['a VM that starts with a log', () => states('starts', 0), 'VM start'],
    ['a Filter over another log than the VM made', () => witness({ logs: fieldHex(5n) }), 'VM end'],
    ['a Filter that is not done or whose products differ', () => states('ends', 1), 'StorageFilter end'],
    ['an Applicator of other net writes', () => states('ends', 2), 'StorageApplicator end'],
    ['an Applicator from another root', () => witness({ old_root: fieldHex(5n) }), 'StorageApplicator start'],
    ['other messages than the VM sent', () => states('ends', 3), 'L1MessagesHasher end'],
    ['another keyset', () => ({ keyset: fieldHex(5n) }), 'keyset'],
    ['another result', () => ({ out: fieldHex(5n) }), 'out'],
    ['other links', () => ({ links: fieldHex(5n) }), 'links'],
  ])('has none for %s', async (_, change, reason) => {
    expect(await failure(tip, change())).toBe(reason);
  });
});

describe('scheduler and compressor', () => {
  const scheduler = (): AggregationPlan => planScheduler(hasher, set, plan.scheduler, batchName(plan), proofOf(tip));
  const compressor = (): AggregationPlan =>
    planCompressor(hasher, set, plan.scheduler, batchName(plan), proofOf(scheduler()));

  test('have witnesses for an honest batch', async () => {
    expect(await failure(scheduler())).toBeUndefined();
    expect(await failure(compressor())).toBeUndefined();
  });

  test('have none for another batch number', async () => {
    const batch = { ...(scheduler().inputs.batch as object), number: fieldHex(9n) };
    expect(await failure(scheduler(), { batch })).toBe('block');
    expect(await failure(compressor(), { number: fieldHex(9n) })).toBe('links');
  });

  test('have none for another root', async () => {
    const batch = { ...(scheduler().inputs.batch as object), new_root: fieldHex(9n) };
    expect(await failure(scheduler(), { batch })).toBe('block');
    expect(await failure(compressor(), { new_root: fieldHex(9n) })).toBe('links');
  });
});
