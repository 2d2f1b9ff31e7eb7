/** `watch`: the jobs of a devnet, whatever its system calls them. */
import type { JobTick } from '../core/system.ts';
import { type CommandContext, defineStream } from './define.ts';
import { duration } from './globals.ts';
import { int, text } from './options.ts';
import { newsOf } from './ticks.ts';

const EXIT_JOB_FAILED = 5;
const DEFAULT_INTERVAL_MS = 500;

/** A look at the tables, with the lines that people see of it; `--json` has every look. */
export type ShownTick = JobTick & { lines(): string[] };

export const WATCH_OPTIONS = { interval: text('time between two looks, default 500ms', { placeholder: 'duration' }) };

/** Ticks of one job, or of all. */
export async function* watchJobs(
  ctx: CommandContext,
  job: string | undefined,
  interval: string | undefined,
): AsyncGenerator<ShownTick> {
  const { watch } = await import('../services/watch.ts');
  const { chain, timeoutMs } = ctx.globals;
  const intervalMs = interval === undefined ? DEFAULT_INTERVAL_MS : await duration('--interval', interval);
  const news = newsOf();
  for await (const tick of watch(await ctx.service(), { chain, job, intervalMs, timeoutMs })) {
    const lines = news(tick);
    yield { ...tick, lines: () => lines };
  }
}

export const watchExitCode = ({ outcome }: ShownTick): number => (outcome === 'failed' ? EXIT_JOB_FAILED : 0);

export const watchCommand = defineStream({
  name: 'watch',
  summary: 'follow the jobs of the devnet',
  about:
    'Reads the job tables. Of a ZKsync devnet: the jobs of a batch, until it has its proof (exit code 0) or a job used up its attempts (5). Of a proof market: all orders, as `market watch`.',
  examples: ['watch', 'watch --batch 3 --interval 2s', 'watch --json'],
  options: { batch: int('number of a ZKsync batch; default: the newest one', { short: 'b' }), ...WATCH_OPTIONS },
  output: async () => (await import('../services/results.ts')).watchTick,
  stream: (ctx, input) => watchJobs(ctx, input.batch?.toString(), input.interval),
  render: (tick) => tick.lines(),
  exitCode: watchExitCode,
});
