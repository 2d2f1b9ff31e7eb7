/** Schemas of what `prover-cli … --json` prints. */
import { z } from 'zod';

const status = z.string().describe('e.g. queued, inProgress, stuck, successful');

export const configResult = z.object({ file: z.string(), url: z.string() });
export const statusBatchResult = z.object({
  batches: z.array(
    z.object({
      batch: z.int(),
      chainId: z.int().nullable().describe('null: no such batch'),
      sentToServer: z.boolean(),
      stages: z.array(
        z.object({
          name: z.string(),
          round: z.int().nullable(),
          status,
          proverStatus: status.optional(),
          witnessJobs: z.array(z.object({ circuit: z.string(), status })),
          proverJobs: z.array(
            z.object({
              circuit: z.string(),
              status,
              counts: z.record(z.string(), z.int()),
              stuck: z.array(z.object({ id: z.int(), attempts: z.int() })),
            }),
          ),
        }),
      ),
    }),
  ),
});
export const statusL1Result = z.object({
  firstBatch: z.int().nullable(),
  recentBatch: z.int().nullable(),
  verified: z.int(),
  committed: z.int(),
  contractHash: z.string(),
  dbHash: z.string().nullable(),
});
export const requeueResult = z.object({
  requeued: z.array(
    z.object({
      kind: z.string(),
      id: z.int().nullable(),
      batch: z.int(),
      chainId: z.int(),
      attempts: z.int(),
      was: z.string(),
    }),
  ),
});
export const restartResult = z.object({ restarted: z.string() });
export const deleteResult = z.object({ deleted: z.int().nullable().describe('rows; null: aborted') });
export const statsResult = z.object({
  batches: z.array(z.object({ batch: z.int(), chainId: z.int(), timeTakenMs: z.number(), createdAt: z.string() })),
});
export const fileInfoResult = z.object({
  file: z.string(),
  bytes: z.int(),
  kind: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});
