import { keccak256 } from 'viem';
import { expect, test } from 'vitest';
import { stateChanges } from '../../../systems/zksync/components/server/state-keeper/state-diff.ts';

const A = '0x00000000000000000000000000000000000000aa';
const B = '0x00000000000000000000000000000000000000bb';
const slot = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`;

test('changed fields of an account are slots of the system contracts, under its address', () => {
  const changes = stateChanges({
    pre: { [A]: { balance: '0x5', nonce: 1 } },
    post: { [A]: { balance: '0x3', nonce: 2 } },
  });
  expect(changes).toEqual([
    { address: 0x800an, slot: 0xaan, read: 5n, written: 3n },
    { address: 0x8003n, slot: 0xaan, read: 1n, written: 2n },
  ]);
});

test('a field that post leaves out did not change', () => {
  expect(stateChanges({ pre: { [A]: { balance: '0x5', nonce: 1 } }, post: { [A]: { nonce: 2 } } })).toEqual([
    { address: 0x8003n, slot: 0xaan, read: 1n, written: 2n },
  ]);
});

test('a new contract gets its nonce and code hash', () => {
  expect(stateChanges({ pre: {}, post: { [A]: { nonce: 1, code: '0x60' } } })).toEqual([
    { address: 0x8003n, slot: 0xaan, read: 0n, written: 1n },
    { address: 0x8002n, slot: 0xaan, read: 0n, written: BigInt(keccak256('0x60')) },
  ]);
});

test('a slot only in pre became zero, one only in post was zero', () => {
  const changes = stateChanges({
    pre: { [A]: { storage: { [slot(2)]: slot(9) } } },
    post: { [A]: { storage: { [slot(1)]: slot(7) } } },
  });
  expect(changes).toEqual([
    { address: 0xaan, slot: 1n, read: 0n, written: 7n },
    { address: 0xaan, slot: 2n, read: 9n, written: 0n },
  ]);
});

test('an account that is gone loses everything', () => {
  const pre = { [A]: { balance: '0x1', nonce: 3, code: '0x60', storage: { [slot(4)]: slot(5) } } } as const;
  expect(stateChanges({ pre, post: {} }).map((change) => change.written)).toEqual([0n, 0n, 0n, 0n]);
});

test('changes are in the order of addresses, whatever the order of the trace', () => {
  const changes = stateChanges({
    pre: { [B]: { balance: '0x1' }, [A]: { balance: '0x1' } },
    post: { [B]: { balance: '0x2' }, [A]: { balance: '0x2' } },
  });
  expect(changes.map((change) => change.slot)).toEqual([0xaan, 0xbbn]);
});
