/** `requeue`, `restart`, `delete`, `stats`. */
import {
  type BatchSelector,
  deleteBatch,
  deleteEverything,
  requeueBatch,
  restartBatch,
  restartProverJob,
} from '../../../systems/zksync/protocol/prover-db/operator.ts';
import { provenSince } from '../../../systems/zksync/protocol/prover-db/status.ts';
import { DevkitError } from '../../core/errors.ts';
import { withProverDb } from '../ecosystem/protocol-versions.ts';

export interface BatchChoice {
  batch: number;
  /** Absent: every chain id that the batch has rows under. */
  chainId?: number | undefined;
}

const selector = ({ batch, chainId }: BatchChoice): BatchSelector =>
  chainId === undefined ? { batch } : { batch, chainId };

export interface RequeueResult {
  requeued: { kind: string; id: number | null; batch: number; chainId: number; attempts: number; was: string }[];
}

export async function requeue(url: string, choice: BatchChoice, maxAttempts: number): Promise<RequeueResult> {
  const rows = await withProverDb(url, (pool) => requeueBatch(pool, selector(choice), maxAttempts));
  return {
    requeued: rows.map(({ kind, id, batch, chainId, attempts, was }) => ({ kind, id, batch, chainId, attempts, was })),
  };
}

const ROUND_NAMES: Readonly<Record<string, string>> = {
  basic: 'BasicCircuits',
  leaf: 'LeafAggregation',
  node: 'NodeAggregation',
  tip: 'RecursionTip',
  scheduler: 'Scheduler',
};

export function requeueLines({ requeued }: RequeueResult): string[] {
  return requeued.map((row) => {
    const job = `StuckJobs { id: ${row.id ?? row.batch}, status: "${row.was}", attempts: ${row.attempts}, chain_id: ${row.chainId} }`;
    if (row.kind === 'compression') return `Re-queuing proof compressor job ${job} 🔁`;
    if (row.kind === 'prover') return `Re-queuing prover job ${job} 🔁`;
    return `Re-queuing ${ROUND_NAMES[row.kind] ?? row.kind} stuck job ${job} 🔁`;
  });
}

/** @throws DevkitError NOT_FOUND for a batch or a job that is not there */
export async function restart(url: string, what: BatchChoice | { job: number }): Promise<{ restarted: string }> {
  const found = await withProverDb(url, (pool) =>
    'job' in what ? restartProverJob(pool, what.job) : restartBatch(pool, selector(what)),
  );
  const name = 'job' in what ? `prover job ${what.job}` : `batch ${what.batch}`;
  if (!found) {
    throw new DevkitError('NOT_FOUND', `${name} is not in the prover database`, { hint: 'devkit batch list' });
  }
  return { restarted: name };
}

export async function deleteRows(url: string, what: BatchChoice | 'all'): Promise<{ deleted: number }> {
  const deleted = await withProverDb(url, (pool) =>
    what === 'all' ? deleteEverything(pool) : deleteBatch(pool, selector(what)),
  );
  return { deleted };
}

export interface StatsResult {
  batches: { batch: number; chainId: number; timeTakenMs: number; createdAt: string }[];
}

/** Since local midnight, or the midnight seven days ago. */
export async function stats(url: string, period: 'day' | 'week', now: Date): Promise<StatsResult> {
  const since = new Date(now);
  since.setHours(0, 0, 0, 0);
  if (period === 'week') since.setDate(since.getDate() - 7);
  const rows = await withProverDb(url, (pool) => provenSince(pool, since));
  return { batches: rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })) };
}

export function statsLines({ batches }: StatsResult): string[] {
  const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
  const date = (iso: string): string => iso.slice(0, 19).replace('T', ' ');
  return [
    'Batch\tTime Taken\t\tCreated At',
    ...batches.map((row) => `${row.batch}\t${time(row.timeTakenMs)}\t\t${date(row.createdAt)}`),
  ];
}
