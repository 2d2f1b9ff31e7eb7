import { describe, expect, test } from 'vitest';
import {
  checkPlan,
  describePlan,
  MemoryPlanError,
  planMemory,
  REFERENCE_NEED_BYTES,
} from '../../../systems/proof-market/generator/memory.ts';

const GIB = 2 ** 30;
const plan = (totalGiB: number, smp: number, shard0MemScale: number) =>
  planMemory({ totalBytes: totalGiB * GIB, smp, shard0MemScale });

describe('the formula of the guide', () => {
  test.each([
    { ram: 16, smp: 16, scale: 1, shard: 1, first: 1, others: 15 },
    { ram: 16, smp: 8, scale: 9, shard: 1, first: 9, others: 7 },
    { ram: 6, smp: 1, scale: 5, shard: 1.2, first: 6, others: 0 },
  ])('$ram GB, smp $smp, scale $scale', ({ ram, smp, scale, shard, first, others }) => {
    const { perShardBytes, shard0Bytes, othersBytes } = plan(ram, smp, scale);
    expect([perShardBytes, shard0Bytes, othersBytes].map((bytes) => bytes / GIB)).toEqual([shard, first, others]);
  });

  test('in one line', () => {
    expect(describePlan(plan(16, 8, 9))).toBe(
      '16 GiB / (8 + 9 - 1) = 1 GiB a shard; shard 0: 9 x 1 GiB = 9 GiB, others: 7 x 1 GiB = 7 GiB',
    );
  });
});

describe('a plan against the machine', () => {
  const machine = { usableBytes: 16 * GIB, needBytes: REFERENCE_NEED_BYTES };

  test('that fits is silent', () => {
    expect(checkPlan(plan(16, 8, 9), machine)).toBeUndefined();
  });

  test('that is larger is refused with the arithmetic', () => {
    expect(() => checkPlan(plan(24, 8, 5), machine)).toThrow(MemoryPlanError);
    expect(() => checkPlan(plan(24, 8, 5), machine)).toThrow(
      'memory: 24 GiB / (8 + 5 - 1) = 2 GiB a shard; shard 0: 5 x 2 GiB = 10 GiB, others: 7 x 2 GiB = 14 GiB; in all 24 GiB, ' +
        'but this machine has 16 GiB (8 GiB too much): give --memory 16384M or less',
    );
  });

  test('that is less than a proof needs is refused', () => {
    expect(() => checkPlan(plan(0.25, 1, 1), machine)).toThrow(
      'memory: 256 MiB in all, but a proof needs 1 GiB (768 MiB too little)',
    );
  });
});
