/** Circuit 9, StorageFilter: the log queue against the same records sorted; one net write per key. */
import { CHUNK_SIZE, type Chunk, fill, part, partsOf } from './chunk.ts';
import { FIELD_SIZE, fieldHex, type Hasher, limbs, TAG, wordInput } from './hash.ts';
import { type KeyedRecord, pushNet, pushRecord } from './log.ts';

/** State before or after a chunk; `logs` and `sorted` are the final queues and the same in all states of a batch. */
export interface FilterState {
  logs: bigint;
  sorted: bigint;
  logsDone: bigint;
  sortedDone: bigint;
  productLogs: bigint;
  productSorted: bigint;
  net: bigint;
  key: bigint;
  initial: bigint;
  current: bigint;
  lastIndex: number;
  netCount: number;
  hasGroup: boolean;
  done: boolean;
}

export function filterStateHash(hasher: Hasher, s: FilterState): bigint {
  const flags = (s.hasGroup ? 1n : 0n) + (s.done ? 2n : 0n);
  return hasher.hash(TAG.stateFilter, [
    s.logs,
    s.sorted,
    s.logsDone,
    s.sortedDone,
    s.productLogs,
    s.productSorted,
    s.net,
    s.key,
    ...limbs(s.initial),
    ...limbs(s.current),
    BigInt(s.lastIndex) + (BigInt(s.netCount) << 32n) + (flags << 64n),
  ]);
}

/** `records` in batch order, `sorted` by (key, position). Returns the chunks and the final state. */
export function planFilter(
  hasher: Hasher,
  records: readonly KeyedRecord[],
  sorted: readonly KeyedRecord[],
): { chunks: Chunk[]; end: FilterState } {
  const queue = (list: readonly KeyedRecord[]): bigint =>
    list.reduce((at, record) => pushRecord(hasher, at, record.hash), 0n);
  let state = firstState(queue(records), queue(sorted));
  const challenge = hasher.hash(TAG.challenge, [state.logs, state.sorted]);
  const chunks: Chunk[] = [];
  const count = partsOf(records.length, CHUNK_SIZE.filterRecords);
  for (let i = 0; i < count; i++) {
    const before = state;
    const left = part(records, CHUNK_SIZE.filterRecords, i);
    const right = part(sorted, CHUNK_SIZE.filterRecords, i);
    const finish = i === count - 1;
    for (const [j, record] of left.entries()) state = step(hasher, state, challenge, record, right[j]!);
    if (finish) state = { ...(state.hasGroup ? closeGroup(hasher, state) : state), done: true };
    const start = filterStateHash(hasher, before);
    const end = filterStateHash(hasher, state);
    const inputs = { start: fieldHex(start), end: fieldHex(end), ...filterInputs(before, left, right), finish };
    chunks.push({ inputs, start, end });
  }
  return { chunks, end: state };
}

const firstState = (logs: bigint, sorted: bigint): FilterState => ({
  logs,
  sorted,
  logsDone: 0n,
  sortedDone: 0n,
  productLogs: 1n,
  productSorted: 1n,
  net: 0n,
  key: 0n,
  initial: 0n,
  current: 0n,
  lastIndex: 0,
  netCount: 0,
  hasGroup: false,
  done: false,
});

const closeGroup = (hasher: Hasher, state: FilterState): FilterState => ({
  ...state,
  net: pushNet(hasher, state.net, { key: state.key, initial: state.initial, final: state.current }),
  netCount: state.netCount + 1,
});

function step(
  hasher: Hasher,
  state: FilterState,
  challenge: bigint,
  left: KeyedRecord,
  right: KeyedRecord,
): FilterState {
  const same = state.hasGroup && state.key === right.key;
  const at = state.hasGroup && !same ? closeGroup(hasher, state) : state;
  return {
    ...at,
    logsDone: pushRecord(hasher, at.logsDone, left.hash),
    sortedDone: pushRecord(hasher, at.sortedDone, right.hash),
    productLogs: multiply(at.productLogs, challenge - left.hash),
    productSorted: multiply(at.productSorted, challenge - right.hash),
    key: right.key,
    initial: same ? at.initial : right.read,
    current: right.written,
    lastIndex: right.index,
    hasGroup: true,
  };
}

const multiply = (a: bigint, b: bigint): bigint => (a * (b < 0n ? b + FIELD_SIZE : b)) % FIELD_SIZE;

const EMPTY_SORTED = {
  key: fieldHex(0n),
  index: 0,
  tx: 0,
  is_write: false,
  read: wordInput(0n),
  written: wordInput(0n),
};

function filterInputs(state: FilterState, left: readonly KeyedRecord[], right: readonly KeyedRecord[]) {
  const sorted = right.map((record) => ({
    key: fieldHex(record.key),
    index: record.index,
    tx: record.tx,
    is_write: record.isWrite,
    read: wordInput(record.read),
    written: wordInput(record.written),
  }));
  return {
    state: filterStateInput(state),
    unsorted: fill(
      left.map((record) => fieldHex(record.hash)),
      CHUNK_SIZE.filterRecords,
      fieldHex(0n),
    ),
    sorted: fill(sorted, CHUNK_SIZE.filterRecords, EMPTY_SORTED),
    count: left.length,
  };
}

function filterStateInput(s: FilterState) {
  return {
    logs: fieldHex(s.logs),
    sorted: fieldHex(s.sorted),
    logs_done: fieldHex(s.logsDone),
    sorted_done: fieldHex(s.sortedDone),
    product_logs: fieldHex(s.productLogs),
    product_sorted: fieldHex(s.productSorted),
    net: fieldHex(s.net),
    key: fieldHex(s.key),
    initial: wordInput(s.initial),
    current: wordInput(s.current),
    last_index: fieldHex(BigInt(s.lastIndex)),
    net_count: fieldHex(BigInt(s.netCount)),
    has_group: s.hasGroup,
    done: s.done,
  };
}
