/** Storage log records, messages, queues and net writes (circuits.md's encodings; `circuits/common/src/record.nr`). */
import { type Hasher, limbs, TAG } from './hash.ts';

/** One access to a storage slot, in execution order. Words are 256 bits, the address 160, `tx` 32. */
export interface StorageRecord {
  address: bigint;
  slot: bigint;
  read: bigint;
  /** Equal to `read` when `isWrite` is false. */
  written: bigint;
  isWrite: boolean;
  /** Position of the transaction in the batch. */
  tx: number;
}

/** L2 -> L1 message: 64 bytes on the wire, `tx·2^160 + sender` and a 32-byte word. */
export interface Message {
  tx: number;
  sender: bigint;
  word: bigint;
}

/** A record with its storage key, its position in the batch and its hash. */
export interface KeyedRecord extends StorageRecord {
  key: bigint;
  index: number;
  hash: bigint;
}

/** What the batch does to one key: value before and after. Reads give `initial == final`. */
export interface NetWrite {
  key: bigint;
  initial: bigint;
  final: bigint;
}

/** The records or messages of a batch contradict each other or leave their ranges. */
export class BatchDataError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BatchDataError';
  }
}

/** `K`, the key of a slot in the tree. */
export function storageKey(hasher: Hasher, address: bigint, slot: bigint): bigint {
  return hasher.hash(TAG.key, [address, ...limbs(slot)]);
}

export function recordHash(hasher: Hasher, key: bigint, index: number, record: StorageRecord): bigint {
  const head = BigInt(index) + (BigInt(record.tx) << 32n) + (record.isWrite ? 1n << 64n : 0n);
  return hasher.hash(TAG.record, [key, head, ...limbs(record.read), ...limbs(record.written)]);
}

/** Adds key, position and hash to every record. @throws BatchDataError when a value leaves its range. */
export function keyRecords(hasher: Hasher, records: readonly StorageRecord[]): KeyedRecord[] {
  return records.map((record, index) => {
    checkRecord(record, index);
    const key = storageKey(hasher, record.address, record.slot);
    return { ...record, key, index, hash: recordHash(hasher, key, index, record) };
  });
}

/** Order of the sorted list of StorageFilter: by key, then by position. */
export function sortRecords(records: readonly KeyedRecord[]): KeyedRecord[] {
  return [...records].sort((a, b) => (a.key === b.key ? a.index - b.index : a.key < b.key ? -1 : 1));
}

/**
 * One net write per key, in key order: the first value read and the last value written.
 * @throws BatchDataError when a record reads something else than what was written last
 */
export function netWrites(hasher: Hasher, records: readonly StorageRecord[]): NetWrite[] {
  return netWritesOfSorted(sortRecords(keyRecords(hasher, records)));
}

export function netWritesOfSorted(sorted: readonly KeyedRecord[]): NetWrite[] {
  const writes: NetWrite[] = [];
  for (const record of sorted) {
    const last = writes.at(-1);
    if (last === undefined || last.key !== record.key) {
      writes.push({ key: record.key, initial: record.read, final: record.written });
      continue;
    }
    if (last.final !== record.read) {
      throw new BatchDataError(`record ${record.index}: the value read is not the value last written to its slot`);
    }
    last.final = record.written;
  }
  return writes;
}

export function pushRecord(hasher: Hasher, queue: bigint, hash: bigint): bigint {
  return hasher.hash(TAG.logQueue, [queue, hash]);
}

export function pushNet(hasher: Hasher, queue: bigint, write: NetWrite): bigint {
  return hasher.hash(TAG.net, [queue, write.key, ...limbs(write.initial), ...limbs(write.final)]);
}

/** The message's four 128-bit limbs: head (hi, lo), word (hi, lo). */
export function messageLimbs(message: Message): bigint[] {
  return [...limbs(messageHead(message)), ...limbs(message.word)];
}

export function pushMessage(hasher: Hasher, queue: bigint, message: Message): bigint {
  return hasher.hash(TAG.messageQueue, [queue, hasher.hash(TAG.message, messageLimbs(message))]);
}

/** The 64 bytes that L1 sees and that SHA-256 runs over. @throws BatchDataError when a value leaves its range. */
export function messageBytes(message: Message): Uint8Array {
  checkMessage(message);
  const hex = messageHead(message).toString(16).padStart(64, '0') + message.word.toString(16).padStart(64, '0');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

const messageHead = (message: Message): bigint => (BigInt(message.tx) << 160n) + message.sender;

const fits = (value: bigint, bits: bigint): boolean => value >= 0n && value < 1n << bits;
const fitsU32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;

function checkRecord(record: StorageRecord, index: number): void {
  if (!fits(record.address, 160n)) throw new BatchDataError(`record ${index}: the address has more than 160 bits`);
  for (const field of ['slot', 'read', 'written'] as const) {
    if (!fits(record[field], 256n)) throw new BatchDataError(`record ${index}: ${field} has more than 256 bits`);
  }
  if (!fitsU32(record.tx)) throw new BatchDataError(`record ${index}: transaction index ${record.tx}`);
  if (!record.isWrite && record.read !== record.written) {
    throw new BatchDataError(`record ${index}: a read changes the value`);
  }
}

function checkMessage(message: Message): void {
  if (!fitsU32(message.tx)) throw new BatchDataError(`message with transaction index ${message.tx}`);
  if (!fits(message.sender, 160n)) throw new BatchDataError('message with a sender of more than 160 bits');
  if (!fits(message.word, 256n)) throw new BatchDataError('message with a word of more than 256 bits');
}
