/** `devkit watch`: the job tables of a batch, tick by tick, until its proof is there. */
import { sleep } from '../../lib/deadline.ts';
import { listBatches } from '../../systems/zksync/protocol/core-db/details.ts';
import type { ServiceContext } from './context.ts';
import { hasServer, type OpenDevnet, openDevnet, proverUrl, serverUrl, withDatabase } from './devnet.ts';
import type { WatchInput, WatchTick } from './inputs.ts';
import { readTick } from './job-watch.ts';
import { allSpecs, whileRunning } from './start.ts';

/** Ends with the tick that says `proven` or `failed`. Components that die meanwhile are started again. */
export async function* watch(ctx: ServiceContext, input: WatchInput): AsyncGenerator<WatchTick> {
  const devnet = await openDevnet(ctx, input.chain);
  const running = new Set((await devnet.runtime.list()).map((status) => status.id));
  const specs = (await allSpecs(devnet)).filter((spec) => running.has(spec.id));
  const finished = new AbortController();
  const supervising = whileRunning(devnet, specs, (signal) => untilAborted(AbortSignal.any([signal, finished.signal])));
  supervising.catch(() => undefined); // its failure is thrown below, when the loop notices it
  try {
    yield* ticks(devnet, input, Promise.race([supervising.then(() => undefined)]));
  } finally {
    finished.abort();
    await Promise.allSettled([supervising]);
  }
}

async function* ticks(devnet: OpenDevnet, input: WatchInput, supervising: Promise<void>): AsyncGenerator<WatchTick> {
  const { signal } = devnet.ctx;
  const until = input.timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + input.timeoutMs;
  while (Date.now() < until) {
    const batch = input.batch ?? (await newestBatch(devnet));
    const tick =
      batch === undefined
        ? emptyTick()
        : await withDatabase(proverUrl(devnet), (pool) => readTick(devnet, pool, batch));
    yield tick;
    if (tick.state === 'proven' || tick.state === 'failed') return;
    await Promise.race([sleep(input.intervalMs, signal), supervising]);
  }
}

const emptyTick = (): WatchTick => ({
  at: new Date().toISOString(),
  batch: null,
  chainId: null,
  state: 'waiting',
  groups: [],
});

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

/** Waits, and returns. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
