/** `dev prover info|insert-version|insert-batch`. */
import { DevkitError } from '../core/errors.ts';
import { type CommandContext, defineCommand, defineGroup } from './define.ts';
import { flag, int, text } from './options.ts';

const FRAME = '='.repeat(31);

const infoCommand = defineCommand({
  name: 'info',
  summary: 'protocol version, wrapper hashes and database of the prover',
  examples: ['dev prover info'],
  output: async () => (await import('../services/results.ts')).proverInfoResult,
  async run(ctx) {
    const { proverInfo } = await import('../services/ecosystem/protocol-versions.ts');
    return proverInfo(await ctx.service(), ctx.globals.chain);
  },
  render: (data) => [
    FRAME,
    'Current prover setup information:',
    `Protocol version: ${data.protocolVersion}`,
    `Snark wrapper: ${data.snarkWrapper}`,
    `FFLONK Snark wrapper: ${data.fflonkSnarkWrapper}`,
    `Database URL: ${data.databaseUrl}`,
    FRAME,
  ],
});

const versionOptions = {
  default: flag('take everything from the keys; the other flags are ignored'),
  version: text('protocol version; default: the one the prover has', { placeholder: '0.x.y' }),
};

const insertVersionCommand = defineCommand({
  name: 'insert-version',
  summary: 'insert a protocol version into the prover database',
  examples: ['dev prover insert-version --default', 'dev prover insert-version --version 0.31.0 --snark-wrapper=0x…'],
  options: {
    ...versionOptions,
    snarkWrapper: text('hash of the wrapper key; default: the one of the keys', { placeholder: '0x…' }),
    fflonkSnarkWrapper: text('hash of the FFLONK wrapper key; default: none (null)', { placeholder: '0x…' }),
  },
  output: async () => (await import('../services/results.ts')).insertVersionResult,
  async run(ctx, input) {
    const versions = await import('../services/ecosystem/protocol-versions.ts');
    const service = await ctx.service();
    const url = await versions.proverDatabase(service, ctx.globals.chain);
    const given: Partial<typeof input> = input.default ? {} : input;
    const current = await defaults(ctx, given.version === undefined || given.snarkWrapper === undefined);
    const version = versions.requireVersion(
      '--version',
      given.version ?? (await ask(ctx, 'version', current?.protocolVersion)),
    );
    const snarkWrapper = versions.requireHash(
      '--snark-wrapper',
      given.snarkWrapper ?? (await ask(ctx, 'snark-wrapper', current?.snarkWrapper)),
    );
    if (current && snarkWrapper !== current.snarkWrapper) {
      ctx.notice(
        `the keys have snark wrapper ${current.snarkWrapper}: proofs made with them will not fit this version`,
      );
    }
    ctx.notice(`Inserting protocol version 0.${version.minor}.${version.patch}`);
    return versions.insertVersionRow(url, {
      version,
      snarkWrapper,
      fflonkSnarkWrapper:
        given.fflonkSnarkWrapper === undefined
          ? null
          : versions.requireHash('--fflonk-snark-wrapper', given.fflonkSnarkWrapper),
    });
  },
  render: (data) => [data.inserted ? 'Done.' : `Done. (${data.version} was there already)`],
});

const insertBatchCommand = defineCommand({
  name: 'insert-batch',
  summary: 'insert a batch into the prover database, for proving without a server',
  about:
    'The batch is proven from prover/artifacts/witness_inputs/witness_inputs_<n>.cbor. With a server the batch row comes from the gateway: do not insert it.',
  examples: ['dev prover insert-batch --number 1 --default'],
  options: {
    number: int('number of the batch', { required: true }),
    ...versionOptions,
    chainId: int('chain id of the row; 0 is the flow without a server'),
  },
  output: async () => (await import('../services/results.ts')).insertBatchResult,
  async run(ctx, input) {
    const versions = await import('../services/ecosystem/protocol-versions.ts');
    const service = await ctx.service();
    const url = await versions.proverDatabase(service, ctx.globals.chain);
    const wanted = input.default ? undefined : input.version;
    const { PROVER_PROTOCOL_VERSION, formatVersion } = await import('../../systems/zksync/protocol/ids.ts');
    const version =
      wanted ??
      (input.default
        ? formatVersion(PROVER_PROTOCOL_VERSION)
        : await ask(ctx, 'version', formatVersion(PROVER_PROTOCOL_VERSION)));
    ctx.notice(`Inserting batch ${input.number}`);
    const result = await versions.insertBatchRow(url, {
      batch: required(input.number),
      chainId: input.chainId ?? 0,
      version: versions.requireVersion('--version', version),
    });
    const missing = await versions.missingWitnessInput(service, result.batch);
    if (missing && result.chainId === 0) ctx.notice(`the witness input is not there yet: ${missing}`);
    return result;
  },
  render: () => ['Done.'],
});

/** What the keys say; nothing is asked of them when every value is given. */
async function defaults(ctx: CommandContext, needed: boolean) {
  const { proverInfo } = await import('../services/ecosystem/protocol-versions.ts');
  try {
    return await proverInfo(await ctx.service(), ctx.globals.chain);
  } catch (error) {
    if (needed || !(error instanceof DevkitError && error.code === 'NOT_FOUND')) throw error;
    return undefined;
  }
}

const ask = (ctx: CommandContext, name: string, value: string | undefined): Promise<string> =>
  ctx.ask.text({ flag: `--${name}`, question: name, ...(value === undefined ? {} : { default: value }) });

function required(value: number | undefined): number {
  if (value === undefined) throw new DevkitError('USAGE', '--number is missing');
  return value;
}

export const devGroup = defineGroup({
  name: 'dev',
  summary: 'protocol versions and batches in the prover database',
  commands: [
    defineGroup({
      name: 'prover',
      summary: 'the prover database',
      commands: [infoCommand, insertVersionCommand, insertBatchCommand],
    }),
  ],
});
