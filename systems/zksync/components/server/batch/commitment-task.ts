import { batchCounts, batchHeader, nextBatchForCommitment, saveCommitment } from '../../../protocol/core-db/batches.ts';
import { batchCommitment } from '../../../protocol/core-db/commitment.ts';
import { loadMessages } from '../../../protocol/core-db/expected.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';

/** Computes the hashes of batches that the tree has processed. */
export function commitmentTask(server: ServerContext): Task {
  return {
    component: 'commitment_generator',
    topics: ['tree'],
    idleMs: server.config.devkit.fast.idleIntervalMs,
    run: async ({ log }) => {
      const number = await nextBatchForCommitment(server.pool);
      if (number === undefined) return 'idle';
      const [header, counts, messages] = await Promise.all([
        batchHeader(server.pool, number),
        batchCounts(server.pool, number),
        loadMessages(server.pool, number),
      ]);
      const hashes = batchCommitment({
        root: header!.root!,
        nextIndex: header!.nextIndex!,
        version: server.version,
        records: counts.records,
        messages,
      });
      await saveCommitment(server.pool, number, hashes);
      log.info({ batch: number, commitment: hashes.commitment }, 'commitment computed');
      return 'again';
    },
  };
}
