/** What the job tables say of one batch, until its proof is there. */
import type pg from 'pg';
import { poll } from '../../lib/deadline.ts';
import { isConnectionError } from '../../lib/postgres.ts';
import { listBatches } from '../../systems/zksync/protocol/core-db/details.ts';
import { formatVersion, PROVER_PROTOCOL_VERSION } from '../../systems/zksync/protocol/ids.ts';
import { failedJobs } from '../../systems/zksync/protocol/prover-db/failures.ts';
import { batchVersions, chainIdsOf } from '../../systems/zksync/protocol/prover-db/intake.ts';
import { maxAttempts } from '../../systems/zksync/protocol/prover-db/limits.ts';
import { requeueFailed } from '../../systems/zksync/protocol/prover-db/operator.ts';
import { type JobGroupCounts, jobGroups } from '../../systems/zksync/protocol/prover-db/reports.ts';
import { DevkitError } from '../core/errors.ts';
import type { JobReader } from '../core/system.ts';
import type { JobGroup } from '../core/types.ts';
import { hasServer, type OpenDevnet, proverUrl, serverUrl, withDatabase } from './devnet.ts';
import type { WatchTick } from './inputs.ts';

const TICK_MS = 100;

/**
 * Waits until the final proof of the batch is in the prover's store; tells how far it is on the way.
 * @throws DevkitError JOB_FAILED when a job has used up its attempts, TIMED_OUT
 */
export async function waitForProof(
  devnet: OpenDevnet,
  batch: number,
  options: { signal: AbortSignal; timeoutMs?: number | undefined },
): Promise<void> {
  const { emit } = devnet.ctx;
  let last = '';
  await retryLostConnection(devnet, options.signal, (pool) =>
    poll(
      async () => {
        const tick = await readTick(devnet, pool, batch);
        const text = JSON.stringify(tick.groups);
        if (text !== last) emit({ type: 'job.progress', batch, groups: tick.groups });
        last = text;
        if (tick.state === 'failed') await throwFailure(pool, batch, tick.chainId ?? 0);
        return tick.state === 'proven' ? true : undefined;
      },
      {
        intervalMs: TICK_MS,
        signal: options.signal,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      },
    ),
  );
}

/**
 * Whether the batch has jobs; those that used up their attempts before are queued again, because somebody asks for the proof anew.
 * @throws DevkitError USAGE for a batch of a protocol version that no component here works on: it would wait for ever
 */
export async function takeUpJobs(devnet: OpenDevnet, batch: number, signal: AbortSignal): Promise<boolean> {
  return retryLostConnection(devnet, signal, async (pool) => {
    const chainId = await chainOf(devnet, pool, batch);
    if (chainId === undefined) return false;
    const [version] = await batchVersions(pool, { batch, chainId });
    if (version !== undefined && formatVersion(version) !== formatVersion(PROVER_PROTOCOL_VERSION)) {
      throw new DevkitError(
        'USAGE',
        `batch ${batch} was inserted under protocol version ${formatVersion(version)}; the prover components here work on ${formatVersion(PROVER_PROTOCOL_VERSION)} only`,
        { hint: `devkit prover-cli ${proverUrl(devnet)} delete --batch ${batch} --yes   and insert it again` },
      );
    }
    const again = await requeueFailed(pool, { batch, chainId }, maxAttempts(devnet.config));
    if (again > 0)
      devnet.ctx.emit({ type: 'notice', message: `batch ${batch}: jobs that had failed are tried again: ${again}` });
    return true;
  });
}

/** Newest sealed batch of the server, else the newest one in the prover's tables. */
export async function newestBatch(devnet: OpenDevnet): Promise<number | undefined> {
  if (hasServer(devnet)) {
    const [newest] = await withDatabase(serverUrl(devnet), (pool) => listBatches(pool, 1));
    if (newest !== undefined) return newest.number;
  }
  return withDatabase(proverUrl(devnet), async (pool) => {
    const { rows } = await pool.query<{ n: string | null }>('SELECT max(l1_batch_number) AS n FROM witness_inputs_fri');
    return rows[0]?.n == null ? undefined : Number(rows[0].n);
  });
}

