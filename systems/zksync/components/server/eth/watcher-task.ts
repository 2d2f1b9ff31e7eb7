import { confirmedUpTo, ETH_TX_TYPES, forgetEthTxsAbove } from '../../../protocol/core-db/eth-txs.ts';
import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';
import { type L1Context, totalOnL1 } from './l1.ts';

const LOOK_AT_L1_MS = 2000;

/** Compares the rows with L1. A local L1 that was killed may come back without its last blocks; then they are sent again. */
export function watcherTask(server: ServerContext, l1: L1Context): Task {
  return {
    component: 'eth_watcher',
    topics: [],
    idleMs: LOOK_AT_L1_MS,
    run: async ({ log }) => {
      for (const type of ETH_TX_TYPES) {
        // first the rows, then L1: its counters only grow, so the other order would see a loss that is none
        const confirmed = await confirmedUpTo(server.pool, type);
        if (confirmed === 0) continue;
        const total = await totalOnL1(l1, type);
        if (total >= confirmed) continue;
        const forgotten = await forgetEthTxsAbove(server.pool, type, total);
        log.warn({ type, total, confirmed, forgotten }, 'L1 lost blocks: transactions are sent again');
      }
      return 'idle';
    },
  };
}
