/** From transactions to a verdict: `quickstart`, `prove`, `watch`, `verify-batch`. */
import type { ProveResult, QuickstartResult, VerifierCheck, WatchTick } from '../services/inputs.ts';
import { defineCommand, defineStream, type Style } from './define.ts';
import { duration } from './globals.ts';
import { arg, choice, int, text } from './options.ts';

const EXIT_REJECTED = 7;
const EXIT_JOB_FAILED = 5;
const exitOf = ({ verdict }: { verdict: 'accepted' | 'rejected' }): number =>
  verdict === 'accepted' ? 0 : EXIT_REJECTED;

export const quickstartCommand = defineCommand({
  name: 'quickstart',
  summary: 'from nothing to a verified batch, in one command',
  about:
    'Makes an ecosystem with one chain, starts everything, sends L2 transactions, seals a batch, proves it, checks the proof and four damaged copies of it, and executes the batch on L1. The devnet stays up; repeated, it proves a new batch there. Exit code 0 only when the proof was accepted.',
  examples: ['quickstart', 'quickstart --aggregation recursive --timeout 20m', 'quickstart --json'],
  options: {
    aggregation: choice('linked: seconds; recursive: every level verified inside, minutes (default linked)', [
      'linked',
      'recursive',
    ]),
    crs: text('reference string: dev (insecure, made offline; default), ignition, or a folder', {
      placeholder: 'name|path',
    }),
    slots: int('distinct contract slots that the batch writes, default 32', { min: 1, max: 4096 }),
    messages: int('L2 to L1 messages in the batch, default 4', { max: 1024 }),
  },
  output: async () => (await import('../services/results.ts')).quickstartResult,
  async run(ctx, input) {
    await ctx.prerequisites();
    const { quickstart } = await import('../services/quickstart.ts');
    const crs = input.crs ?? 'dev';
    return quickstart(await ctx.service(), {
      aggregation: input.aggregation ?? 'linked',
      crs: crs === 'dev' || crs === 'ignition' ? crs : ctx.path(crs),
      slots: input.slots ?? 32,
      messages: input.messages ?? 4,
      timeoutMs: ctx.globals.timeoutMs,
    });
  },
  render: (data, style) => [...receiptLines(data, style), ...quickstartLines(data, style)],
  exitCode: (data) => exitOf(data),
});

function quickstartLines(data: QuickstartResult, style: Style): string[] {
  return [
    ...data.badCopies.map(({ name, verdict }) => `damaged copy: ${name}: ${verdict}`),
    `executed on L1: ${data.executedOnL1 ? 'yes' : 'no'}`,
    `the devnet ${style.bold(data.devnet)} stays up; try`,
    ...data.next.map((command) => `  ${command}`),
  ];
}

function receiptLines(data: ProveResult, style: Style): string[] {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return [
    `batch ${data.batch} of chain ${data.chainId}: ${verdictText(data.verdict, style)}`,
    `variant ${data.variant}, aggregation ${data.aggregation}, reference string ${data.crs}`,
    `state root ${data.oldRoot} → ${data.newRoot}`,
    ...checkLines(data.checks, style),
    ...data.stages.map((stage) => `  ${stage.name}: ${seconds(stage.wallMs)}`),
    `proof: ${data.proofFile} (${data.proofBytes} bytes)`,
    `receipt: ${data.receiptFile}`,
  ];
}

const verdictText = (verdict: 'accepted' | 'rejected', style: Style): string =>
  verdict === 'accepted' ? style.good('accepted') : style.bad('rejected');

const checkLines = (checks: readonly VerifierCheck[], style: Style): string[] =>
  checks.map(
    ({ verifier, attests, verdict, reason }) =>
      `  ${verifier} (attests ${attests}): ${verdictText(verdict, style)}${reason ? `: ${reason}` : ''}`,
  );

export const proveCommand = defineCommand({
  name: 'prove',
  summary: 'prove a batch: start what is missing, wait, verify',
  about: 'Without --batch: the newest batch without a verified proof. Interrupted, the same command continues.',
  examples: ['prove', 'prove --batch 3', 'prove --batch 3 --timeout 10m'],
  options: { batch: int('number of the batch', { short: 'b' }) },
  output: async () => (await import('../services/results.ts')).proveResult,
  async run(ctx, input) {
    const { prove } = await import('../services/prove.ts');
    const { chain, timeoutMs } = ctx.globals;
    return prove(await ctx.service(), { chain, batch: input.batch, timeoutMs });
  },
  render: receiptLines,
  exitCode: (data) => exitOf(data),
});

export const watchCommand = defineStream({
  name: 'watch',
  summary: 'follow the jobs of a batch',
  about: 'Reads the job tables. Ends when the batch has its proof (exit code 0) or a job used up its attempts (5).',
  examples: ['watch', 'watch --batch 3 --interval 2s', 'watch --json'],
  options: {
    batch: int('number of the batch; default: the newest one', { short: 'b' }),
    interval: text('time between two looks, default 500ms', { placeholder: 'duration' }),
  },
  output: async () => (await import('../services/results.ts')).watchTick,
  async *stream(ctx, input) {
    const { watch } = await import('../services/watch.ts');
    const { chain, timeoutMs } = ctx.globals;
    const intervalMs = input.interval === undefined ? 500 : await duration('--interval', input.interval);
    yield* watch(await ctx.service(), { chain, batch: input.batch, intervalMs, timeoutMs });
  },
  render: (tick, style) => tickLines(tick, style),
  exitCode: (last) => (last.state === 'failed' ? EXIT_JOB_FAILED : 0),
});

function tickLines(tick: WatchTick, style: Style): string[] {
  const parts = tick.groups.map((group) => {
    const total = group.queued + group.waiting + group.inProgress + group.successful + group.failed;
    const failed = group.failed > 0 ? style.bad(` ${group.failed} failed`) : '';
    return `${group.stage}${group.kind ? ` ${group.kind}` : ''} ${group.successful}/${total}${failed}`;
  });
  const batch = tick.batch === null ? 'no batch yet' : `batch ${tick.batch}`;
  return [`${tick.at} ${batch}: ${tick.state}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`];
}

export const verifyBatchCommand = defineCommand({
  name: 'verify-batch',
  summary: 'check a proof with every verifier there is',
  about:
    'Checks the whole proof file here; asks the proof API and the verifier on L1 if they run. Exit code 0 when all that ran accept, 7 when any rejects (also a file that cannot be decoded), 2 for a missing file or an unknown batch.',
  examples: ['verify-batch 1', 'verify-batch 1 --proof proof.cbor --json'],
  args: { batch: arg.int('number of the batch') },
  options: { proof: text("proof file; default: the one in the prover's store", { placeholder: 'file' }) },
  output: async () => (await import('../services/results.ts')).verifyResult,
  async run(ctx, input) {
    const { verifyBatch } = await import('../services/verify.ts');
    return verifyBatch(await ctx.service(), {
      chain: ctx.globals.chain,
      batch: input.batch,
      proof: input.proof === undefined ? undefined : ctx.path(input.proof),
    });
  },
  render: (data, style) => [
    `batch ${data.batch} of chain ${data.chainId}: ${verdictText(data.verdict, style)}`,
    `aggregation ${data.aggregation}, reference string ${data.crs}`,
    `proof: ${data.proofFile}`,
    ...checkLines(data.checks, style),
  ],
  exitCode: (data) => exitOf(data),
});
