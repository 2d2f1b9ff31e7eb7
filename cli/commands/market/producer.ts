/** `market producer run`. */
import { EXAMPLE_STATEMENT_KEY } from '../../../systems/proof-market/protocol/types.ts';
import { DevkitError } from '../../core/errors.ts';
import { defineCommand, defineGroup } from '../define.ts';
import { duration } from '../globals.ts';
import { flag, int, list, text } from '../options.ts';
import { GENERATOR, generatorOf, key, optionalPositive, positive, results, SHARDS } from './shared.ts';

const DEFAULT_COST = '2';
const NAME = /^[a-z0-9]{1,32}$/;

const runCommand = defineCommand({
  name: 'run',
  summary: 'producers that ask, wait for matches, prove and push, until Ctrl-C',
  about:
    'Each is a user of its own and keeps asks in the book; several compete by price, time and rating. One that dies is started again and goes on with its job. Ctrl-C: they finish what they work on and withdraw their open asks.',
  examples: [
    'market producer run',
    'market producer run --name alice,bob --cost 1.5 --limit 2',
    'market producer run --docker',
    'market producer run --proof-generator ../build/bin/proof-generator/proof-generator',
  ],
  foreground: true,
  options: {
    name: list('users, one producer each; default producer', { placeholder: 'names' }),
    statement: text(`key of the statement to prove, default ${EXAMPLE_STATEMENT_KEY}`, { placeholder: 'key' }),
    cost: text(`lowest price in tokens, default ${DEFAULT_COST}`, { placeholder: 'n' }),
    limit: int('asks that each keeps open, default 1', { min: 1, max: 100 }),
    statements: text('file with several statements, {"<key>":{"cost":…,"limit":…}}', {
      placeholder: 'file',
      conflicts: ['statement', 'cost', 'limit', 'generationTime'],
    }),
    generationTime: text('minutes that are promised', { placeholder: 'min', oldNames: ['generation_time'] }),
    docker: flag('in containers, whatever the devnet runs in', { conflicts: ['noDocker'] }),
    noDocker: flag('as processes, whatever the devnet runs in'),
    ...SHARDS,
    generatorTimeout: text('time of one run of the generator, default 10m', { placeholder: 'duration' }),
    ...GENERATOR,
  },
  output: async () => (await results()).producerRunResult,
  async run(ctx, input) {
    const { producerRun } = await import('../../services/market/producer.ts');
    const { sizeOf } = await import('../../services/market/generate.ts');
    const { generatorTimeout } = input;
    return producerRun(await ctx.service(), {
      names: namesOf(input.name),
      statement: key('--statement', input.statement ?? EXAMPLE_STATEMENT_KEY),
      cost: positive('--cost', input.cost ?? DEFAULT_COST),
      limit: input.limit ?? 1,
      statements: input.statements === undefined ? undefined : ctx.path(input.statements),
      generationTime: optionalPositive('--generation-time', input.generationTime),
      runtime: input.docker ? 'docker' : input.noDocker ? 'process' : undefined,
      smp: input.smp,
      shard0MemScale: input.shard0MemScale,
      memoryBytes: sizeOf('--memory', input.memory),
      timeoutMs: generatorTimeout === undefined ? undefined : await duration('--generator-timeout', generatorTimeout),
      ...generatorOf(ctx, input),
    });
  },
  render: ({ producers }) => producers.map(({ id, user }) => `${id} (${user}) ended`),
});

/** @throws DevkitError USAGE for names that are none, or twice */
function namesOf(names: readonly string[] = ['producer']): readonly string[] {
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong !== undefined) {
    throw new DevkitError('USAGE', `--name ${wrong}: a producer's name is lower case letters and digits, 32 at most`);
  }
  if (new Set(names).size < names.length)
    throw new DevkitError('USAGE', `--name ${names.join(',')}: a name is there twice`);
  return names;
}

export const producerGroup = defineGroup({
  name: 'producer',
  summary: 'programs that produce proofs',
  commands: [runCommand],
});
