/** Tree ops <-> entries of `merkle_paths`: one op, one entry. */
import type { MerklePathEntry } from '../wire/merkle-paths.ts';
import { fieldHex, type Hasher } from './hash.ts';
import type { NetWrite } from './log.ts';
import { climb, leafHash, TREE_DEPTH, type TreeOp, type TreeOpKind } from './tree.ts';

/** The Merkle paths do not show what the batch's records need. */
export class MerklePathsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MerklePathsError';
  }
}

/** An entry shows the leaf of its op: `valueRead` before, `valueWritten` and `nextKey` after it, `rootHash` the root after it. */
export function treeOpsToEntries(ops: readonly TreeOp[]): MerklePathEntry[] {
  return ops.map((op) => ({
    rootHash: op.root,
    isWrite: op.value !== op.newValue || op.nextKey !== op.newNextKey,
    firstWrite: op.kind === 'append',
    merklePaths: op.path,
    leafHashedKey: op.key,
    leafEnumerationIndex: op.index,
    valueWritten: op.newValue,
    valueRead: op.value,
    nextKey: op.newNextKey,
  }));
}

/**
 * Rebuilds the ops that serve `netWrites` (in key order) from the tree before the batch, checking every path, value and link.
 * @throws MerklePathsError naming the first entry that is missing, left over or does not fit
 */
export function entriesToOps(
  hasher: Hasher,
  entries: readonly MerklePathEntry[],
  netWrites: readonly NetWrite[],
  tree: { root: bigint; nextIndex: number },
): TreeOp[] {
  const ops: TreeOp[] = [];
  const state = { ...tree };
  const take = (kind: TreeOpKind, net: NetWrite, nextKey?: bigint): void => {
    const at = ops.length;
    const entry = entries[at];
    if (entry === undefined)
      throw new MerklePathsError(`Merkle paths end at entry ${at}; key ${fieldHex(net.key)} is not served`);
    const op = opOf(kind, entry, net, nextKey ?? entry.nextKey);
    const problem = problemOf(hasher, op, entry, state);
    if (problem !== undefined)
      throw new MerklePathsError(`Merkle path ${at} (${kind} of ${fieldHex(net.key)}): ${problem}`);
    ops.push(op);
    state.root = op.root;
    if (kind === 'append') state.nextIndex++;
  };
  for (const net of netWrites) {
    const entry = entries[ops.length];
    if (entry === undefined || entry.leafHashedKey === net.key) take('update', net);
    else if (net.final === 0n) take('absent', net);
    else {
      // the successor moves from the low leaf to the new one
      take('link', net, entries[ops.length + 1]?.nextKey);
      take('append', net);
    }
  }
  if (ops.length < entries.length) {
    throw new MerklePathsError(`Merkle paths have ${entries.length} entries, the records need ${ops.length}`);
  }
  return ops;
}

function opOf(kind: TreeOpKind, entry: MerklePathEntry, net: NetWrite, nextKey: bigint): TreeOp {
  return {
    kind,
    index: entry.leafEnumerationIndex,
    key: entry.leafHashedKey,
    value: entry.valueRead,
    nextKey,
    newValue: entry.valueWritten,
    newNextKey: entry.nextKey,
    path: entry.merklePaths,
    root: entry.rootHash,
    net,
  };
}

/** Why the op is not the next step from `state`; undefined when it is. */
function problemOf(
  hasher: Hasher,
  op: TreeOp,
  entry: MerklePathEntry,
  state: { root: bigint; nextIndex: number },
): string | undefined {
  if (op.path.length !== TREE_DEPTH) return `${op.path.length} hashes instead of ${TREE_DEPTH}`;
  if (entry.firstWrite !== (op.kind === 'append')) return `first_write is ${entry.firstWrite}`;
  const rule = ruleBroken(op, state.nextIndex);
  if (rule !== undefined) return rule;
  const before = op.kind === 'append' ? 0n : leafHash(hasher, { key: op.key, value: op.value, nextKey: op.nextKey });
  if (climb(hasher, before, op.index, op.path) !== state.root) return 'the path does not lead to the current root';
  const after = leafHash(hasher, { key: op.key, value: op.newValue, nextKey: op.newNextKey });
  if (climb(hasher, after, op.index, op.path) !== op.root) return 'the path does not lead to root_hash';
  return undefined;
}

function ruleBroken(op: TreeOp, nextIndex: number): string | undefined {
  const { net } = op;
  if (op.kind === 'update') {
    if (op.value !== net.initial) return 'the value in the tree is not the value the records read';
    if (op.newValue !== net.final) return 'value_written is not what the records wrote last';
    return op.nextKey === op.newNextKey ? undefined : 'an update changes next_key';
  }
  if (net.initial !== 0n) return 'the records read a value from a key that is not in the tree';
  if (op.kind === 'append') {
    if (op.key !== net.key) return 'another key than linked';
    if (op.index !== nextIndex) return `leaf index ${op.index}, next free is ${nextIndex}`;
    return op.newValue === net.final ? undefined : 'value_written is not what the records wrote last';
  }
  if (op.key >= net.key || (op.nextKey !== 0n && op.nextKey <= net.key)) return 'not the low leaf of the key';
  if (op.value !== op.newValue) return 'the value of the low leaf changes';
  const successor = op.kind === 'link' ? net.key : op.nextKey;
  return op.newNextKey === successor ? undefined : 'next_key is not the new successor';
}
