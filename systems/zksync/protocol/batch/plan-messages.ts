/** Circuit 13, L1MessagesHasher: one SHA-256 block per message, then the padding block. */
import { CHUNK_SIZE, type Chunk, fill, part, partsOf } from './chunk.ts';
import { fieldHex, type Hasher, limbs, TAG } from './hash.ts';
import { type Message, messageBytes, pushMessage } from './log.ts';
import { paddingBlock, SHA256_START, type Sha256State, sha256Compress, stateWord, wordsOf } from './sha256.ts';

interface MessagesState {
  queue: bigint;
  count: number;
  done: boolean;
  sha: Sha256State;
}

type Slot = { kind: 1; block: number[]; message: Message } | { kind: 2; block: number[] };

const stateHash = (hasher: Hasher, state: MessagesState): bigint =>
  hasher.hash(TAG.stateMessages, [
    state.queue,
    BigInt(state.count) + (state.done ? 1n << 32n : 0n),
    ...limbs(stateWord(state.sha)),
  ]);

/** Chunks and `D`, SHA-256 over all messages. */
export function planMessages(hasher: Hasher, messages: readonly Message[]): { chunks: Chunk[]; digest: bigint } {
  const slots: Slot[] = messages.map((message) => ({ kind: 1, block: wordsOf(messageBytes(message)), message }));
  slots.push({ kind: 2, block: paddingBlock(messages.length) });
  let state: MessagesState = { queue: 0n, count: 0, done: false, sha: SHA256_START };
  const chunks: Chunk[] = [];
  const count = partsOf(slots.length, CHUNK_SIZE.messageSlots);
  for (let i = 0; i < count; i++) {
    const before = state;
    const own = part(slots, CHUNK_SIZE.messageSlots, i);
    state = own.reduce((at, slot) => step(hasher, at, slot), before);
    const start = stateHash(hasher, before);
    const end = stateHash(hasher, state);
    const rows = own.map(({ kind, block }) => ({ kind: kind as number, block }));
    const inputs = {
      start: fieldHex(start),
      end: fieldHex(end),
      state: { queue: fieldHex(before.queue), count: before.count, done: before.done, sha: [...before.sha] },
      slots: fill(rows, CHUNK_SIZE.messageSlots, { kind: 0, block: new Array<number>(16).fill(0) }),
    };
    chunks.push({ inputs, start, end });
  }
  return { chunks, digest: stateWord(state.sha) };
}

function step(hasher: Hasher, state: MessagesState, slot: Slot): MessagesState {
  const sha = sha256Compress(state.sha, slot.block);
  if (slot.kind === 2) return { ...state, sha, done: true };
  return { ...state, sha, queue: pushMessage(hasher, state.queue, slot.message), count: state.count + 1 };
}
