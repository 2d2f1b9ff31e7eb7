import { expect, test } from 'vitest';
import { type BatchReport, batchLines } from '../../../cli/services/prover-cli/status-batch.ts';
import { l1Lines } from '../../../cli/services/prover-cli/status-l1.ts';

const text = (report: BatchReport, verbose = false): string =>
  batchLines(report, { verbose, bold: (t) => t }).join('\n');

const report: BatchReport = {
  batch: 3,
  chainId: 271,
  sentToServer: false,
  stages: [
    {
      name: 'Basic Witness Generator',
      round: 0,
      status: 'successful',
      proverStatus: 'inProgress',
      witnessJobs: [],
      proverJobs: [
        {
          circuit: 'VM',
          status: 'inProgress',
          counts: { total: 4, successful: 1, inProgress: 2, queued: 1, failed: 0 },
          stuck: [],
        },
        {
          circuit: 'StorageFilter',
          status: 'stuck',
          counts: { total: 1, successful: 0, inProgress: 0, queued: 0, failed: 1 },
          stuck: [{ id: 17, attempts: 10 }],
        },
      ],
    },
    {
      name: 'Leaf Witness Generator',
      round: 1,
      status: 'waitingForProofs',
      proverStatus: 'jobsNotFound',
      witnessJobs: [{ circuit: 'VM', status: 'waitingForProofs' }],
      proverJobs: [],
    },
    { name: 'Compressor', round: null, status: 'jobsNotFound', witnessJobs: [], proverJobs: [] },
  ],
};

test('stages as upstream prints them', () => {
  expect(text(report)).toMatchInlineSnapshot(`
    "== Batch 3 Status ==
    > Chain id 271

    -- Aggregation Round 0 --
    Basic Witness Generator: Successful ✅
    > Prover Jobs: In Progress ⌛️

    -- Aggregation Round 1 --
    Leaf Witness Generator: Waiting for Proof ⏱️

    -- Proof Compression --
    Compressor: Jobs not found 🚫"
  `);
});

test('verbose expands what is not done', () => {
  expect(text(report, true)).toMatchInlineSnapshot(`
    "== Batch 3 Status ==
    > Chain id 271

    -- Aggregation Round 0 --
    > Basic Witness Generator: Successful ✅
    v Prover Jobs: In Progress ⌛️
       > VM: In Progress ⌛️
         - Total jobs: 4
         - Successful: 1
         - In Progress: 2
         - Queued: 1
         - Failed: 0
       > StorageFilter: Stuck ⛔️
         - Prover Job: 17 stuck after 10 attempts

    -- Aggregation Round 1 --
    v Leaf Witness Generator: Waiting for Proof ⏱️
       > VM: Waiting for Proof ⏱️

    -- Proof Compression --
    > Compressor: Jobs not found 🚫"
  `);
});

test('a batch that is done, and one that is not there', () => {
  expect(text({ ...report, sentToServer: true })).toBe('== Batch 3 Status ==\n> Proof sent to server ✅');
  expect(text({ ...report, chainId: null, stages: [] })).toBe('== Batch 3 Status ==\n> No batch found. 🚫');
});

test('status l1 says whether the keys agree and how far L1 is behind', () => {
  const hash = `0x${'ab'.repeat(32)}`;
  const status = { firstBatch: 0, recentBatch: 4, verified: 2, committed: 3, contractHash: hash, dbHash: hash };
  expect(l1Lines(status)).toContain(`Verifier key hash matches: ${hash}`);
  expect(l1Lines(status)).toContain(
    'Eth sender is 1 behind. Last block committed: 3. Most recent sealed state keeper batch: 4.',
  );
  expect(l1Lines({ ...status, dbHash: null }).slice(-3)).toEqual([
    'Verifier key hash in DB differs from the one in contract.',
    `Contract hash: ${hash}`,
    'DB hash: null',
  ]);
});
