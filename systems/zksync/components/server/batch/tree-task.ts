import { treeOpsToEntries } from '../../../protocol/batch/entries.ts';
import { type NetWrite, netWritesOfSorted, sortRecords } from '../../../protocol/batch/log.ts';
import { createTree, type Tree, type TreeOp } from '../../../protocol/batch/tree.ts';
import { nextBatchForTree } from '../../../protocol/core-db/batches.ts';
import { type BatchLog, batchStorageLogs } from '../../../protocol/core-db/blocks.ts';
import { storedLeaves } from '../../../protocol/core-db/genesis.ts';
import { saveTreeResult, type TreeLeaf } from '../../../protocol/core-db/tree.ts';
import { merklePathsKey } from '../../../protocol/store/keys.ts';
import { putObject } from '../../../protocol/store/object-store.ts';
import { encodeMerklePaths } from '../../../protocol/wire/witness-input.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';

/** Applies sealed batches to the state tree, which it keeps in memory between them. */
export function treeTask(server: ServerContext): Task {
  let tree: Tree | undefined;
  return {
    component: 'tree',
    essential: true,
    topics: ['l1_batches'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async ({ log }) => {
      tree ??= createTree(server.hasher, { leaves: await storedLeaves(server.pool) });
      const batch = await nextBatchForTree(server.pool);
      if (batch === undefined) return 'idle';
      const current = tree;
      // until the result is stored, the tree in memory is ahead of the rows
      tree = undefined;
      const { root, added } = await applyBatch(server, current, batch);
      tree = current;
      log.info({ batch, root, newLeaves: added }, 'tree updated');
      return 'again';
    },
  };
}

async function applyBatch(
  server: Pick<ServerContext, 'pool' | 'store'>,
  tree: Tree,
  batch: number,
): Promise<{ root: string; added: number }> {
  const nextIndexBefore = tree.nextIndex;
  const ops = tree.apply(batchNetWrites(await batchStorageLogs(server.pool, batch)));
  const bytes = encodeMerklePaths({ merklePaths: treeOpsToEntries(ops), nextEnumerationIndex: nextIndexBefore });
  // the blob first: rows that name it must find it
  const blobUrl = await putObject(server.store, merklePathsKey(batch), bytes);
  const leaves = changedLeaves(tree, ops);
  const added = leaves.filter((leaf) => leaf.index >= nextIndexBefore);
  const saved = await saveTreeResult(server.pool, {
    batch,
    root: tree.root,
    nextIndex: tree.nextIndex,
    leaves,
    added,
    blobUrl,
  });
  if (!saved) throw new Error(`batch ${batch} was given to the tree by another server at the same time`);
  return { root: `0x${tree.root.toString(16).padStart(64, '0')}`, added: added.length };
}

/** One net write per key of a batch, in key order. */
export function batchNetWrites(logs: readonly BatchLog[]): NetWrite[] {
  const keyed = logs.map((log, index) => ({
    address: log.address,
    slot: log.key,
    read: log.valueRead,
    written: log.value,
    isWrite: true,
    tx: log.txIndex,
    key: log.hashedKey,
    index,
    hash: 0n,
  }));
  return netWritesOfSorted(sortRecords(keyed));
}

function changedLeaves(tree: Tree, ops: readonly TreeOp[]): TreeLeaf[] {
  const indexes = new Map<number, bigint>();
  for (const op of ops) if (op.kind !== 'absent') indexes.set(op.index, op.key);
  return [...indexes].map(([index, key]) => {
    const leaf = tree.get(key)!;
    return { index, key, value: leaf.value, nextKey: leaf.nextKey };
  });
}
