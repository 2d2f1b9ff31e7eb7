/** `market flow`, `market watch`, `market book`: the market as a whole. */
import { jsonText } from '../../../systems/proof-market/protocol/json.ts';
import { table } from '../../output/table.ts';
import type { FlowResult } from '../../services/market/flow.ts';
import { defineCommand, defineStream, type Style } from '../define.ts';
import { arg, text } from '../options.ts';
import { WATCH_OPTIONS, watchExitCode, watchJobs } from '../watch.ts';
import {
  ACTOR,
  actorOf,
  GENERATOR,
  generatorOf,
  key,
  optionalKey,
  optionalPositive,
  orderState,
  positive,
  results,
  SHARDS,
} from './shared.ts';

const EXIT_REJECTED = 7;

export const flowCommand = defineCommand({
  name: 'flow',
  summary: 'the whole guide: bid, ask, match, proof, both orders completed',
  about:
    'Plays requester and producer of the guide against the running market: lists statements, pushes a bid and an ask, waits for the match, makes the proof, pushes it, fetches and verifies it, and pushes the same bid again, which is completed at once. Exit code 0 only when the proof was accepted.',
  examples: ['market flow', 'market flow --cost 3 --file input.json --json'],
  options: {
    statement: text('key of the statement, default 32326', { placeholder: 'key' }),
    cost: text('tokens of both orders, default 2', { placeholder: 'n' }),
    file: text("JSON file with the public input; default: the guide's, or other numbers once that is proven", {
      placeholder: 'file',
    }),
    smp: SHARDS.smp,
    ...GENERATOR,
  },
  output: async () => (await results()).flowResult,
  async run(ctx, input) {
    const { marketFlow } = await import('../../services/market/flow.ts');
    return marketFlow(await ctx.service(), {
      statement: optionalKey('--statement', input.statement),
      cost: positive('--cost', input.cost ?? '2'),
      file: input.file === undefined ? undefined : ctx.path(input.file),
      smp: input.smp,
      ...generatorOf(ctx, input),
      timeoutMs: ctx.globals.timeoutMs,
    });
  },
  render: (data, style) => flowLines(data, style),
  exitCode: ({ verdict }) => (verdict === 'accepted' ? 0 : EXIT_REJECTED),
});

function flowLines(data: FlowResult, style: Style): string[] {
  const verdict = (text: string): string => (text === 'accepted' ? style.good(text) : style.bad(text));
  const outputs = Object.entries(data.outputs).map(([name, value]) => `${name} = ${value}`);
  const before = new Map(data.balances.before.map((balance) => [balance.user, balance]));
  return [
    `${style.bold(`statement ${data.statement}`)}: ${verdict(data.verdict)}`,
    ...table([
      ['  input', jsonText(data.input)],
      ['  outputs', outputs.join(', ')],
      ['  bid', `${data.bid._key}: ${orderState(data.bid)}`],
      ['  ask', `${data.ask._key}: ${orderState(data.ask)}`],
      ['  the same bid again', `${data.repeated._key}: ${orderState(data.repeated)}`],
      ['  proof', data.proofFile],
      ...data.checks.map(({ verifier, verdict: said, reason }) => [
        `  verified by`,
        `${verifier}: ${verdict(said)}${reason ? `: ${reason}` : ''}`,
      ]),
      ...data.balances.after.map(({ user, balance }) => [
        `  tokens of ${user}`,
        `${before.get(user)?.balance ?? '?'} → ${balance}`,
      ]),
    ]),
  ];
}

export const bookCommand = defineCommand({
  name: 'book',
  summary: 'open orders of a statement, best first',
  examples: ['market book', 'market book 32326 --price-step 0.5'],
  args: { statement: arg.optionalText('key of the statement, default 32326') },
  options: {
    ...ACTOR,
    priceStep: text('prices are rounded down to multiples of this', { placeholder: 'tokens', oldNames: ['dc'] }),
    timeStep: text('times are rounded down to multiples of this', { placeholder: 'min', oldNames: ['dt'] }),
  },
  output: async () => (await results()).bookResult,
  async run(ctx, input) {
    const { marketBook } = await import('../../services/market/book.ts');
    return marketBook(await ctx.service(), {
      ...actorOf(ctx, input),
      statement: optionalKey('<statement>', input.statement),
      priceStep: optionalPositive('--price-step', input.priceStep),
      timeStep: optionalPositive('--time-step', input.timeStep),
    });
  },
  render: ({ statement, proposals, requests }, style) => {
    if (proposals.length + requests.length === 0) return [`no open orders for statement ${statement}`];
    const rows = (side: string, levels: typeof proposals): string[][] =>
      levels.map(({ cost, ordersAmount, userOrdersAmount, eval_time }) => [
        side,
        String(cost),
        String(ordersAmount),
        String(userOrdersAmount),
        eval_time === null ? '' : String(eval_time),
      ]);
    return table([
      ['side', 'cost', 'orders', 'yours', 'minutes'].map((title) => style.dim(title)),
      ...rows('ask', [...proposals].reverse()),
      ...rows('bid', requests),
    ]);
  },
});

export const watchCommand = defineStream({
  name: 'watch',
  summary: 'follow an order to its proof, or all orders',
  about:
    'Requester and producer together: a line whenever an order changes, with its counterpart. With a key it ends when that order is completed (exit code 0) or withdrawn (5); without one on Ctrl-C. Reads the tables, not the API.',
  examples: ['market watch', 'market watch 100000001', 'market watch --json'],
  args: { order: arg.optionalText('key of a bid or an ask; default: all orders') },
  options: WATCH_OPTIONS,
  output: async () => (await results()).marketTick,
  stream: (ctx, input) =>
    watchJobs(ctx, input.order === undefined ? undefined : key('<order>', input.order), input.interval),
  render: (tick) => tick.lines(),
  exitCode: watchExitCode,
});
