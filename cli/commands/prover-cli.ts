/** `prover-cli [DB_URL] [MAX_FAILURE_ATTEMPTS] <command>`: upstream's tool for the prover database. */
import { DevkitError } from '../core/errors.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { GLOBAL_OPTIONS } from './globals.ts';
import { choice, flag, int, ints, longOf, type OptionSpec, text } from './options.ts';

const DEFAULT_ATTEMPTS = 10;

/** The two positionals in front of the command, as flags of every command. */
const DATABASE = {
  dbUrl: text('database; also in front of the command, or PLI__DB_URL', { placeholder: 'url' }),
  maxFailureAttempts: int('attempts after which a job counts as stuck, default 10; also in front of the command'),
};
const CHAIN_ID = { chainId: int('chain id of the rows; default: every one the batch has rows under') };

async function database(ctx: CommandContext, dbUrl: string | undefined): Promise<string> {
  const { proverCliDatabase } = await import('../services/prover-cli/database.ts');
  return proverCliDatabase(await ctx.service(), ctx.env, dbUrl);
}

const configCommand = defineCommand({
  name: 'config',
  summary: 'remember the database URL',
  examples: ['prover-cli config postgres://postgres:notsecurepassword@localhost:5432/zksync_prover_localhost_era'],
  args: { url: { kind: 'text', about: 'database URL', optional: true } as const },
  options: DATABASE,
  output: async () => (await import('../services/prover-cli/results.ts')).configResult,
  async run(ctx, input) {
    const { writeConfig } = await import('../services/prover-cli/database.ts');
    const url = (input.url as string | undefined) ?? (await database(ctx, input.dbUrl));
    return writeConfig(await ctx.service(), ctx.env, url);
  },
  render: ({ file }) => [`the database URL is in ${file}`],
});

const statusBatchCommand = defineCommand({
  name: 'batch',
  summary: 'how far the jobs of one or more batches are',
  examples: ['prover-cli status batch -n 1', 'prover-cli status batch -n 1 2 --verbose'],
  options: {
    ...DATABASE,
    ...CHAIN_ID,
    batch: ints('numbers of the batches', { short: 'n', required: true }),
    verbose: flag('every circuit', { short: 'v' }),
  },
  output: async () => (await import('../services/prover-cli/results.ts')).statusBatchResult,
  async run(ctx, input) {
    const { statusBatch } = await import('../services/prover-cli/status-batch.ts');
    const report = await statusBatch(await database(ctx, input.dbUrl), {
      batches: input.batch ?? [],
      chainId: input.chainId,
      maxFailureAttempts: input.maxFailureAttempts ?? DEFAULT_ATTEMPTS,
    });
    const { batchLines } = await import('../services/prover-cli/status-batch.ts');
    return {
      ...report,
      lines: (bold: (t: string) => string) =>
        report.batches.flatMap((batch) => batchLines(batch, { verbose: input.verbose, bold })),
    };
  },
  render: (data, style) => data.lines(style.bold),
});

const statusL1Command = defineCommand({
  name: 'l1',
  summary: 'what L1 knows of the chain, and whether its verifier has our key',
  examples: ['prover-cli status l1'],
  options: DATABASE,
  output: async () => (await import('../services/prover-cli/results.ts')).statusL1Result,
  async run(ctx, input) {
    const { l1Lines, statusL1 } = await import('../services/prover-cli/status-l1.ts');
    const status = await statusL1(await ctx.service(), await database(ctx, input.dbUrl), ctx.globals.chain);
    return { ...status, lines: () => l1Lines(status) };
  },
  render: (data) => data.lines(),
});

const requeueCommand = defineCommand({
  name: 'requeue',
  summary: 'queue the jobs of a batch again that used up their attempts',
  examples: ['prover-cli requeue --batch 1'],
  options: {
    ...DATABASE,
    ...CHAIN_ID,
    batch: int('number of the batch', { short: 'b', required: true }),
    maxAttempts: int('jobs with at least so many attempts, default 10'),
  },
  output: async () => (await import('../services/prover-cli/results.ts')).requeueResult,
  async run(ctx, input) {
    const { requeue, requeueLines } = await import('../services/prover-cli/operate.ts');
    const choice_ = { batch: given(input.batch, '--batch'), chainId: input.chainId };
    const result = await requeue(await database(ctx, input.dbUrl), choice_, input.maxAttempts ?? DEFAULT_ATTEMPTS);
    const none = `batch ${choice_.batch} has no unfinished job with ${input.maxAttempts ?? DEFAULT_ATTEMPTS} attempts or more`;
    return { ...result, lines: () => (result.requeued.length > 0 ? requeueLines(result) : [none]) };
  },
  render: (data) => data.lines(),
});

