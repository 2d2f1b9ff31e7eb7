import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Message, messageBytes } from '../../../systems/zksync/protocol/batch/log.ts';
import {
  paddingBlock,
  SHA256_START,
  sha256Compress,
  stateWord,
  wordsOf,
} from '../../../systems/zksync/protocol/batch/sha256.ts';

function digest(blocks: Uint8Array[]): string {
  const after = blocks.reduce((state, block) => sha256Compress(state, wordsOf(block)), [...SHA256_START]);
  return stateWord(sha256Compress(after, paddingBlock(blocks.length)))
    .toString(16)
    .padStart(64, '0');
}

describe('SHA-256 by blocks', () => {
  test.each([0, 1, 2, 9])('of %i blocks is the hash of the library', (count) => {
    const blocks = Array.from({ length: count }, (_, i) =>
      Uint8Array.from({ length: 64 }, (_, j) => (i * 64 + j * 37) & 255),
    );
    expect(digest(blocks)).toBe(createHash('sha256').update(Buffer.concat(blocks)).digest('hex'));
  });

  test('the length in the padding block passes 32 bits', () => {
    expect(paddingBlock(2 ** 23).slice(13)).toEqual([0, 1, 0]);
  });
});

describe('message', () => {
  test('is 64 bytes: transaction index and sender, then the word', () => {
    const message: Message = { tx: 0x01020304, sender: 0xaan, word: 0xbbn };
    const hex = Buffer.from(messageBytes(message)).toString('hex');
    expect(hex).toBe(`${'00'.repeat(8)}01020304${'aa'.padStart(40, '0')}${'bb'.padStart(64, '0')}`);
  });

  test('with a sender beyond 160 bits is refused', () => {
    expect(() => messageBytes({ tx: 0, sender: 1n << 160n, word: 0n })).toThrow(/160 bits/);
  });
});
