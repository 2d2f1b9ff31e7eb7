/**
 * The state tree: an indexed Merkle tree. Leaves stand in order of insertion (enumeration index, as upstream) and form a list sorted by key;
 * leaf 0 is a sentinel with key 0. Dense in memory: one array of hashes per level.
 */
import { type Hasher, limbs, TAG } from './hash.ts';
import type { NetWrite } from './log.ts';

/** Levels between leaf and root; a constant of the StorageApplicator circuit. */
export const TREE_DEPTH = 24;

export interface Leaf {
  key: bigint;
  value: bigint;
  /** Next greater key in the tree, 0 if there is none. */
  nextKey: bigint;
}

export type TreeOpKind = 'update' | 'link' | 'append' | 'absent';

/**
 * One climb of the tree. `update` also covers reads; a first write is `link` (low leaf gets its new successor) then `append`;
 * `absent` shows the low leaf of a key that stays absent.
 */
export interface TreeOp {
  kind: TreeOpKind;
  /** Leaf shown. */
  index: number;
  /** Leaf before the op; of an append, the key appended, value 0 and the successor it will have. */
  key: bigint;
  value: bigint;
  nextKey: bigint;
  /** Leaf after the op. */
  newValue: bigint;
  newNextKey: bigint;
  /** Siblings from the leaf up, at the time of the op. */
  path: bigint[];
  /** Root after the op. */
  root: bigint;
  /** The net write that the op serves. */
  net: NetWrite;
}

export interface Tree {
  readonly root: bigint;
  /** Index of the next appended leaf. */
  readonly nextIndex: number;
  get(key: bigint): { index: number; value: bigint; nextKey: bigint } | undefined;
  /** The leaf with the greatest key below `key`. */
  lowLeaf(key: bigint): { index: number; key: bigint; value: bigint; nextKey: bigint };
  /**
   * Applies net writes (in key order) and returns one or two ops for each.
   * @throws TreeError when an initial value is not the tree's, keys are not ascending, or the tree is full; the tree is then unchanged
   */
  apply(netWrites: readonly NetWrite[]): TreeOp[];
  /** All leaves by index, the sentinel first: what `createTree` takes. */
  leaves(): Leaf[];
  clone(): Tree;
}

export class TreeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TreeError';
  }
}

export function leafHash(hasher: Hasher, leaf: Leaf): bigint {
  return hasher.hash(TAG.leaf, [leaf.key, ...limbs(leaf.value), leaf.nextKey]);
}

/** Root over `leaf` (a hash, 0 = empty) at `index`. */
export function climb(hasher: Hasher, leaf: bigint, index: number, path: readonly bigint[]): bigint {
  let node = leaf;
  for (const [level, sibling] of path.entries()) {
    const right = (index >>> level) & 1;
    node = hasher.hash(TAG.node, right ? [sibling, node] : [node, sibling]);
  }
  return node;
}

/** A tree of the given leaves (by index; default: only the sentinel). @throws TreeError when they do not form a linked list. */
export function createTree(hasher: Hasher, options: { depth?: number; leaves?: readonly Leaf[] } = {}): Tree {
  const depth = options.depth ?? TREE_DEPTH;
  const leaves = (options.leaves ?? [{ key: 0n, value: 0n, nextKey: 0n }]).map((leaf) => ({ ...leaf }));
  if (leaves.length > 2 ** depth) throw new TreeError(`${leaves.length} leaves do not fit into ${depth} levels`);
  const sorted = sortLeaves(leaves);
  return treeOf({ hasher, leaves, sorted, ...buildNodes(hasher, leaves, depth) });
}

interface Store {
  hasher: Hasher;
  /** By index. A leaf object is never changed, only replaced. */
  leaves: Leaf[];
  /** Indexes in key order. */
  sorted: number[];
  /** `levels[level][position]`, level 0 = leaf hashes; a position past the end is an empty subtree, `empty[level]`. */
  levels: bigint[][];
  empty: bigint[];
}

function buildNodes(hasher: Hasher, leaves: readonly Leaf[], depth: number): Pick<Store, 'levels' | 'empty'> {
  const empty = [0n];
  const levels = [leaves.map((leaf) => leafHash(hasher, leaf))];
  for (let level = 0; level < depth; level++) {
    const below = levels[level]!;
    const hole = empty[level]!;
    empty.push(hasher.hash(TAG.node, [hole, hole]));
    const row: bigint[] = [];
    for (let i = 0; i < below.length; i += 2) row.push(hasher.hash(TAG.node, [below[i]!, below[i + 1] ?? hole]));
    levels.push(row);
  }
  return { levels, empty };
}

