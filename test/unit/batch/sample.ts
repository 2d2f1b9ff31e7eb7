/** A batch with every kind of tree op, made the way the server makes it. */
import { treeOpsToEntries } from '../../../systems/zksync/protocol/batch/entries.ts';
import type { Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { type Message, netWrites, type StorageRecord } from '../../../systems/zksync/protocol/batch/log.ts';
import type { Tree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { emptyBlobs, type WitnessInputData } from '../../../systems/zksync/protocol/wire/witness-input.ts';

const ACCOUNT = 0x1234n;

export const write = (slot: bigint, read: bigint, written: bigint, tx = 0): StorageRecord => ({
  address: ACCOUNT,
  slot,
  read,
  written,
  isWrite: true,
  tx,
});
export const read = (slot: bigint, value: bigint, tx = 0): StorageRecord => ({
  ...write(slot, value, value, tx),
  isWrite: false,
});

/** Slots 1 and 2 are in the tree before the sample batch. */
export const BEFORE: StorageRecord[] = [write(1n, 0n, 100n), write(2n, 0n, 1n << 200n)];

/** Update, overwrite in the batch, read, first writes, a key that stays absent, a key set to 0. */
export const RECORDS: StorageRecord[] = [
  write(1n, 100n, 101n),
  write(3n, 0n, 5n),
  read(2n, 1n << 200n, 1),
  write(1n, 101n, 102n, 1),
  write(4n, 0n, (1n << 256n) - 1n, 2),
  read(5n, 0n, 2),
  write(3n, 5n, 0n, 3),
  write(3n, 0n, 7n, 3),
];

export const MESSAGES: Message[] = [
  { tx: 0, sender: ACCOUNT, word: 0xabcdn },
  { tx: 3, sender: (1n << 160n) - 1n, word: (1n << 256n) - 1n },
];

/** The witness input of a batch on `tree`, which is left as the batch leaves it. */
export function witnessInput(
  hasher: Hasher,
  tree: Tree,
  records: readonly StorageRecord[],
  messages: readonly Message[],
  batch: { chainId: number; batchNumber: number } = { chainId: 271, batchNumber: 1 },
): WitnessInputData {
  const rootHash = tree.root;
  const nextEnumerationIndex = tree.nextIndex;
  const merklePaths = treeOpsToEntries(tree.apply(netWrites(hasher, records)));
  return {
    vmRunData: {
      l1BatchNumber: batch.batchNumber,
      usedBytecodes: [],
      initialHeapContent: [],
      protocolVersion: 31,
      bootloaderCode: [],
      defaultAccountCodeHash: 0n,
      storageRefunds: [],
      pubdataCosts: [],
      witnessBlockState: { readStorageKey: [], isWriteInitial: [] },
      devkit: {
        ...batch,
        storageLogs: records.map((r) => ({
          address: r.address,
          key: r.slot,
          readValue: r.read,
          writtenValue: r.written,
          isWrite: r.isWrite,
          txIndex: r.tx,
        })),
        l2ToL1Messages: messages.map((m) => ({ txIndex: m.tx, sender: m.sender, value: m.word })),
      },
    },
    merklePaths: { merklePaths, nextEnumerationIndex },
    previousBatchMetadata: { rootHash, metaHash: 0n, auxHash: 0n },
    eip4844Blobs: emptyBlobs(),
  };
}
