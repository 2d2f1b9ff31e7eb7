import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { batchCommitment, messagesHash } from '../../../systems/zksync/protocol/core-db/commitment.ts';

const input = { root: 5n, nextIndex: 7, version: { minor: 31, patch: 0 }, records: 2, messages: [] };

test('the hash of messages is SHA-256 over 64 bytes each', () => {
  const bytes = Buffer.concat([
    Buffer.from('000000000000000000000003', 'hex'),
    Buffer.from('00000000000000000000000000000000000000aa', 'hex'),
    Buffer.alloc(32, 1),
  ]);
  const message = { tx: 3, sender: 0xaan, word: BigInt(`0x${'01'.repeat(32)}`) };
  expect(messagesHash([message])).toBe(BigInt(`0x${createHash('sha256').update(bytes).digest('hex')}`));
});

test.each([
  ['root', { root: 6n }],
  ['next index', { nextIndex: 8 }],
  ['version', { version: { minor: 31, patch: 1 } }],
  ['number of records', { records: 3 }],
  ['messages', { messages: [{ tx: 0, sender: 1n, word: 0n }] }],
])('another %s gives another commitment', (_, change) => {
  expect(batchCommitment({ ...input, ...change }).commitment).not.toBe(batchCommitment(input).commitment);
});