/** Indexes in key order; checks the linked list on the way. */
function sortLeaves(leaves: readonly Leaf[]): number[] {
  if (leaves[0]?.key !== 0n) throw new TreeError('leaf 0 is not the sentinel');
  const sorted = leaves.map((_, index) => index).sort((a, b) => (leaves[a]!.key < leaves[b]!.key ? -1 : 1));
  for (const [position, index] of sorted.entries()) {
    const leaf = leaves[index]!;
    const successor = sorted[position + 1];
    const nextKey = successor === undefined ? 0n : leaves[successor]!.key;
    if (leaf.nextKey !== nextKey) throw new TreeError(`leaf ${index} does not point at the next greater key`);
    if (leaf.key === nextKey && successor !== undefined) throw new TreeError(`leaf ${index}: its key is there twice`);
  }
  return sorted;
}

function treeOf(store: Store): Tree {
  const { leaves, sorted, levels, empty } = store;
  return {
    get root() {
      return levels.at(-1)![0]!;
    },
    get nextIndex() {
      return leaves.length;
    },
    get: (key) => find(store, key),
    lowLeaf(key) {
      if (key <= 0n) throw new TreeError('no key is below 0');
      const index = sorted[floor(store, key - 1n)]!;
      return { index, ...leaves[index]! };
    },
    apply(netWrites) {
      checkWrites(netWrites, (key) => find(store, key)?.value, 2 ** (empty.length - 1) - leaves.length);
      return netWrites.flatMap((net) => applyOne(store, net));
    },
    leaves: () => leaves.map((leaf) => ({ ...leaf })),
    clone: () => treeOf({ ...store, leaves: [...leaves], sorted: [...sorted], levels: levels.map((row) => [...row]) }),
  };
}

/** Position in `sorted` of the last leaf with a key <= `key`. */
function floor({ leaves, sorted }: Store, key: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (leaves[sorted[middle]!]!.key <= key) low = middle;
    else high = middle;
  }
  return low;
}

function find(store: Store, key: bigint): { index: number; value: bigint; nextKey: bigint } | undefined {
  const index = store.sorted[floor(store, key)]!;
  const leaf = store.leaves[index]!;
  return leaf.key === key ? { index, value: leaf.value, nextKey: leaf.nextKey } : undefined;
}

function applyOne(store: Store, net: NetWrite): TreeOp[] {
  const { leaves, sorted } = store;
  const position = floor(store, net.key);
  const index = sorted[position]!;
  const leaf = leaves[index]!;
  if (leaf.key === net.key) {
    const after = leaf.value === net.final ? leaf : { ...leaf, value: net.final };
    return [climbOnce(store, 'update', index, leaf, after, net)];
  }
  if (net.final === 0n) return [climbOnce(store, 'absent', index, leaf, leaf, net)];
  const linked = climbOnce(store, 'link', index, leaf, { ...leaf, nextKey: net.key }, net);
  const added = { key: net.key, value: 0n, nextKey: leaf.nextKey };
  sorted.splice(position + 1, 0, leaves.length);
  return [linked, climbOnce(store, 'append', leaves.length, added, { ...added, value: net.final }, net)];
}

/** Replaces the leaf (unless it stays the same object) and describes it as an op. */
function climbOnce(store: Store, kind: TreeOpKind, index: number, before: Leaf, after: Leaf, net: NetWrite): TreeOp {
  const { hasher, levels, empty } = store;
  const depth = empty.length - 1;
  const path = empty.slice(0, depth).map((hole, level) => levels[level]![(index >>> level) ^ 1] ?? hole);
  if (before !== after) {
    store.leaves[index] = after;
    levels[0]![index] = leafHash(hasher, after);
    for (let level = 0, at = index; level < depth; level++, at >>>= 1) {
      const even = at & ~1;
      const row = levels[level]!;
      levels[level + 1]![at >>> 1] = hasher.hash(TAG.node, [row[even]!, row[even + 1] ?? empty[level]!]);
    }
  }
  return {
    kind,
    index,
    ...before,
    newValue: after.value,
    newNextKey: after.nextKey,
    path,
    root: levels[depth]![0]!,
    net,
  };
}

function checkWrites(
  writes: readonly NetWrite[],
  currentValue: (key: bigint) => bigint | undefined,
  free: number,
): void {
  let last = 0n;
  let added = 0;
  for (const write of writes) {
    const name = `key 0x${write.key.toString(16)}`;
    if (write.key <= last) throw new TreeError(`net writes are not in ascending order at ${name}`);
    const value = currentValue(write.key);
    if ((value ?? 0n) !== write.initial) throw new TreeError(`${name}: the value read is not the value in the tree`);
    if (value === undefined && write.final !== 0n) added++;
    last = write.key;
  }
  if (added > free) throw new TreeError(`the tree is full: ${free} free leaves, ${added} new keys`);
}
