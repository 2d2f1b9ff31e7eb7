import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { messageBytes, netWrites } from '../../../systems/zksync/protocol/batch/log.ts';
import { groupOps } from '../../../systems/zksync/protocol/batch/plan-applicator.ts';
import { createTree, type Tree, type TreeOp } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import type { MerklePathEntry, WitnessInputData } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { BEFORE, MESSAGES, RECORDS, witnessInput } from './sample.ts';

const poseidon2 = await openPoseidon2({ backend: 'typescript' });
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

let tree: Tree;
let input: WitnessInputData;
let plan: BasicPlan;
beforeAll(() => {
  tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  input = witnessInput(hasher, tree, RECORDS, MESSAGES);
  plan = planBasic(hasher, input);
});

describe('plan of round 0', () => {
  test('has the kinds in order, at least one instance each', () => {
    expect(plan.instances.map((i) => `${i.circuitId} ${i.sequence}`)).toEqual(['1 0', '9 0', '10 0', '13 0']);
  });

  test('ends at the tree that the server has', () => {
    expect(BigInt(plan.scheduler.new_root)).toBe(tree.root);
    expect(plan.scheduler.new_next_index).toBe(tree.nextIndex);
  });

  test('has the SHA-256 of the messages', () => {
    const digest = createHash('sha256')
      .update(Buffer.concat(MESSAGES.map(messageBytes)))
      .digest('hex');
    expect(plan.scheduler.messages_hash).toBe(`0x${digest}`);
  });

  test('is made of values that JSON keeps', () => {
    expect(JSON.parse(JSON.stringify(plan.scheduler))).toEqual(plan.scheduler);
    for (const { inputs } of plan.instances) expect(JSON.parse(JSON.stringify(inputs))).toEqual(inputs);
  });

  test('of an empty batch keeps the root', () => {
    const empty = planBasic(hasher, witnessInput(hasher, createTree(hasher), [], []));
    expect(empty.instances).toHaveLength(4);
    expect(empty.scheduler.new_root).toBe(empty.scheduler.old_root);
  });

  test('continues one instance where the one before it ended', () => {
    const many = Array.from({ length: 17 }, (_, i) => ({ tx: i, sender: 1n, word: BigInt(i) }));
    const { instances } = planBasic(hasher, witnessInput(hasher, createTree(hasher), [], many));
    const ofKind = (id: number) => instances.filter((instance) => instance.circuitId === id);
    expect([1, 9, 10, 13].map((id) => ofKind(id).length)).toEqual([3, 1, 1, 3]);
    for (const id of [1, 13]) {
      for (const [i, instance] of ofKind(id).entries()) {
        if (i > 0) expect(instance.start).toBe(ofKind(id)[i - 1]!.end);
      }
    }
  });
});

describe('Merkle paths that do not fit the records', () => {
  const entries = (change: (list: MerklePathEntry[]) => MerklePathEntry[]): WitnessInputData => ({
    ...input,
    merklePaths: { ...input.merklePaths, merklePaths: change(structuredClone(input.merklePaths.merklePaths)) },
  });
  const altered = (find: (entry: MerklePathEntry) => boolean, change: Partial<MerklePathEntry>) =>
    entries((list) => list.map((entry) => (entry === list.find(find) ? { ...entry, ...change } : entry)));
  const lastPath = (change: (path: bigint[]) => bigint[]) =>
    entries((list) => [...list.slice(0, -1), { ...list.at(-1)!, merklePaths: change(list.at(-1)!.merklePaths) }]);
  const isAppend = (entry: MerklePathEntry): boolean => entry.firstWrite;
  const isUpdate = (entry: MerklePathEntry): boolean => entry.valueRead === 100n;

  test.each<[string, () => WitnessInputData, RegExp]>([
    ['an entry missing', () => entries((list) => list.slice(0, -1)), /Merkle path|Merkle paths end/],
    ['an entry left over', () => entries((list) => [...list, list[0]!]), /entries, the records need/],
    ['a hash changed', () => lastPath((path) => path.with(3, 5n)), /does not lead to/],
    ['a path too short', () => lastPath((path) => path.slice(1)), /23 hashes instead of 24/],
    ['another root', () => altered(isUpdate, { rootHash: 1n }), /does not lead to root_hash/],
    ['another value written', () => altered(isUpdate, { valueWritten: 1n }), /not what the records wrote/],
    ['another value read', () => altered(isUpdate, { valueRead: 99n }), /not the value the records read/],
    ['an append elsewhere', () => altered(isAppend, { leafEnumerationIndex: 9 }), /leaf index 9, next free is 3/],
    ['an append not marked', () => altered(isAppend, { firstWrite: false }), /first_write is false/],
    ['an update that relinks', () => altered(isUpdate, { nextKey: 1n }), /not lead to/],
    [
      'another next index',
      () => ({ ...input, merklePaths: { ...input.merklePaths, nextEnumerationIndex: 4 } }),
      /next free/,
    ],
    [
      'another root before the batch',
      () => ({ ...input, previousBatchMetadata: { ...input.previousBatchMetadata, rootHash: 3n } }),
      /current root/,
    ],
  ])('with %s are refused', (_, make, message) => {
    expect(() => planBasic(hasher, make())).toThrow(message);
  });
});

describe('cutting tree ops into instances', () => {
  const op = (kind: TreeOp['kind']): TreeOp => ({ kind }) as TreeOp;
  const kinds = (text: string): TreeOp[] =>
    text.split('').map((c) => op(({ u: 'update', l: 'link', a: 'append' } as const)[c as 'u']));
  const cut = (text: string): string[] => groupOps(kinds(text)).map((group) => group.map((o) => o.kind[0]).join(''));

  test('fills an instance to the last slot', () => {
    expect(cut('u'.repeat(15))).toEqual(['u'.repeat(14), 'u']);
    expect(cut(`${'u'.repeat(12)}lau`)).toEqual([`${'u'.repeat(12)}la`, 'u']);
  });

  test('closes one op early instead of parting a link from its append', () => {
    expect(cut(`${'u'.repeat(13)}la`)).toEqual(['u'.repeat(13), 'la']);
  });

  test('gives one empty instance for no ops', () => {
    expect(cut('')).toEqual(['']);
  });
});
