/** From transactions to a verdict: `quickstart`, `prove`, `verify-batch`. */

import { formatBytes, formatDuration } from '../../lib/units.ts';
import { table } from '../output/table.ts';
import type { ProveResult, QuickstartResult, StageTime, VerifierCheck } from '../services/inputs.ts';
import { defineCommand, type Style } from './define.ts';
import { arg, choice, int, text } from './options.ts';

const EXIT_REJECTED = 7;
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
  const rejected = data.badCopies.filter(({ verdict }) => verdict === 'rejected');
  return [
    '',
    `${rejected.length} of ${data.badCopies.length} damaged copies of the proof were rejected:`,
    ...data.badCopies.map(({ name }) => `  ${name}`),
    '',
    `The devnet ${style.bold(data.devnet)} stays up. Try next:`,
    ...data.next.map((command) => `  ${command}`),
  ];
}

function receiptLines(data: ProveResult, style: Style): string[] {
  const executed = 'executedOnL1' in data ? [['executed', data.executedOnL1 ? 'on L1' : 'not yet']] : [];
  return [
    `${style.bold(`batch ${data.batch} of chain ${data.chainId}`)}: ${verdictText(data.verdict, style)}`,
    ...table(
      [
        [
          'contents',
          `${data.records} storage records, ${data.messages} message${data.messages === 1 ? '' : 's'} to L1`,
        ],
        ['state root', data.oldRoot],
        ['', `→ ${data.newRoot}`],
        ['variant', `${data.variant}: the log and state side of the batch, in UltraHonk proofs`],
        ['aggregation', data.aggregation],
        ['CRS', crsText(data.crs)],
        ['version', data.protocolVersion],
        ...executed,
        ['proof', `${data.proofFile} (${formatBytes(data.proofBytes)})`],
        ['receipt', data.receiptFile],
      ].map(([name = '', text = '']) => [`  ${name}`, text]),
    ),
    '',
    ...checkLines(data.checks, style),
    '',
    ...stageLines(data.stages, style),
  ];
}

const crsText = (crs: string): string =>
  crs.startsWith('dev') ? `${crs}: made from a public seed, insecure, for devnets only` : crs;

const stageLines = (stages: readonly StageTime[], style: Style): string[] =>
  table([
    ['  stage', 'wall', 'cpu'].map((title) => style.dim(title)),
    ...stages.map(({ name, wallMs, cpuMs }) => [
      `  ${name}`,
      formatDuration(wallMs),
      cpuMs === undefined ? '' : formatDuration(cpuMs),
    ]),
  ]);

const verdictText = (verdict: 'accepted' | 'rejected', style: Style): string =>
  verdict === 'accepted' ? style.good('accepted') : style.bad('rejected');

const ATTESTS = { batch: 'the batch', links: 'only that public values link' } as const;

const checkLines = (checks: readonly VerifierCheck[], style: Style): string[] =>
  table([
    ['  verifier', 'attests', 'verdict'].map((title) => style.dim(title)),
    ...checks.map(({ verifier, attests, verdict, reason }) => [
      `  ${verifier}`,
      ATTESTS[attests],
      `${verdictText(verdict, style)}${reason ? `: ${reason}` : ''}`,
    ]),
  ]);

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
    ...table([
      ['  aggregation', data.aggregation],
      ['  CRS', crsText(data.crs)],
      ['  proof', data.proofFile],
    ]),
    '',
    ...checkLines(data.checks, style),
  ],
  exitCode: (data) => exitOf(data),
});
