/**
 * Values that the circuits' ABI would not encode. The ABI is bypassed, so what refuses them is the circuit itself. Wherever possible the
 * value stands in an unused slot, or moves a carry inside a packed word, so that no other rule can fail.
 */
import { acvm, abi as noirAbi } from '@noir-lang/noir_js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import type { CircuitInputs, Program } from '../../../proving/types.ts';
import { planLeaves, planNodes, planTip } from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { createHasher, FIELD_SIZE, fieldHex, TAG } from '../../../systems/zksync/protocol/batch/hash.ts';
import { netWrites } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import type { CircuitName } from '../../../systems/zksync/protocol/circuits.ts';
import { BASE_CIRCUIT_IDS } from '../../../systems/zksync/protocol/ids.ts';
import { type CircuitSet, circuitSetOf } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';
import { BEFORE, MESSAGES, RECORDS, witnessInput } from '../../unit/batch/sample.ts';
import { failureOf } from './failure.ts';

const poseidon2 = await openPoseidon2();
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

let set: CircuitSet;
/** One instance per kind, none of them full; and a batch in which nothing happens. */
let plan: BasicPlan;
let empty: BasicPlan;
beforeAll(async () => {
  set = await circuitSetOf('linked', 'dev-1', (await committedCircuits('linked', 'dev-1'))!);
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  plan = planBasic(hasher, witnessInput(hasher, tree.clone(), RECORDS, MESSAGES));
  empty = planBasic(hasher, witnessInput(hasher, tree.clone(), [], []));
});

type Path = readonly (string | number)[];
/** Values of parameters, by their path, that replace those of the inputs; any field element. */
type Forged = readonly (readonly [Path, bigint])[];

const inputsOf = (from: BasicPlan, name: CircuitName): CircuitInputs =>
  from.instances.find((instance) => instance.name === name)!.inputs;

/** Whether there is a witness with the forged values, whatever the ABI says of them. */
async function solvable(name: CircuitName, inputs: CircuitInputs, forged: Forged = []): Promise<boolean> {
  const { program } = set.circuit(name);
  const initial = encode(program, inputs);
  for (const [path, value] of forged) initial.set(indexOf(program, inputs, path), fieldHex(value));
  try {
    await acvm.executeProgram(Buffer.from(program.bytecode, 'base64'), initial, () => Promise.resolve([]));
    return true;
  } catch (error) {
    if ((error as { callStack?: unknown }).callStack === undefined) throw error;
    return false;
  }
}

const encode = (program: Program, inputs: CircuitInputs) =>
  noirAbi.abiEncode(program.abi as never, inputs as Parameters<typeof noirAbi.abiEncode>[1]);

/** The parameter's place in the witness: where the encoding differs when only the parameter does. */
function indexOf(program: Program, inputs: CircuitInputs, path: Path): number {
  const place = (value: unknown) => encode(program, changed(inputs, path, value) as CircuitInputs);
  const isBool = typeof at(inputs, path) === 'boolean';
  const [no, yes] = isBool ? [place(false), place(true)] : [place(0), place(1)];
  const different = [...no.keys()].filter((index) => no.get(index) !== yes.get(index));
  expect(different).toHaveLength(1);
  return different[0]!;
}

const at = (value: unknown, path: Path): unknown =>
  path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);

function changed(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
  if (key === undefined) return to;
  const inner = changed((value as Record<string | number, unknown>)[key], rest, to);
  return Array.isArray(value) ? value.with(key as number, inner) : { ...(value as object), [key]: inner };
}

const BIT_32 = 1n << 32n;
const LIMB = 1n << 128n;

