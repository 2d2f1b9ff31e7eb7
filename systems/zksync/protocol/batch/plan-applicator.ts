/** Circuit 10, StorageApplicator: tree ops cut into instances; a link and its append stay together. */
import { CHUNK_SIZE, type Chunk, fill } from './chunk.ts';
import { fieldHex, type Hasher, TAG, wordInput } from './hash.ts';
import { pushNet } from './log.ts';
import { TREE_DEPTH, type TreeOp } from './tree.ts';

const KIND = { update: 1, link: 2, append: 3, absent: 4 } as const;

interface ApplicatorState {
  root: bigint;
  nextIndex: number;
  net: bigint;
}

const stateHash = (hasher: Hasher, state: ApplicatorState): bigint =>
  hasher.hash(TAG.stateApplicator, [state.root, BigInt(state.nextIndex), state.net]);

/** Chunks and the final state, from the tree before the batch. */
export function planApplicator(
  hasher: Hasher,
  ops: readonly TreeOp[],
  tree: { root: bigint; nextIndex: number },
): { chunks: Chunk[]; end: ApplicatorState } {
  let state: ApplicatorState = { ...tree, net: 0n };
  const chunks: Chunk[] = [];
  for (const group of groupOps(ops)) {
    const before = state;
    state = group.reduce((at, op) => step(hasher, at, op), before);
    const start = stateHash(hasher, before);
    const end = stateHash(hasher, state);
    const inputs = {
      start: fieldHex(start),
      end: fieldHex(end),
      state: { root: fieldHex(before.root), next_index: fieldHex(BigInt(before.nextIndex)), net: fieldHex(before.net) },
      ops: fill(group.map(opInput), CHUNK_SIZE.applicatorOps, EMPTY_OP),
    };
    chunks.push({ inputs, start, end });
  }
  return { chunks, end: state };
}

/** Cuts the ops; closes a group one op early when a link would be its last. At least one group, maybe empty. */
export function groupOps(ops: readonly TreeOp[]): TreeOp[][] {
  const groups: TreeOp[][] = [[]];
  for (const op of ops) {
    const room = op.kind === 'link' ? CHUNK_SIZE.applicatorOps - 1 : CHUNK_SIZE.applicatorOps;
    if (groups.at(-1)!.length >= room) groups.push([]);
    groups.at(-1)!.push(op);
  }
  return groups;
}

function step(hasher: Hasher, state: ApplicatorState, op: TreeOp): ApplicatorState {
  return {
    root: op.root,
    nextIndex: state.nextIndex + (op.kind === 'append' ? 1 : 0),
    net: op.kind === 'link' ? state.net : pushNet(hasher, state.net, op.net),
  };
}

const opInput = (op: TreeOp) => ({
  kind: KIND[op.kind] as number,
  index: op.index,
  key: fieldHex(op.key),
  value: wordInput(op.value),
  next_key: fieldHex(op.nextKey),
  path: op.path.map(fieldHex),
  net_key: fieldHex(op.net.key),
  initial: wordInput(op.net.initial),
  last: wordInput(op.net.final),
});

const EMPTY_OP: ReturnType<typeof opInput> = {
  kind: 0,
  index: 0,
  key: fieldHex(0n),
  value: wordInput(0n),
  next_key: fieldHex(0n),
  path: new Array<`0x${string}`>(TREE_DEPTH).fill(fieldHex(0n)),
  net_key: fieldHex(0n),
  initial: wordInput(0n),
  last: wordInput(0n),
};
