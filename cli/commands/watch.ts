/** `watch`: the jobs of a devnet, whatever its system calls them. */
import { jobSummary } from '../output/jobs.ts';
import type { WatchTick } from '../services/inputs.ts';
import { defineStream } from './define.ts';
import { duration } from './globals.ts';
import { int, text } from './options.ts';

const EXIT_JOB_FAILED = 5;
const DEFAULT_INTERVAL_MS = 500;

export const watchCommand = defineStream({
  name: 'watch',
  summary: 'follow the jobs of the devnet',
  about:
    'Reads the job tables. Of a ZKsync devnet: the jobs of a batch, until it has its proof (exit code 0) or a job used up its attempts (5). Of a proof market: all orders, as `market watch`.',
  examples: ['watch', 'watch --batch 3 --interval 2s', 'watch --json'],
  options: {
    batch: int('number of a ZKsync batch; default: the newest one', { short: 'b' }),
    interval: text('time between two looks, default 500ms', { placeholder: 'duration' }),
  },
  output: async () => (await import('../services/results.ts')).watchTick,
  async *stream(ctx, input) {
    const { watch } = await import('../services/watch.ts');
    const { chain, timeoutMs } = ctx.globals;
    const intervalMs =
      input.interval === undefined ? DEFAULT_INTERVAL_MS : await duration('--interval', input.interval);
    let last = '';
    for await (const tick of watch(await ctx.service(), {
      chain,
      job: input.batch?.toString(),
      intervalMs,
      timeoutMs,
    })) {
      const line = tickLine(tick as WatchTick);
      const isNews = line !== last;
      last = line;
      yield { ...tick, lines: () => (isNews ? [`${tick.at.slice(11, 19)} ${line}`] : []) };
    }
  },
  render: (tick) => tick.lines(),
  exitCode: ({ outcome }) => (outcome === 'failed' ? EXIT_JOB_FAILED : 0),
});

/** People see a line when it differs from the one before; `--json` has every look. */
function tickLine({ batch, state, groups }: WatchTick): string {
  if (batch === null) return 'no batch yet: devkit tx send && devkit batch seal';
  return `batch ${batch}: ${state}${groups.length > 0 ? `, ${jobSummary(groups)}` : ''}`;
}
