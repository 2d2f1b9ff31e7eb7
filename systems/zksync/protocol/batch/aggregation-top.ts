/** Rounds 3 and 4 and the compressor: one proof each. */
import { BASE_CIRCUIT_LIST, type CircuitName } from '../circuits.ts';
import { BASE_CIRCUIT_IDS, packVersion } from '../ids.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import { type BatchValues, batchFields, batchHash, batchValues, outHash } from './batch-values.ts';
import {
  AggregationError,
  type AggregationPlan,
  type BatchName,
  type ChildProof,
  foldLinks,
  verification,
  words,
} from './children.ts';
import { fieldHex, type Hasher, limbs } from './hash.ts';
import type { SchedulerPartialInput } from './witness-plan.ts';

/** The recursion tip over one node per kind, in the order 1, 9, 10, 13. */
export function planTip(
  hasher: Hasher,
  set: CircuitSet,
  partial: SchedulerPartialInput,
  children: readonly ChildProof[],
): AggregationPlan {
  checkTipChildren(set, children);
  const publicInputs = [set.keyset, outHash(hasher, batchValues(partial)), foldLinks(hasher, set, children)];
  const column = (index: number): string[] => children.map((child) => fieldHex(child.publicInputs[index]!));
  const inputs = {
    keyset: fieldHex(publicInputs[0]!),
    out: fieldHex(publicInputs[1]!),
    links: fieldHex(publicInputs[2]!),
    keys: column(0),
    node_key: fieldHex(set.nodeKey),
    starts: column(2),
    ends: column(3),
    child_links: column(4),
    witness: tipWitness(partial),
    ...(set.aggregation === 'recursive' ? verification(set, children) : {}),
  };
  return { name: 'recursion_tip', inputs, children: children.map((_, index) => index), publicInputs };
}

/** The scheduler over the tip: adds chain, batch number and version. */
export function planScheduler(
  hasher: Hasher,
  set: CircuitSet,
  partial: SchedulerPartialInput,
  batch: BatchName,
  tip: ChildProof,
): AggregationPlan {
  expectCircuit(tip, 'recursion_tip');
  const named = namedBatch(partial, batch);
  const publicInputs = [set.keyset, batchHash(hasher, named), foldLinks(hasher, set, [tip])];
  const inputs = {
    keyset: fieldHex(publicInputs[0]!),
    block: fieldHex(publicInputs[1]!),
    links: fieldHex(publicInputs[2]!),
    tip_links: fieldHex(tip.publicInputs[2]!),
    batch: batchInput(named),
    ...single(set, tip),
  };
  return { name: 'scheduler', inputs, children: [0], publicInputs };
}

/** The compressor over the scheduler: the proof for L1, with the batch's values in clear. */
export function planCompressor(
  hasher: Hasher,
  set: CircuitSet,
  partial: SchedulerPartialInput,
  batch: BatchName,
  scheduler: ChildProof,
): AggregationPlan {
  expectCircuit(scheduler, 'scheduler');
  const named = namedBatch(partial, batch);
  const links = foldLinks(hasher, set, [scheduler]);
  const inputs = {
    ...batchInput(named),
    keyset: fieldHex(set.keyset),
    links: fieldHex(links),
    scheduler_links: fieldHex(scheduler.publicInputs[2]!),
    ...single(set, scheduler),
  };
  const publicInputs = [...batchFields(named), set.keyset, links];
  return { name: 'compressor', inputs, children: [0], publicInputs };
}

/** The same for an only child, whose vk hash is a constant in `recursive` and an input in `linked`. */
const single = (set: CircuitSet, child: ChildProof) =>
  set.aggregation === 'linked'
    ? { circuit: fieldHex(set.circuit(child.circuit).key.hash) }
    : { vk: words(set.circuit(child.circuit).key.bytes), proof: words(child.proof) };

function expectCircuit(child: ChildProof, name: CircuitName): void {
  if (child.circuit !== name) throw new AggregationError(`a ${child.circuit} proof in place of the ${name} proof`);
}

function checkTipChildren(set: CircuitSet, children: readonly ChildProof[]): void {
  if (children.length !== BASE_CIRCUIT_IDS.length) {
    throw new AggregationError(`the recursion tip takes 4 node proofs, not ${children.length}`);
  }
  for (const [i, child] of children.entries()) {
    const name = BASE_CIRCUIT_LIST[i]!;
    if (!child.circuit.startsWith('node') || child.publicInputs[0] !== set.circuit(name).key.hash) {
      throw new AggregationError(`child ${i} of the recursion tip is not the node of ${name}`);
    }
  }
}

function namedBatch(partial: SchedulerPartialInput, batch: BatchName): BatchValues {
  return {
    chainId: BigInt(batch.chainId),
    number: BigInt(batch.batchNumber),
    version: packVersion(batch.version),
    ...batchValues(partial),
  };
}

const batchInput = (batch: BatchValues) => ({
  chain_id: fieldHex(batch.chainId),
  number: fieldHex(batch.number),
  version: fieldHex(batch.version),
  old_root: fieldHex(batch.oldRoot),
  old_next_index: fieldHex(batch.oldNextIndex),
  new_root: fieldHex(batch.newRoot),
  new_next_index: fieldHex(batch.newNextIndex),
  messages_hi: fieldHex(batch.messagesHi),
  messages_lo: fieldHex(batch.messagesLo),
  counts: fieldHex(batch.counts),
});

function tipWitness(partial: SchedulerPartialInput) {
  const group = partial.last_group;
  const pair = (word: string): string[] => limbs(BigInt(word)).map(fieldHex);
  return {
    logs: partial.log_queue,
    sorted: partial.sorted_queue,
    messages: partial.message_queue,
    product: partial.product,
    net: partial.net_queue,
    last_key: group.key,
    last_initial: pair(group.initial),
    last_current: pair(group.current),
    last_index: group.index,
    net_count: group.net_count,
    has_group: group.has_group,
    log_count: partial.records,
    message_count: partial.messages,
    old_root: partial.old_root,
    old_next_index: fieldHex(BigInt(partial.old_next_index)),
    new_root: partial.new_root,
    new_next_index: fieldHex(BigInt(partial.new_next_index)),
    messages_hash: pair(partial.messages_hash),
  };
}
