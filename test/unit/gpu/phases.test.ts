/** Whose turn it is on a GPU that is too small for circuit prover and compressor at once. */
import { expect, test } from 'vitest';
import { isOver, type PhaseJobs, phaseJobsOf } from '../../../cli/services/phases.ts';

const proving = { components: [], assignments: [], until: 'compression-queued' } as const;
const compressing = { components: [], assignments: [], until: 'compression-empty' } as const;
const of = (compressionQueued: number, compressionActive: number, proverQueued: number): PhaseJobs => ({
  compressionQueued,
  compressionActive,
  proverQueued,
});

test.each([
  [proving, of(0, 0, 5), false],
  [proving, of(0, 1, 5), false],
  [proving, of(1, 0, 5), true],
  [compressing, of(1, 0, 5), false],
  [compressing, of(0, 1, 5), false],
  [compressing, of(0, 0, 5), true],
  // nothing for the prover to do: a change would only cost its start
  [compressing, of(0, 0, 0), false],
])('%#', (phase, state, expected) => {
  expect(isOver({ ...phase, components: [], assignments: [] }, state)).toBe(expected);
});

test('the counts come from one query; rows of other protocol versions do not count', () => {
  const row = { circuitId: null, round: null, oldestBatch: 1 };
  const counts = [
    { ...row, kind: 'compression', status: 'queued', version: '0.28.0', count: 2 },
    { ...row, kind: 'compression', status: 'queued', version: '0.27.0', count: 7 },
    { ...row, kind: 'compression', status: 'successful', version: '0.28.0', count: 9 },
    { ...row, kind: 'prover', status: 'queued', version: '0.28.0', count: 4 },
    { ...row, kind: 'basic', status: 'queued', version: '0.28.0', count: 5 },
  ] as const;
  expect(phaseJobsOf(counts, '0.28.0')).toEqual(of(2, 0, 4));
  expect(phaseJobsOf(counts)).toEqual(of(9, 0, 4));
});
