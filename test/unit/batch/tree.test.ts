import { afterAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher, TAG } from '../../../systems/zksync/protocol/batch/hash.ts';
import type { NetWrite } from '../../../systems/zksync/protocol/batch/log.ts';
import { climb, createTree, type Leaf, leafHash, type Tree } from '../../../systems/zksync/protocol/batch/tree.ts';

const poseidon2 = await openPoseidon2({ backend: 'typescript' });
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

const DEPTH = 5;
const net = (key: number, initial: number, final: number): NetWrite => ({
  key: BigInt(key),
  initial: BigInt(initial),
  final: BigInt(final),
});

/** Root by hashing all 2^DEPTH leaves; knows nothing of the tree's own arrays. */
function rootOf(leaves: readonly Leaf[]): bigint {
  let row = Array.from({ length: 2 ** DEPTH }, (_, i) => (leaves[i] ? leafHash(hasher, leaves[i]) : 0n));
  while (row.length > 1) {
    row = row.flatMap((left, i) => (i % 2 ? [] : [hasher.hash(TAG.node, [left, row[i + 1]!])]));
  }
  return row[0]!;
}

/** Leaves by index from a plain map in order of insertion. */
function leavesOf(values: Map<bigint, bigint>): Leaf[] {
  const keys = [...values.keys()].sort((a, b) => (a < b ? -1 : 1));
  return [...values].map(([key, value]) => ({ key, value, nextKey: keys[keys.indexOf(key) + 1] ?? 0n }));
}

const start = (): Tree => {
  const tree = createTree(hasher, { depth: DEPTH });
  tree.apply([net(50, 0, 1), net(90, 0, 2)]);
  return tree;
};

describe('tree', () => {
  test('is the brute-force tree after batches of mixed writes', () => {
    const tree = createTree(hasher, { depth: DEPTH });
    const model = new Map([[0n, 0n]]);
    let seed = 7;
    const random = (limit: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return (seed >> 8) % limit;
    };
    for (let batch = 0; batch < 6; batch++) {
      const keys = new Set(Array.from({ length: 5 }, () => BigInt(1 + random(25))));
      const writes = [...keys]
        .sort((a, b) => (a < b ? -1 : 1))
        .map((key) => ({ key, initial: model.get(key) ?? 0n, final: BigInt(random(4)) }));
      tree.apply(writes);
      for (const write of writes) {
        if (model.has(write.key) || write.final !== 0n) model.set(write.key, write.final);
      }
      expect(tree.root).toBe(rootOf(leavesOf(model)));
      expect(tree.nextIndex).toBe(model.size);
    }
    expect(tree.leaves()).toEqual(leavesOf(model));
  });

  test('every op climbs from the root before it to the root after it', () => {
    const tree = start();
    let root = tree.root;
    const ops = tree.apply([net(10, 0, 3), net(50, 1, 4), net(60, 0, 0), net(99, 0, 9)]);
    expect(ops.map((op) => op.kind)).toEqual(['link', 'append', 'update', 'absent', 'link', 'append']);
    for (const op of ops) {
      const before = op.kind === 'append' ? 0n : leafHash(hasher, op);
      expect(climb(hasher, before, op.index, op.path)).toBe(root);
      const after = leafHash(hasher, { key: op.key, value: op.newValue, nextKey: op.newNextKey });
      expect(climb(hasher, after, op.index, op.path)).toBe(op.root);
      root = op.root;
    }
    expect(tree.root).toBe(root);
  });

  test('a key set to 0 keeps its leaf, an absent key that stays 0 gets none', () => {
    const tree = start();
    tree.apply([net(50, 1, 0), net(70, 0, 0)]);
    expect(tree.get(50n)).toEqual({ index: 1, value: 0n, nextKey: 90n });
    expect(tree.get(70n)).toBeUndefined();
    expect(tree.nextIndex).toBe(3);
  });

  test('the low leaf of a key is the greatest below it', () => {
    const tree = start();
    expect(tree.lowLeaf(90n).key).toBe(50n);
    expect(tree.lowLeaf(91n).key).toBe(90n);
    expect(tree.lowLeaf(1n).key).toBe(0n);
  });

  test('made from leaves it equals the one that grew', () => {
    const tree = start();
    expect(createTree(hasher, { depth: DEPTH, leaves: tree.leaves() }).root).toBe(tree.root);
  });

  test('a clone does not change with the original', () => {
    const tree = start();
    const copy = tree.clone();
    tree.apply([net(60, 0, 6)]);
    expect(copy.root).toBe(start().root);
    copy.apply([net(60, 0, 6)]);
    expect(copy.root).toBe(tree.root);
  });

  test.each([
    ['another value than the tree has', [net(50, 7, 8)], /not the value in the tree/],
    ['a value for an absent key', [net(51, 7, 8)], /not the value in the tree/],
    ['writes out of order', [net(50, 1, 2), net(10, 0, 1)], /ascending/],
    ['a key twice', [net(50, 1, 2), net(50, 2, 3)], /ascending/],
    ['the key of the sentinel', [net(0, 0, 3)], /ascending/],
    ['more keys than leaves', Array.from({ length: 30 }, (_, i) => net(200 + i, 0, 1)), /full/],
  ])('refuses %s and stays as it was', (_, writes, message) => {
    const tree = start();
    expect(() => tree.apply(writes)).toThrow(message);
    expect(tree.leaves()).toEqual(start().leaves());
  });

  test.each([
    ['no sentinel', [{ key: 5n, value: 0n, nextKey: 0n }], /sentinel/],
    ['a wrong link', [{ key: 0n, value: 0n, nextKey: 9n }], /next greater key/],
  ])('cannot be made from leaves with %s', (_, leaves, message) => {
    expect(() => createTree(hasher, { depth: DEPTH, leaves })).toThrow(message);
  });
});
