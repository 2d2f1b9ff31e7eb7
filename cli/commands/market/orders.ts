/** `market bid …` and `market ask …`, with the flags of the scripts; under the later names as well. */
import type { OrderDocument, Vocabulary } from '../../../systems/proof-market/protocol/client/types.ts';
import { table } from '../../output/table.ts';
import type { OrderScope, OrderSide } from '../../services/market/orders.ts';
import { defineCommand, defineGroup, type Group } from '../define.ts';
import { choice, int, text } from '../options.ts';
import {
  ACTOR,
  actorOf,
  jsonLines,
  key,
  optionalKey,
  optionalPositive,
  orderState,
  positive,
  results,
} from './shared.ts';

const STATUSES = ['created', 'processing', 'completed', 'withdrawn'] as const;
const FORMS = ['as-sent', 'lines', 'typed'] as const;
const DEFAULT_LIMIT = 100;

interface Words {
  side: OrderSide;
  /** Name of the group: in whose words the market is asked and answers. */
  name: 'bid' | 'request' | 'ask' | 'proposal';
}

const scopeOf = ({ side, name }: Words): Pick<OrderScope, 'side' | 'vocabulary'> => ({
  side,
  vocabulary: (name === 'bid' || name === 'ask' ? 'bid' : 'request') satisfies Vocabulary,
});

const ORDER_FLAGS = {
  key: text('key of the statement', { placeholder: 'key', required: true }),
  cost: text('tokens', { placeholder: 'n', required: true }),
  generationTime: text('minutes: the longest wanted, or what is promised', {
    placeholder: 'min',
    oldNames: ['generation_time'],
  }),
  waitPeriod: text('minutes until the order leaves the book without a counterpart', {
    placeholder: 'min',
    oldNames: ['wait_period'],
  }),
  subkey: text('part of an aggregated job', { placeholder: 'key' }),
};

interface OrderFlags {
  key: string | undefined;
  cost: string | undefined;
  generationTime: string | undefined;
  waitPeriod: string | undefined;
  subkey: string | undefined;
}

const orderOf = ({ key: statement = '', cost = '', ...flags }: OrderFlags) => ({
  statement: key('--key', statement),
  cost: positive('--cost', cost),
  generationTime: optionalPositive('--generation-time', flags.generationTime),
  waitPeriod: optionalPositive('--wait-period', flags.waitPeriod),
  subkey: flags.subkey,
});

const pushBid = (words: Words) =>
  defineCommand({
    name: 'push',
    summary: 'ask for a proof, at the highest price',
    about: `Acts as \`requester\` unless told otherwise. The file's JSON is the public input, in any of the three forms; --generation-time is really sent.`,
    examples: [`market ${words.name} push --key 32326 --cost 2 --file input.json`],
    options: {
      ...ACTOR,
      ...ORDER_FLAGS,
      file: text('JSON file with the public input', { placeholder: 'file' }),
    },
    output: async () => (await results()).orderResult,
    async run(ctx, input) {
      const { orderPush } = await import('../../services/market/orders.ts');
      const file = input.file === undefined ? undefined : ctx.path(input.file);
      return orderPush(await ctx.service(), { ...scopeOf(words), ...actorOf(ctx, input), ...orderOf(input), file });
    },
    render: ({ order }) => limitLines(words, order),
  });

const pushAsk = (words: Words) =>
  defineCommand({
    name: 'push',
    summary: 'offer proofs, at the lowest price',
    about: 'Acts as `producer` unless told otherwise. Once matched, the proof is owed; a wrong one costs the deposit.',
    examples: [`market ${words.name} push --key 32326 --cost 2`],
    options: { ...ACTOR, ...ORDER_FLAGS },
    output: async () => (await results()).orderResult,
    async run(ctx, input) {
      const { orderPush } = await import('../../services/market/orders.ts');
      return orderPush(await ctx.service(), { ...scopeOf(words), ...actorOf(ctx, input), ...orderOf(input) });
    },
    render: ({ order }) => limitLines(words, order),
  });

/** `Limit bid: …`, as the scripts say. */
const limitLines = ({ name }: Words, order: OrderDocument): string[] => {
  const [first = '', ...rest] = jsonLines(order);
  return [`Limit ${name}:\t ${first}`, ...rest];
};