/** Job counts of a batch, by its number; of the newest one when none is named. */
export function openBatchJobs(devnet: OpenDevnet): JobReader {
  return {
    tick: async (job) => {
      const batch = job === undefined ? await newestBatch(devnet) : Number(job);
      if (batch === undefined) return NO_BATCH();
      return withDatabase(proverUrl(devnet), (pool) => readTick(devnet, pool, batch));
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const NO_BATCH = (): WatchTick => ({
  at: new Date().toISOString(),
  batch: null,
  chainId: null,
  state: 'waiting',
  groups: [],
});

/** One look at the tables: one query for the chain ids, one for the counts. */
export async function readTick(devnet: OpenDevnet, pool: pg.Pool, batch: number): Promise<WatchTick> {
  const chainId = await chainOf(devnet, pool, batch);
  const counts = chainId === undefined ? [] : await jobGroups(pool, { batch, chainId });
  const state = stateOf(counts, maxAttempts(devnet.config));
  return {
    at: new Date().toISOString(),
    batch,
    chainId: chainId ?? null,
    state,
    ...(state === 'proven' ? { outcome: 'done' } : state === 'failed' ? { outcome: 'failed' } : {}),
    groups: counts.map(toGroup),
  };
}

/** The chain's own rows come before those that were inserted by hand for chain 0. */
async function chainOf(devnet: OpenDevnet, pool: pg.Pool, batch: number): Promise<number | undefined> {
  const ids = await chainIdsOf(pool, batch);
  return [devnet.chain.chainId, 0].find((id) => ids.includes(id));
}

function stateOf(groups: readonly JobGroupCounts[], max: Attempts): string {
  if (groups.length === 0) return 'waiting';
  if (groups.some((group) => group.failed > 0 && group.failedAttempts >= max[group.kind])) return 'failed';
  const compression = groups.find((group) => group.kind === 'compression');
  if (compression === undefined) return 'proving';
  return compression.successful > 0 ? 'proven' : 'compressing';
}

type Attempts = ReturnType<typeof maxAttempts>;

const toGroup = ({ stage, label, queued, waiting, inProgress, successful, failed }: JobGroupCounts): JobGroup => ({
  stage,
  kind: label,
  queued,
  waiting,
  inProgress,
  successful,
  failed,
});

async function throwFailure(pool: pg.Pool, batch: number, chainId: number): Promise<never> {
  const [first] = await failedJobs(pool, { batch, chainId });
  const attempts = first === undefined || first.final ? '' : ` after ${first.attempts} attempts`;
  const what = `${first?.what ?? 'a job'} failed${attempts}`;
  throw new DevkitError('JOB_FAILED', `batch ${batch}: ${what}: ${first?.error ?? 'no reason is recorded'}`, {
    hint: `mend that, then: devkit prove --batch ${batch}   (tries again what failed and keeps what is proven)`,
  });
}

/** The database may be killed and come back while we wait. */
async function retryLostConnection<T>(
  devnet: OpenDevnet,
  signal: AbortSignal,
  work: (pool: pg.Pool) => Promise<T>,
): Promise<T> {
  return poll(
    async () => {
      try {
        return { value: await withDatabase(proverUrl(devnet), work) };
      } catch (error) {
        if (signal.aborted || !isLostConnection(error)) throw error;
        return undefined;
      }
    },
    { intervalMs: 250, signal },
  ).then(({ value }) => value);
}

/** Also when it is the cause of an error in the kit's own words. */
export function isLostConnection(error: unknown): boolean {
  if (isConnectionError(error)) return true;
  const { cause } = error as { cause?: unknown };
  return cause !== undefined && cause !== error && isLostConnection(cause);
}
