/** `market statement …`. */
import { table } from '../../output/table.ts';
import { defineCommand, defineGroup } from '../define.ts';
import { flag, list, text } from '../options.ts';
import { ACTOR, actorOf, jsonLines, key, results, visible } from './shared.ts';

const listCommand = defineCommand({
  name: 'list',
  summary: 'the statements (circuits) that proofs can be asked for',
  examples: ['market statement list', 'market statement list --json'],
  options: ACTOR,
  output: async () => (await results()).statementListResult,
  async run(ctx, input) {
    const { statementList } = await import('../../services/market/statements.ts');
    return statementList(await ctx.service(), actorOf(ctx, input));
  },
  render: ({ statements }, style) =>
    table([
      ['key', 'name', 'type', 'input'].map((title) => style.dim(title)),
      ...statements.map(({ _key, name, type, input_description }) =>
        [_key, name, type, input_description].map((text) => visible(text)),
      ),
    ]),
});

const getCommand = defineCommand({
  name: 'get',
  summary: 'one statement, e.g. into a file for a generator',
  examples: ['market statement get --key 32326 --output statement.json'],
  options: {
    key: text('key of the statement', { placeholder: 'key', required: true }),
    output: text('file to write, what a generator takes as --circuit_input', { short: 'o', placeholder: 'file' }),
  },
  output: async () => (await results()).statementResult,
  async run(ctx, input) {
    const { statementGet } = await import('../../services/market/statements.ts');
    const out = input.output === undefined ? undefined : ctx.path(input.output);
    return statementGet(await ctx.service(), { key: key('--key', input.key ?? ''), out });
  },
  render: ({ statement, file }) =>
    file === null ? jsonLines(statement) : [`statement ${statement._key} is in ${file}`],
});

const pushCommand = defineCommand({
  name: 'push',
  summary: 'publish a statement',
  about:
    'The file is what the scripts push: {"name","description","url","input_description","type","isPrivate","definition"}. Proofs can be verified here when `definition` holds a Noir program (systems/proof-market/circuits/README.md).',
  examples: ['market statement push --file statement.json'],
  options: { ...ACTOR, file: text('JSON file', { placeholder: 'file', required: true }) },
  output: async () => (await results()).statementResult,
  async run(ctx, input) {
    const { statementPush } = await import('../../services/market/statements.ts');
    return statementPush(await ctx.service(), { ...actorOf(ctx, input), file: ctx.path(input.file ?? '') });
  },
  render: ({ statement, file }) => [`Statement from ${file} was pushed, key ${statement._key}`],
});

const prepareCommand = defineCommand({
  name: 'prepare',
  summary: 'a statement file from a Noir package',
  about:
    'As `prepare_statement.py`, for circuits that are proven here: compiles the package and makes its key. Parameters and results are public, each a Field or a [u64; 4] below the modulus of Pallas; up to 2^17 gates.',
  examples: ['market statement prepare --circuit ./my_circuit --name my-circuit --output statement.json --outputs sum'],
  options: {
    circuit: text('folder with Nargo.toml and src/main.nr', { short: 'c', placeholder: 'folder', required: true }),
    output: text('file to write', { short: 'o', placeholder: 'file', required: true }),
    name: text('name of the statement', { short: 'n', placeholder: 'name', required: true }),
    type: text('default placeholder-zkllvm', { short: 't', placeholder: 'type' }),
    outputs: list('names of what the circuit returns', { placeholder: 'names' }),
    description: text('what it proves', { placeholder: 'text' }),
    inputDescription: text('what its input is', { placeholder: 'text' }),
    url: text('where to read more', { placeholder: 'url' }),
    private: flag('only reachable by its key', { conflicts: ['public'] }),
    public: flag('listed; the default'),
  },
  output: async () => (await results()).prepareResult,
  async run(ctx, { circuit = '', output = '', name = '', type = 'placeholder-zkllvm', ...input }) {
    const { statementPrepare } = await import('../../services/market/statements.ts');
    return statementPrepare(await ctx.service(), {
      ...input,
      circuit: ctx.path(circuit),
      out: ctx.path(output),
      name,
      type,
      isPrivate: input.private,
    });
  },
  render: ({ file, inputs, outputs }) => {
    const names = (values: typeof inputs): string => values.map(({ name, type }) => `${name} (${type})`).join(', ');
    return [`${file}: ${names(inputs)} → ${names(outputs)}`, `→ devkit market statement push --file ${file}`];
  },
});

export const statementGroup = defineGroup({
  name: 'statement',
  summary: 'circuits that proofs can be asked for',
  commands: [listCommand, getCommand, prepareCommand, pushCommand],
});