describe('an unused slot', () => {
  test.each<[CircuitName, Path, bigint]>([
    ['vm', ['records', 63, 'address'], (1n << 160n) - 1n],
    ['vm', ['records', 63, 'slot', 0], LIMB - 1n],
    ['vm', ['records', 63, 'tx'], BIT_32 - 1n],
    ['vm', ['messages', 7, 3], LIMB - 1n],
    ['storage_filter', ['unsorted', 47], FIELD_SIZE - 1n],
    ['storage_filter', ['sorted', 47, 'key'], FIELD_SIZE - 1n],
    ['storage_filter', ['sorted', 47, 'index'], BIT_32 - 1n],
    ['storage_filter', ['sorted', 47, 'written', 'lo'], 5n],
    ['storage_applicator', ['ops', 13, 'index'], (1n << 24n) - 1n],
    ['storage_applicator', ['ops', 13, 'net_key'], 5n],
    ['storage_applicator', ['ops', 13, 'initial', 'lo'], 5n],
    ['l1_messages_hasher', ['slots', 6, 'block', 3], BIT_32 - 1n],
  ])('of %s changes nothing: %j', async (name, path, value) => {
    expect(await solvable(name, inputsOf(plan, name), [[path, value]])).toBe(true);
  });

  test.each<[CircuitName, Path, bigint]>([
    ['vm', ['records', 63, 'address'], 1n << 160n],
    ['vm', ['records', 63, 'slot', 0], LIMB],
    ['vm', ['records', 63, 'slot', 1], LIMB],
    ['vm', ['records', 63, 'tx'], BIT_32],
    ['vm', ['messages', 7, 0], LIMB],
    ['vm', ['messages', 7, 3], LIMB],
    ['storage_filter', ['sorted', 47, 'index'], BIT_32],
    ['storage_filter', ['sorted', 47, 'tx'], BIT_32],
    ['storage_filter', ['sorted', 47, 'is_write'], 2n],
    ['storage_applicator', ['ops', 13, 'index'], 1n << 24n],
    ['l1_messages_hasher', ['slots', 6, 'block', 3], BIT_32],
  ])('of %s does not take a value beyond its range: %j', async (name, path, value) => {
    expect(await solvable(name, inputsOf(plan, name), [[path, value]])).toBe(false);
  });

  test('of vm does not take a value of more than 256 bits', async () => {
    const both = (value: bigint): Forged => [
      [['records', 63, 'read', 0], value],
      [['records', 63, 'written', 0], value],
    ];
    expect(await solvable('vm', inputsOf(plan, 'vm'), both(LIMB - 1n))).toBe(true);
    expect(await solvable('vm', inputsOf(plan, 'vm'), both(LIMB))).toBe(false);
  });
});