const restartCommand = defineCommand({
  name: 'restart',
  summary: 'start a batch over, or queue one circuit proof again',
  examples: ['prover-cli restart --batch 1', 'prover-cli restart --prover-job 17'],
  options: {
    ...DATABASE,
    ...CHAIN_ID,
    batch: int('number of the batch', { short: 'b', conflicts: ['proverJob'] }),
    proverJob: int('id of the job', { short: 'p', max: Number.MAX_SAFE_INTEGER }),
  },
  output: async () => (await import('../services/prover-cli/results.ts')).restartResult,
  async run(ctx, input) {
    const { restart } = await import('../services/prover-cli/operate.ts');
    const url = await database(ctx, input.dbUrl);
    if (input.proverJob !== undefined) return restart(url, { job: input.proverJob });
    return restart(url, { batch: given(input.batch, '--batch or --prover-job'), chainId: input.chainId });
  },
  render: (data) => [`${data.restarted} is queued again`],
});

const deleteCommand = defineCommand({
  name: 'delete',
  summary: 'delete the rows of a batch, or all of them',
  examples: ['prover-cli delete --batch 1 --yes', 'prover-cli delete --all --yes'],
  options: {
    ...DATABASE,
    ...CHAIN_ID,
    all: flag('everything: all jobs, and the protocol versions', { short: 'a', conflicts: ['batch'] }),
    batch: int('number of the batch, default 0', { short: 'b' }),
  },
  output: async () => (await import('../services/prover-cli/results.ts')).deleteResult,
  async run(ctx, input) {
    const url = await database(ctx, input.dbUrl);
    if (!(await ctx.ask.danger({ question: 'Are you sure you want to delete the data?', word: 'yes' }))) {
      return { deleted: null };
    }
    const { deleteRows } = await import('../services/prover-cli/operate.ts');
    return deleteRows(url, input.all ? 'all' : { batch: input.batch ?? 0, chainId: input.chainId });
  },
  render: (data) => [data.deleted === null ? 'Aborted' : `${data.deleted} rows deleted`],
});

const statsCommand = defineCommand({
  name: 'stats',
  summary: 'how long the proofs of a day or a week took',
  examples: ['prover-cli stats', 'prover-cli stats --period week'],
  options: { ...DATABASE, period: choice('since when', ['day', 'week'], { short: 'p' }) },
  output: async () => (await import('../services/prover-cli/results.ts')).statsResult,
  async run(ctx, input) {
    const { stats, statsLines } = await import('../services/prover-cli/operate.ts');
    const result = await stats(await database(ctx, input.dbUrl), input.period ?? 'day', new Date());
    return { ...result, lines: () => statsLines(result) };
  },
  render: (data) => data.lines(),
});

const VERSION = {
  version: int('minor version', { short: 'v', required: true, max: 65_535 }),
  patch: int('patch version', { short: 'p', required: true }),
};

const insertVersionCommand = defineCommand({
  name: 'insert-version',
  summary: 'insert a protocol version',
  examples: ['prover-cli insert-version --version=31 --patch=0 --snark-wrapper=0x… --fflonk-snark-wrapper=0x…'],
  options: {
    ...DATABASE,
    ...VERSION,
    snarkWrapper: text('hash of the wrapper key', { short: 's', required: true, placeholder: '0x…' }),
    fflonkSnarkWrapper: text('hash of the FFLONK wrapper key; default: none (null)', {
      short: 'f',
      placeholder: '0x…',
    }),
  },
  output: async () => (await import('../services/results.ts')).insertVersionResult,
  async run(ctx, input) {
    const { insertVersionRow, requireHash } = await import('../services/ecosystem/protocol-versions.ts');
    const fflonk = input.fflonkSnarkWrapper;
    return insertVersionRow(await database(ctx, input.dbUrl), {
      version: { minor: given(input.version, '--version'), patch: given(input.patch, '--patch') },
      snarkWrapper: requireHash('--snark-wrapper', input.snarkWrapper ?? ''),
      fflonkSnarkWrapper: fflonk === undefined ? null : requireHash('--fflonk-snark-wrapper', fflonk),
    });
  },
});

