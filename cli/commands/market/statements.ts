/** `market statement …`. */
import { table } from '../../output/table.ts';
import { defineCommand, defineGroup } from '../define.ts';
import { text } from '../options.ts';
import { ACTOR, actorOf, jsonLines, key, results } from './shared.ts';

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
      ...statements.map(({ _key, name, type, input_description }) => [_key, name, type, input_description]),
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

export const statementGroup = defineGroup({
  name: 'statement',
  summary: 'circuits that proofs can be asked for',
  commands: [listCommand, getCommand, pushCommand],
});
