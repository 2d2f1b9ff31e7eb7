/** Round 0: from the witness input of a batch to the inputs of all base circuit instances. */
import type { CircuitInputs } from '../../../../proving/types.ts';
import { BASE_CIRCUITS, type BaseCircuitId } from '../ids.ts';
import type { WitnessInputData } from '../wire/witness-input.ts';
import type { Chunk } from './chunk.ts';
import { entriesToOps } from './entries.ts';
import { fieldHex, type Hasher } from './hash.ts';
import { keyRecords, type Message, netWritesOfSorted, type StorageRecord, sortRecords } from './log.ts';
import { planApplicator } from './plan-applicator.ts';
import { type FilterState, planFilter } from './plan-filter.ts';
import { planMessages } from './plan-messages.ts';
import { planVm } from './plan-vm.ts';

type Hex = `0x${string}`;

export interface BaseInstance {
  circuitId: BaseCircuitId;
  /** Position among the instances of its kind. */
  sequence: number;
  name: (typeof BASE_CIRCUITS)[BaseCircuitId];
  inputs: CircuitInputs;
  /** The public inputs. */
  start: bigint;
  end: bigint;
}

/** What the upper rounds need besides their children. Only strings, numbers, booleans: can be stored as CBOR or JSON as it is. */
export interface SchedulerPartialInput {
  chain_id: number;
  batch_number: number;
  old_root: Hex;
  old_next_index: number;
  new_root: Hex;
  new_next_index: number;
  /** D, SHA-256 of the messages. */
  messages_hash: Hex;
  /** Records and messages in the batch. */
  records: number;
  messages: number;
  /** Final queues and products, private inputs of the recursion tip. */
  log_queue: Hex;
  sorted_queue: Hex;
  message_queue: Hex;
  product: Hex;
  net_queue: Hex;
  /** Last group of the sorted list. */
  last_group: {
    key: Hex;
    initial: Hex;
    current: Hex;
    index: number;
    net_count: number;
    has_group: boolean;
  };
}

export interface BasicPlan {
  /** Kinds in the order 1, 9, 10, 13; at least one instance of each. */
  instances: BaseInstance[];
  scheduler: SchedulerPartialInput;
}

/**
 * Plans round 0. Deterministic: the same input gives the same plan.
 * @throws BatchDataError when records contradict each other, MerklePathsError when paths, values or links do not fit them
 */
export function planBasic(hasher: Hasher, input: WitnessInputData): BasicPlan {
  const { devkit } = input.vmRunData;
  const messages: Message[] = devkit.l2ToL1Messages.map((m) => ({ tx: m.txIndex, sender: m.sender, word: m.value }));
  const records = keyRecords(hasher, recordsOf(input));
  const sorted = sortRecords(records);
  const tree = { root: input.previousBatchMetadata.rootHash, nextIndex: input.merklePaths.nextEnumerationIndex };
  const ops = entriesToOps(hasher, input.merklePaths.merklePaths, netWritesOfSorted(sorted), tree);

  const messagesPlan = planMessages(hasher, messages);
  const vm = planVm(hasher, records, messages);
  const filter = planFilter(hasher, records, sorted);
  const applicator = planApplicator(hasher, ops, tree);
  return {
    instances: [
      ...instancesOf(1, vm.chunks),
      ...instancesOf(9, filter.chunks),
      ...instancesOf(10, applicator.chunks),
      ...instancesOf(13, messagesPlan.chunks),
    ],
    scheduler: {
      chain_id: devkit.chainId,
      batch_number: devkit.batchNumber,
      old_root: fieldHex(tree.root),
      old_next_index: tree.nextIndex,
      new_root: fieldHex(applicator.end.root),
      new_next_index: applicator.end.nextIndex,
      messages_hash: fieldHex(messagesPlan.digest),
      records: records.length,
      messages: messages.length,
      message_queue: fieldHex(vm.messages),
      ...filterPart(filter.end),
    },
  };
}

function recordsOf(input: WitnessInputData): StorageRecord[] {
  return input.vmRunData.devkit.storageLogs.map((log) => ({
    address: log.address,
    slot: log.key,
    read: log.readValue,
    written: log.writtenValue,
    isWrite: log.isWrite,
    tx: log.txIndex,
  }));
}

const instancesOf = (circuitId: BaseCircuitId, chunks: readonly Chunk[]): BaseInstance[] =>
  chunks.map((chunk, sequence) => ({ circuitId, sequence, name: BASE_CIRCUITS[circuitId], ...chunk }));

const filterPart = (end: FilterState) => ({
  log_queue: fieldHex(end.logs),
  sorted_queue: fieldHex(end.sorted),
  product: fieldHex(end.productLogs),
  net_queue: fieldHex(end.net),
  last_group: {
    key: fieldHex(end.key),
    initial: fieldHex(end.initial),
    current: fieldHex(end.current),
    index: end.lastIndex,
    net_count: end.netCount,
    has_group: end.hasGroup,
  },
});
