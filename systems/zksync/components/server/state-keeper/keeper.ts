import { inTransaction } from '../../../../../lib/postgres.ts';
import { sealBatch, unsealedAgeMs } from '../../../protocol/core-db/batches.ts';
import { latestMiniblock, pendingTransactions } from '../../../protocol/core-db/blocks.ts';
import { executableCount, L2_BASE_FEE, mineBlock, readBlock } from './l2-node.ts';
import { type ChainContext, recordBlock } from './record.ts';
import { bringBack, isInSync, type Recovery, refillPool, withPoolLock } from './recover.ts';

export interface KeeperOptions {
  /** Least time between two blocks. */
  miniblockCommitDeadlineMs: number;
  /** A batch is sealed when its first block is this old; 0: only on request. */
  blockCommitDeadlineMs: number;
}

export type KeeperEvent =
  | ({ kind: 'recovered' } & Recovery)
  | { kind: 'block'; number: number; transactions: number; records: number; messages: number }
  | { kind: 'batch'; number: number }
  | { kind: 'refused'; hashes: string[] };

/** Time, injected for tests. */
export type Clock = () => number;

/** One round: node in step with the rows, waiting transactions into a block, batch sealed if it is time. */
export interface Keeper {
  /**
   * Answers how long to wait at most before the next round, in ms; undefined: until something happens.
   * `refill`: also put recorded transactions that wait into the pool again.
   */
  round(options: { refill: boolean }): Promise<number | undefined>;
}

export function createKeeper(
  chain: ChainContext,
  options: KeeperOptions,
  report: (event: KeeperEvent) => void,
  clock: Clock = Date.now,
): Keeper {
  let lastBlockAt = 0;
  return {
    round: async ({ refill }) => {
      await stayInSync(chain, refill, report);
      const waitMs = lastBlockAt + options.miniblockCommitDeadlineMs - clock();
      const waiting = (await pendingTransactions(chain.pool, 1)).length > 0 && (await executableCount(chain.rpc)) > 0;
      if (waiting && waitMs <= 0) {
        lastBlockAt = clock();
        report(await makeBlock(chain, clock));
        return 0;
      }
      const sealInMs = await sealWhenDue(chain, options, report);
      const waits = [waiting ? waitMs : undefined, sealInMs].filter((ms) => ms !== undefined);
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
  };
}

async function stayInSync(chain: ChainContext, refill: boolean, report: (event: KeeperEvent) => void): Promise<void> {
  const inSync = await isInSync(chain);
  if (inSync && !refill) return;
  await inTransaction(chain.pool, (db) =>
    withPoolLock(db, 'exclusive', async () => {
      if (!inSync) report({ kind: 'recovered', ...(await bringBack(chain)) });
      const { failed } = await refillPool(chain);
      if (failed.length > 0) report({ kind: 'refused', hashes: failed });
    }),
  );
}

/** Mines and records a block. The time may repeat, but never runs back. */
async function makeBlock(chain: ChainContext, clock: Clock): Promise<KeeperEvent> {
  const last = (await latestMiniblock(chain.pool))!;
  await mineBlock(chain.rpc, Math.max(Math.floor(clock() / 1000), last.timestamp), L2_BASE_FEE);
  const block = (await readBlock(chain.rpc, 'latest'))!;
  const row = await recordBlock(chain, block);
  return {
    kind: 'block',
    number: block.number,
    transactions: block.transactions.length,
    records: row.storageLogs.length,
    messages: row.messages.length,
  };
}

/** Seals when the deadline has passed; else answers when it will. */
async function sealWhenDue(
  chain: ChainContext,
  { blockCommitDeadlineMs }: KeeperOptions,
  report: (event: KeeperEvent) => void,
): Promise<number | undefined> {
  if (blockCommitDeadlineMs === 0) return undefined;
  const ageMs = await unsealedAgeMs(chain.pool);
  if (ageMs === undefined) return undefined;
  if (ageMs < blockCommitDeadlineMs) return blockCommitDeadlineMs - ageMs;
  const number = await sealBatch(chain.pool, { feeAccount: chain.feeAccount, protocolVersion: chain.minorVersion });
  if (number !== undefined) report({ kind: 'batch', number });
  return undefined;
}
