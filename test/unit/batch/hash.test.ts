import { afterAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher, FIELD_SIZE, limbs, TAG } from '../../../systems/zksync/protocol/batch/hash.ts';

const poseidon2 = await openPoseidon2({ backend: 'typescript' });
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

describe('tagged hash', () => {
  test('absorbs three inputs per permutation, with tag and length in the capacity word', () => {
    const capacity = (BigInt(TAG.leaf) << 64n) + 4n;
    const first = poseidon2.permute([1n, 2n, 3n, capacity]);
    const second = poseidon2.permute([(first[0] + 4n) % FIELD_SIZE, first[1], first[2], first[3]]);
    expect(hasher.hash(TAG.leaf, [1n, 2n, 3n, 4n])).toBe(second[0]);
  });

  test('differs by tag', () => {
    expect(hasher.hash(TAG.logQueue, [1n, 2n])).not.toBe(hasher.hash(TAG.messageQueue, [1n, 2n]));
  });

  test('differs by length, so zeros at the end count', () => {
    expect(hasher.hash(TAG.public, [1n])).not.toBe(hasher.hash(TAG.public, [1n, 0n]));
  });

  test('stays in the field when inputs and state add up beyond it', () => {
    const hash = hasher.hash(TAG.out, new Array<bigint>(7).fill(FIELD_SIZE - 1n));
    expect(hash < FIELD_SIZE).toBe(true);
  });

  test('gives the known values', () => {
    expect({
      node: hasher.hash(TAG.node, [0n, 0n]).toString(16),
      key: hasher.hash(TAG.key, [0x8008n, ...limbs((7n << 128n) + 9n)]).toString(16),
      state: hasher
        .hash(
          TAG.stateFilter,
          Array.from({ length: 13 }, (_, i) => BigInt(i)),
        )
        .toString(16),
    }).toMatchInlineSnapshot(`
      {
        "key": "24becb2d2623c7f233a1c832f20058035c0b835771303f3a82440376734b7ba3",
        "node": "220e3f12b45996179e7c52a7eb84d2c7f64c2a8769cda07bc41b66d6a8ee99a1",
        "state": "1c39ab53407c93f710c298d8cd3ee67bba61618501636353b7b7d187050f88d8",
      }
    `);
  });
});
