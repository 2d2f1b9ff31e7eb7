import { expect, test } from 'vitest';
import { isFinal, JobInputError } from '../../../systems/zksync/components/workers/final.ts';
import { MerklePathsError } from '../../../systems/zksync/protocol/batch/entries.ts';
import { BlobError } from '../../../systems/zksync/protocol/store/blobs.ts';
import { decodeWitnessInput } from '../../../systems/zksync/protocol/wire/witness-input.ts';

const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('what a job was given does not get better by another attempt', () => {
  expect(isFinal(new JobInputError('x'))).toBe(true);
  expect(isFinal(thrown(() => decodeWitnessInput(new Uint8Array([1, 2, 3]))))).toBe(true);
  expect(isFinal(Object.create(MerklePathsError.prototype))).toBe(true);
});

test('a program that fails, a missing object or a damaged one may', () => {
  expect(isFinal(new Error('bb ended with SIGKILL'))).toBe(false);
  expect(isFinal(new BlobError('key', 'damaged'))).toBe(false);
});
