import type { ServerContext } from '../context.ts';
import type { Task } from '../tasks.ts';
import { createKeeper, type Keeper, type KeeperEvent } from './keeper.ts';
import type { ChainContext } from './record.ts';

/** Longest time until a node that lost blocks is noticed while nothing else happens. */
const LOOK_AT_NODE_MS = 1000;
/** How often transactions that stay in no block are offered to the pool again. */
const REFILL_MS = 5000;

export const chainOf = (server: ServerContext): ChainContext => ({
  pool: server.pool,
  rpc: server.l2,
  hasher: server.hasher,
  chainId: server.chainId,
  minorVersion: server.version.minor,
  feeAccount: server.feeAccount,
});

/** Makes blocks of waiting transactions and batches of blocks. */
export function stateKeeperTask(server: ServerContext): Task {
  const { blockCommitDeadlineMs, miniblockCommitDeadlineMs } = server.config.stateKeeper;
  let keeper: Keeper | undefined;
  let events: KeeperEvent[] = [];
  let refilledAt = 0;
  return {
    component: 'state_keeper',
    essential: true,
    topics: ['transactions'],
    idleMs: LOOK_AT_NODE_MS,
    run: async ({ log, byTime }) => {
      const options = { blockCommitDeadlineMs, miniblockCommitDeadlineMs };
      keeper ??= createKeeper(chainOf(server), options, (event) => events.push(event));
      const refill = byTime && Date.now() - refilledAt > REFILL_MS;
      if (refill) refilledAt = Date.now();
      try {
        return (await keeper.round({ refill })) ?? 'idle';
      } finally {
        for (const { kind, ...details } of events) log.info(details, TEXT[kind]);
        events = [];
      }
    },
  };
}

const TEXT: Record<KeeperEvent['kind'], string> = {
  recovered: 'L2 node brought back to the recorded state',
  block: 'L2 block',
  batch: 'batch sealed',
  refused: 'waiting transactions refused by the L2 node',
};
