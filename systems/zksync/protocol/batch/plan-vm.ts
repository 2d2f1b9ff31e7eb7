/** Circuit 1, VM: chunks of raw records and messages. */
import { CHUNK_SIZE, type Chunk, fill, part, partsOf } from './chunk.ts';
import { fieldHex, type Hasher, limbs, TAG } from './hash.ts';
import { type KeyedRecord, type Message, messageLimbs, pushMessage, pushRecord } from './log.ts';

interface VmState {
  logs: bigint;
  messages: bigint;
  logCount: number;
  messageCount: number;
}

const stateHash = (hasher: Hasher, state: VmState): bigint =>
  hasher.hash(TAG.stateVm, [state.logs, state.messages, BigInt(state.logCount) + (BigInt(state.messageCount) << 32n)]);

const hexLimbs = (word: bigint): string[] => limbs(word).map(fieldHex);

const EMPTY_RECORD = {
  address: fieldHex(0n),
  slot: hexLimbs(0n),
  read: hexLimbs(0n),
  written: hexLimbs(0n),
  is_write: false,
  tx: 0,
};

/** Chunks and the final queues. */
export function planVm(
  hasher: Hasher,
  records: readonly KeyedRecord[],
  messages: readonly Message[],
): { chunks: Chunk[]; logs: bigint; messages: bigint } {
  const count = Math.max(
    partsOf(records.length, CHUNK_SIZE.vmRecords),
    partsOf(messages.length, CHUNK_SIZE.vmMessages),
  );
  let state: VmState = { logs: 0n, messages: 0n, logCount: 0, messageCount: 0 };
  const chunks: Chunk[] = [];
  for (let i = 0; i < count; i++) {
    const before = state;
    const logged = part(records, CHUNK_SIZE.vmRecords, i);
    const sent = part(messages, CHUNK_SIZE.vmMessages, i);
    state = {
      logs: logged.reduce((queue, record) => pushRecord(hasher, queue, record.hash), before.logs),
      messages: sent.reduce((queue, message) => pushMessage(hasher, queue, message), before.messages),
      logCount: before.logCount + logged.length,
      messageCount: before.messageCount + sent.length,
    };
    const start = stateHash(hasher, before);
    const end = stateHash(hasher, state);
    chunks.push({
      inputs: { start: fieldHex(start), end: fieldHex(end), ...vmInputs(before, logged, sent) },
      start,
      end,
    });
  }
  return { chunks, logs: state.logs, messages: state.messages };
}

function vmInputs(state: VmState, records: readonly KeyedRecord[], messages: readonly Message[]) {
  const rows = records.map((record) => ({
    address: fieldHex(record.address),
    slot: hexLimbs(record.slot),
    read: hexLimbs(record.read),
    written: hexLimbs(record.written),
    is_write: record.isWrite,
    tx: record.tx,
  }));
  const sent = messages.map((message) => messageLimbs(message).map(fieldHex));
  return {
    state: {
      logs: fieldHex(state.logs),
      messages: fieldHex(state.messages),
      log_count: state.logCount,
      message_count: state.messageCount,
    },
    records: fill(rows, CHUNK_SIZE.vmRecords, EMPTY_RECORD),
    record_count: rows.length,
    messages: fill(sent, CHUNK_SIZE.vmMessages, [0n, 0n, 0n, 0n].map(fieldHex)),
    message_count: sent.length,
  };
}