const getCommand = (words: Words) =>
  defineCommand({
    name: 'get',
    summary: `one ${words.name} by its key, or a list`,
    examples: [`market ${words.name} get`, `market ${words.name} get --key 100000001`],
    options: {
      ...ACTOR,
      key: text('key of the order', { placeholder: 'key' }),
      status: choice('only those with this status', STATUSES, {
        long: `${words.name}-status`,
        oldNames: [`${words.name}_status`],
      }),
      limit: int(`at most so many, the newest; default ${DEFAULT_LIMIT}`, { min: 1, max: 1000 }),
    },
    output: async () => (await results()).ordersResult,
    async run(ctx, input) {
      const { orderGet } = await import('../../services/market/orders.ts');
      return orderGet(await ctx.service(), {
        ...scopeOf(words),
        ...actorOf(ctx, input),
        key: optionalKey('--key', input.key),
        status: input.status,
        limit: input.limit ?? DEFAULT_LIMIT,
      });
    },
    render: ({ orders }, style) => {
      if (orders.length === 1) return jsonLines(orders[0]);
      return table([
        ['key', 'sender', 'statement', 'cost', 'status'].map((title) => style.dim(title)),
        ...orders.map((order) => [
          order._key,
          order.sender ?? '',
          order.statement_key,
          String(order.cost),
          orderState(order),
        ]),
      ]);
    },
  });

const withdrawCommand = (words: Words) =>
  defineCommand({
    name: 'withdraw',
    summary: 'take an open order out of the book',
    examples: [`market ${words.name} withdraw --key 100000001`],
    options: { ...ACTOR, key: text('key of the order', { placeholder: 'key', required: true }) },
    output: async () => (await results()).orderResult,
    async run(ctx, input) {
      const { orderWithdraw } = await import('../../services/market/orders.ts');
      const order = key('--key', input.key ?? '');
      return orderWithdraw(await ctx.service(), { ...scopeOf(words), ...actorOf(ctx, input), key: order });
    },
    render: ({ order }) => [`${words.name} ${order._key}: ${order.status}`],
  });

const inputCommand = (words: Words) =>
  defineCommand({
    name: 'input',
    summary: 'the public input of an order, into a file for a generator',
    about:
      'Generators differ by age in what they read: `lines` is {"input":"1\\n11"}, `typed` is [{"field":"1"},{"field":"11"}].',
    examples: [`market ${words.name} input --key 100000001 --output input.json`],
    options: {
      ...ACTOR,
      key: text('key of the order', { short: 'k', placeholder: 'key', required: true }),
      output: text('file to write, what a generator takes as --public_input', {
        short: 'o',
        placeholder: 'file',
        required: true,
      }),
      form: choice('how numbers are written, default as-sent', FORMS),
    },
    output: async () => (await results()).inputResult,
    async run(ctx, input) {
      const { bidInput } = await import('../../services/market/orders.ts');
      return bidInput(await ctx.service(), {
        ...scopeOf(words),
        ...actorOf(ctx, input),
        key: key('--key', input.key ?? ''),
        out: ctx.path(input.output ?? ''),
        form: input.form ?? 'as-sent',
      });
    },
    render: ({ bid, file }) => [`the public input of ${words.name} ${bid} is in ${file}`],
  });

const bidCommands = (words: Words) => [pushBid(words), getCommand(words), inputCommand(words), withdrawCommand(words)];
const askCommands = (words: Words) => [pushAsk(words), getCommand(words), withdrawCommand(words)];

const group = (words: Words, summary: string): Group =>
  defineGroup({
    name: words.name,
    summary,
    commands: words.side === 'bid' ? bidCommands(words) : askCommands(words),
  });

export const bidGroup = group({ side: 'bid', name: 'bid' }, 'requests for proofs, as the first scripts call them');
export const requestGroup = group({ side: 'bid', name: 'request' }, 'bids, in the words of the later scripts');
export const askGroup = group({ side: 'ask', name: 'ask' }, 'offers of proofs, as the first scripts call them');
export const proposalGroup = group({ side: 'ask', name: 'proposal' }, 'asks, in the words of the later scripts');
