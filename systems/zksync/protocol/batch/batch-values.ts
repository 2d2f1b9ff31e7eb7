/** The values of a batch that L1 sees in clear, in the order of the compressor's public inputs, and their hashes. */
import { type Hasher, limbs, TAG } from './hash.ts';
import type { SchedulerPartialInput } from './witness-plan.ts';

/** What one batch did; the recursion tip's `out`. Key order is the order of hashing. */
export interface BatchResult {
  oldRoot: bigint;
  oldNextIndex: bigint;
  newRoot: bigint;
  newNextIndex: bigint;
  messagesHi: bigint;
  messagesLo: bigint;
  /** records + 2^32 · messages */
  counts: bigint;
}

/** First ten public inputs of the compressor; the scheduler's `block`. Key order is the order of hashing. */
export interface BatchValues extends BatchResult {
  chainId: bigint;
  number: bigint;
  /** minor · 2^32 + patch */
  version: bigint;
}

export function resultOf(values: {
  oldRoot: bigint;
  oldNextIndex: number | bigint;
  newRoot: bigint;
  newNextIndex: number | bigint;
  messagesHash: bigint;
  records: number | bigint;
  messages: number | bigint;
}): BatchResult {
  const [messagesHi, messagesLo] = limbs(values.messagesHash);
  return {
    oldRoot: values.oldRoot,
    oldNextIndex: BigInt(values.oldNextIndex),
    newRoot: values.newRoot,
    newNextIndex: BigInt(values.newNextIndex),
    messagesHi,
    messagesLo,
    counts: BigInt(values.records) + (BigInt(values.messages) << 32n),
  };
}

export const batchValues = (partial: SchedulerPartialInput): BatchResult =>
  resultOf({
    oldRoot: BigInt(partial.old_root),
    oldNextIndex: partial.old_next_index,
    newRoot: BigInt(partial.new_root),
    newNextIndex: partial.new_next_index,
    messagesHash: BigInt(partial.messages_hash),
    records: partial.records,
    messages: partial.messages,
  });

const resultFields = (r: BatchResult): bigint[] => [
  r.oldRoot,
  r.oldNextIndex,
  r.newRoot,
  r.newNextIndex,
  r.messagesHi,
  r.messagesLo,
  r.counts,
];

export const outHash = (hasher: Hasher, result: BatchResult): bigint => hasher.hash(TAG.out, resultFields(result));

/** The compressor's first ten public inputs. */
export const batchFields = (batch: BatchValues): bigint[] => [
  batch.chainId,
  batch.number,
  batch.version,
  ...resultFields(batch),
];

export const batchHash = (hasher: Hasher, batch: BatchValues): bigint => hasher.hash(TAG.batch, batchFields(batch));
