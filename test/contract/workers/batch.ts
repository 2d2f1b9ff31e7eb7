/** A small batch made in the test: records and messages over a state tree, as the server would hand them to the prover. */
import { treeOpsToEntries } from '../../../systems/zksync/protocol/batch/entries.ts';
import type { Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { netWrites, type StorageRecord, storageKey } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { emptyBlobs, type WitnessInputData } from '../../../systems/zksync/protocol/wire/witness-input.ts';

const CONTRACT = 0x1234n;

/** `slots` new contract slots are written, then the first of them again and an old one read; `messages` messages. */
export function makeBatch(
  hasher: Hasher,
  options: { batch: number; chainId: number; slots?: number; messages?: number },
): WitnessInputData {
  const { batch, chainId, slots = 3, messages = 2 } = options;
  const oldKey = storageKey(hasher, CONTRACT, 1000n);
  const tree = createTree(hasher, {
    leaves: [
      { key: 0n, value: 0n, nextKey: oldKey },
      { key: oldKey, value: 7n, nextKey: 0n },
    ],
  });
  const record = (slot: bigint, read: bigint, written: bigint, isWrite = true): StorageRecord => ({
    address: CONTRACT,
    slot,
    read,
    written,
    isWrite,
    tx: 0,
  });
  const records = [
    ...Array.from({ length: slots }, (_, i) => record(BigInt(i), 0n, BigInt(100 + i))),
    record(0n, 100n, 500n),
    record(1000n, 7n, 7n, false),
  ];
  const before = { root: tree.root, nextIndex: tree.nextIndex };
  const entries = treeOpsToEntries(tree.apply(netWrites(hasher, records)));
  return {
    vmRunData: {
      l1BatchNumber: batch,
      usedBytecodes: [],
      initialHeapContent: [],
      protocolVersion: 31,
      bootloaderCode: [],
      defaultAccountCodeHash: 0n,
      storageRefunds: [],
      pubdataCosts: [],
      witnessBlockState: { readStorageKey: [], isWriteInitial: [] },
      devkit: {
        batchNumber: batch,
        chainId,
        storageLogs: records.map(({ address, slot, read, written, isWrite, tx }) => ({
          address,
          key: slot,
          readValue: read,
          writtenValue: written,
          isWrite,
          txIndex: tx,
        })),
        l2ToL1Messages: Array.from({ length: messages }, (_, i) => ({
          txIndex: i,
          sender: CONTRACT,
          value: BigInt(i + 1),
        })),
      },
    },
    merklePaths: { merklePaths: entries, nextEnumerationIndex: before.nextIndex },
    previousBatchMetadata: { rootHash: before.root, metaHash: 0n, auxHash: 0n },
    eip4844Blobs: emptyBlobs(),
  };
}