const insertBatchCommand = defineCommand({
  name: 'insert-batch',
  summary: 'insert a batch, for proving without a server',
  examples: ['prover-cli insert-batch --number=1 --version=31 --patch=0'],
  options: {
    ...DATABASE,
    number: int('number of the batch', { short: 'n', required: true }),
    ...VERSION,
    chainId: int('chain id of the row; 0 (default) is the flow without a server'),
  },
  output: async () => (await import('../services/results.ts')).insertBatchResult,
  async run(ctx, input) {
    const { insertBatchRow } = await import('../services/ecosystem/protocol-versions.ts');
    return insertBatchRow(await database(ctx, input.dbUrl), {
      batch: given(input.number, '--number'),
      chainId: input.chainId ?? 0,
      version: { minor: given(input.version, '--version'), patch: given(input.patch, '--patch') },
    });
  },
});

const fileInfoCommand = defineCommand({
  name: 'file-info',
  aliases: ['get-file-info'],
  summary: 'what a file of an object store is',
  examples: ['prover-cli file-info --file-path prover/artifacts/witness_inputs/witness_inputs_1_271.cbor'],
  options: { ...DATABASE, filePath: text('the file', { short: 'f', required: true, placeholder: 'path' }) },
  output: async () => (await import('../services/prover-cli/results.ts')).fileInfoResult,
  async run(ctx, input) {
    const { fileInfo, fileInfoLines } = await import('../services/prover-cli/file-info.ts');
    const info = await fileInfo(ctx.path(input.filePath ?? ''));
    return { ...info, lines: () => fileInfoLines(info) };
  },
  render: (data) => data.lines(),
});

function given(value: number | undefined, name: string): number {
  if (value === undefined) throw new DevkitError('USAGE', `${name} is missing`);
  return value;
}

const COMMANDS = [
  configCommand,
  defineGroup({
    name: 'status',
    summary: 'how far batches are, and what L1 knows',
    commands: [statusBatchCommand, statusL1Command],
  }),
  requeueCommand,
  restartCommand,
  deleteCommand,
  statsCommand,
  insertVersionCommand,
  insertBatchCommand,
  fileInfoCommand,
];

/** `[DB_URL] [MAX_FAILURE_ATTEMPTS]` → flags behind the command. */
export function movePositionals(words: readonly string[]): string[] {
  const names = new Set(COMMANDS.flatMap(({ name, ...node }) => [name, ...(node.aliases ?? [])]));
  const at = firstOperand(words, 0);
  const url = words[at];
  if (url === undefined || names.has(url) || !url.includes(':')) return [...words];
  const rest = [...words.slice(0, at), ...words.slice(at + 1)];
  const next = firstOperand(rest, at);
  const attempts = rest[next];
  if (attempts === undefined || !/^\d+$/.test(attempts)) return [...rest, '--db-url', url];
  return [...rest.slice(0, next), ...rest.slice(next + 1), '--db-url', url, '--max-failure-attempts', attempts];
}

function firstOperand(words: readonly string[], from: number): number {
  const takesValue = Object.entries<OptionSpec>(GLOBAL_OPTIONS)
    .filter(([, spec]) => spec.kind !== 'flag')
    .map(([key, spec]) => longOf(key, spec));
  let at = from;
  while (at < words.length && words[at]?.startsWith('-')) at += takesValue.includes(words[at] ?? '') ? 2 : 1;
  return at;
}

export const proverCliGroup = defineGroup({
  name: 'prover-cli',
  aliases: ['prover_cli'],
  summary: 'look into the prover database: status, requeue, restart',
  commands: COMMANDS,
  prepare: movePositionals,
  examples: [
    'prover-cli postgres://postgres:notsecurepassword@localhost:5432/zksync_prover_localhost_era status batch -n 1',
  ],
});
