import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import { latestBatchNumber } from '../../../protocol/core-db/batches.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';

const STAGES = ['sealed', 'tree', 'proved', 'committed_on_l1', 'proven_on_l1', 'executed_on_l1'] as const;

/** Keeps the metrics of batches up to date: the highest batch of each stage. */
export function housekeeperTask(server: ServerContext, registry: Registry): Task {
  const gauge = new Gauge({
    name: 'server_block_number',
    help: 'Highest batch that has passed the stage',
    labelNames: ['stage'],
    registers: [registry],
  });
  return {
    component: 'housekeeper',
    topics: [],
    idleMs: server.config.houseKeeper.l1BatchMetricsReportingIntervalMs,
    run: async () => {
      const { rows } = await server.pool.query<Record<(typeof STAGES)[number], string | null>>(
        `SELECT max(number) AS sealed, max(number) FILTER (WHERE hash IS NOT NULL) AS tree,
           (SELECT max(l1_batch_number) FROM proof_generation_details WHERE status = 'generated') AS proved,
           max(number) FILTER (WHERE c.confirmed_eth_tx_history_id IS NOT NULL) AS committed_on_l1,
           max(number) FILTER (WHERE p.confirmed_eth_tx_history_id IS NOT NULL) AS proven_on_l1,
           max(number) FILTER (WHERE e.confirmed_eth_tx_history_id IS NOT NULL) AS executed_on_l1
         FROM l1_batches b LEFT JOIN eth_txs c ON c.id = b.eth_commit_tx_id
         LEFT JOIN eth_txs p ON p.id = b.eth_prove_tx_id LEFT JOIN eth_txs e ON e.id = b.eth_execute_tx_id`,
      );
      for (const stage of STAGES) gauge.set({ stage }, Number(rows[0]?.[stage] ?? 0));
      return 'idle';
    },
  };
}

/**
 * A rollup's messages and state commitment travel in the commit transaction, and the reference rollup publishes no state
 * diffs, so nothing is sent to a data availability layer. Says so once and watches.
 */
export function daDispatcherTask(server: ServerContext): Task {
  let told = false;
  return {
    component: 'da_dispatcher',
    topics: [],
    idleMs: Math.max(server.config.daDispatcher.pollingIntervalMs, 5_000),
    run: async ({ log }) => {
      if (!told) log.info('nothing to dispatch: a batch goes to L1 in the calldata of its commit transaction');
      told = true;
      await latestBatchNumber(server.pool);
      return 'idle';
    },
  };
}
