import { afterAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { keyRecords, netWrites, sortRecords, storageKey } from '../../../systems/zksync/protocol/batch/log.ts';
import { RECORDS, read, write } from './sample.ts';

const poseidon2 = await openPoseidon2({ backend: 'typescript' });
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

describe('records', () => {
  test('are sorted by key, then by position', () => {
    const sorted = sortRecords(keyRecords(hasher, RECORDS));
    for (const [i, record] of sorted.entries()) {
      const next = sorted[i + 1];
      if (next) expect(record.key < next.key || (record.key === next.key && record.index < next.index)).toBe(true);
    }
    expect(sorted).toHaveLength(RECORDS.length);
  });

  test('give one net write per slot: first value read, last value written', () => {
    const writes = netWrites(hasher, RECORDS);
    const ofSlot = (slot: bigint) => writes.find((w) => w.key === storageKey(hasher, RECORDS[0]!.address, slot));
    expect(ofSlot(1n)).toMatchObject({ initial: 100n, final: 102n });
    expect(ofSlot(3n)).toMatchObject({ initial: 0n, final: 7n });
    expect(ofSlot(5n)).toMatchObject({ initial: 0n, final: 0n });
    expect(writes).toHaveLength(5);
  });

  test.each([
    ['a value read that nobody wrote', [write(1n, 0n, 1n), read(1n, 2n)], /record 1: the value read/],
    ['a read that changes the value', [{ ...read(1n, 1n), written: 2n }], /record 0: a read changes/],
    ['a slot of 257 bits', [write(1n << 256n, 0n, 1n)], /slot has more than 256 bits/],
    ['an address of 161 bits', [{ ...read(1n, 0n), address: 1n << 160n }], /160 bits/],
  ])('with %s are refused', (_, records, message) => {
    expect(() => netWrites(hasher, records)).toThrow(message);
  });
});
