/** `market flow`, `market watch`, `market book`: the market as a whole. */
import type { OrderJob } from '../../../systems/proof-market/protocol/jobs.ts';
import { table } from '../../output/table.ts';
import type { FlowResult } from '../../services/market/flow.ts';
import { defineCommand, defineStream, type Style } from '../define.ts';
import { duration } from '../globals.ts';
import { arg, text } from '../options.ts';
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
const EXIT_JOB_FAILED = 5;
const DEFAULT_INTERVAL_MS = 500;

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
      ['  input', JSON.stringify(data.input)],
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
  options: { interval: text('time between two looks, default 500ms', { placeholder: 'duration' }) },
  output: async () => (await results()).marketTick,
  async *stream(ctx, input) {
    const { watch } = await import('../../services/watch.ts');
    const intervalMs =
      input.interval === undefined ? DEFAULT_INTERVAL_MS : await duration('--interval', input.interval);
    const job = input.order === undefined ? undefined : key('<order>', input.order);
    const shown = new Map<string, string>();
    const { timeoutMs } = ctx.globals;
    for await (const tick of watch(await ctx.service(), { job, intervalMs, timeoutMs })) {
      const { orders } = tick as typeof tick & { orders: OrderJob[] };
      const news = orders.map((order) => ({ key: order.key, line: orderLine(order) }));
      const fresh = news.filter(({ key: order, line }) => shown.get(order) !== line);
      for (const { key: order, line } of fresh) shown.set(order, line);
      yield { ...tick, lines: () => fresh.map(({ line }) => `${tick.at.slice(11, 19)} ${line}`) };
    }
  },
  render: (tick) => tick.lines(),
  exitCode: ({ outcome }) => (outcome === 'failed' ? EXIT_JOB_FAILED : 0),
});

/** `bid 5 of requester, cost 2: processing with ask 6 of producer, due 12:30:00`. */
function orderLine(order: OrderJob): string {
  const other = order.side === 'bid' ? 'ask' : 'bid';
  const { counterpart, counterpartSender, dueOn, proofKey, generationTime } = order;
  const parts: string[] = [order.verifying ? 'proof is being verified' : order.status];
  if (counterpart !== null && order.status !== 'created') {
    parts.push(`with ${other} ${counterpart} of ${counterpartSender ?? '?'}`);
  }
  if (order.status === 'processing' && dueOn !== null) parts.push(`due ${new Date(dueOn).toISOString().slice(11, 19)}`);
  if (proofKey !== null) parts.push(`proof ${proofKey}`);
  if (order.status === 'completed' && generationTime !== null)
    parts.push(`made in ${(generationTime * 60).toFixed(1)} s`);
  return `${order.side} ${order.key} of ${order.sender}, statement ${order.statementKey}, cost ${order.cost}: ${parts.join(', ')}`;
}