describe('a state packed into one word opens in one way only', () => {
  /** A chunk that does nothing, from a state whose packed word also reads as another state. */
  const chunk = (name: CircuitName, start: bigint, end: bigint, state: Record<string, unknown>): CircuitInputs => {
    const inputs = inputsOf(empty, name);
    return {
      ...inputs,
      start: fieldHex(start),
      end: fieldHex(end),
      state: { ...(inputs.state as object), ...state },
    };
  };

  test('VM: the counts', async () => {
    const hash = hasher.hash(TAG.stateVm, [0n, 0n, BIT_32]);
    const inputs = chunk('vm', hash, hash, { message_count: 1 });
    expect(await solvable('vm', inputs)).toBe(true);
    const carried: Forged = [
      [['state', 'log_count'], BIT_32],
      [['state', 'message_count'], 0n],
    ];
    expect(await solvable('vm', inputs, carried)).toBe(false);
  });

  const filter = (packed: bigint): bigint =>
    hasher.hash(TAG.stateFilter, [0n, 0n, 0n, 0n, 1n, 1n, 0n, 0n, 0n, 0n, 0n, 0n, packed]);
  const open = (state: Record<string, unknown>, packed: bigint): CircuitInputs => ({
    ...chunk('storage_filter', filter(packed), filter(packed), state),
    finish: false,
  });

  test('StorageFilter: position and number of net writes', async () => {
    const inputs = open({ net_count: fieldHex(1n) }, BIT_32);
    expect(await solvable('storage_filter', inputs)).toBe(true);
    const carried: Forged = [
      [['state', 'last_index'], BIT_32],
      [['state', 'net_count'], 0n],
    ];
    expect(await solvable('storage_filter', inputs, carried)).toBe(false);
  });

  test('StorageFilter: number of net writes and the flags', async () => {
    const inputs = open({ has_group: true }, 1n << 64n);
    expect(await solvable('storage_filter', inputs)).toBe(true);
    const carried: Forged = [
      [['state', 'net_count'], BIT_32],
      [['state', 'has_group'], 0n],
    ];
    expect(await solvable('storage_filter', inputs, carried)).toBe(false);
  });

  test('StorageFilter: a finished state is not one that goes on', async () => {
    const inputs = open({ done: true }, 1n << 65n);
    expect(await solvable('storage_filter', inputs)).toBe(true);
    const carried: Forged = [
      [['state', 'has_group'], 2n],
      [['state', 'done'], 0n],
    ];
    expect(await solvable('storage_filter', inputs, carried)).toBe(false);
  });

  /** The state after the padding block, and a chunk of unused slots from it. */
  const finished = () => {
    const inputs = inputsOf(empty, 'l1_messages_hasher');
    const digest = BigInt(empty.scheduler.messages_hash);
    const sha = Array.from({ length: 8 }, (_, i) => Number((digest >> BigInt(224 - 32 * i)) & 0xffff_ffffn));
    const slots = (inputs.slots as { block: number[] }[]).map(({ block }) => ({ kind: 0, block }));
    const state = { queue: fieldHex(0n), count: 0, done: true, sha };
    return { inputs: { ...inputs, start: inputs.end, state, slots }, sha };
  };

  test('L1MessagesHasher: a finished state is not one that goes on', async () => {
    const { inputs } = finished();
    expect(await solvable('l1_messages_hasher', inputs)).toBe(true);
    const carried: Forged = [
      [['state', 'count'], BIT_32],
      [['state', 'done'], 0n],
    ];
    expect(await solvable('l1_messages_hasher', inputs, carried)).toBe(false);
  });

  test('L1MessagesHasher: the words of the SHA-256 state', async () => {
    const { inputs, sha } = finished();
    const carried: Forged = [
      [['state', 'sha', 0], BigInt(sha[0]!) - 1n],
      [['state', 'sha', 1], BigInt(sha[1]!) + BIT_32],
    ];
    expect(await solvable('l1_messages_hasher', inputs, carried)).toBe(false);
  });
});

test('VM: there is no record after number 2^32 - 1', async () => {
  const inputs = inputsOf(plan, 'vm');
  const [record] = inputs.records as unknown[];
  const from = (logCount: number, records: number): CircuitInputs => {
    const state = { ...(inputs.state as object), log_count: logCount };
    const start = fieldHex(hasher.hash(TAG.stateVm, [0n, 0n, BigInt(logCount)]));
    const rows = (inputs.records as unknown[]).map(() => record);
    return { ...inputs, start, state, records: rows, record_count: records, message_count: 0 };
  };
  // the solver names the rule: another end than the honest one is not what fails
  expect(await failureOf(set.circuit('vm').program, from(0xffff_fffe, 1))).toBe('end state');
  expect(await failureOf(set.circuit('vm').program, from(0xffff_ffff, 1))).toMatch(/overflow/);
});

describe('the recursion tip', () => {
  const tip = (from: BasicPlan): CircuitInputs => {
    const nodes = BASE_CIRCUIT_IDS.map((id) => {
      const base = from.instances
        .filter((instance) => instance.circuitId === id)
        .map(({ name, start, end }) => ({ circuit: name, publicInputs: [start, end], proof: new Uint8Array() }));
      const [leaf] = planLeaves(hasher, set, id, base);
      const child = (made: typeof leaf) => ({
        circuit: made!.name,
        publicInputs: made!.publicInputs,
        proof: new Uint8Array(),
      });
      return child(planNodes(hasher, set, [child(leaf)])[0]);
    });
    return planTip(hasher, set, from.scheduler, nodes).inputs;
  };

  test('has no witness for counts that only add up to the same word', async () => {
    const inputs = tip(plan);
    expect(await solvable('recursion_tip', inputs)).toBe(true);
    const carried: Forged = [
      [['witness', 'log_count'], BigInt(plan.scheduler.records) + BIT_32],
      [['witness', 'message_count'], BigInt(plan.scheduler.messages) - 1n],
    ];
    expect(await solvable('recursion_tip', inputs, carried)).toBe(false);
  });
});
