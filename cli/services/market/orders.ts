/** `market bid …` and `market ask …`: one order of one side at a time. */
import { USUAL_USERS } from '../../../systems/proof-market/index.ts';
import type {
  Clause,
  OrderDocument,
  Orders,
  Vocabulary,
} from '../../../systems/proof-market/protocol/client/client.ts';
import {
  parsePublicInput,
  toLineForm,
  toTypedForm,
} from '../../../systems/proof-market/protocol/proving/public-input.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { readJsonOf, writeJson } from './files.ts';
import { type ActingClient, type Actor, actAs, answerOf, openMarket } from './session.ts';

export type OrderSide = 'bid' | 'ask';

/** Which side, and in whose words the market is asked. */
export interface OrderScope extends Actor {
  side: OrderSide;
  vocabulary: Vocabulary;
}

const ordersOf = ({ client }: ActingClient, side: OrderSide): Orders<never> =>
  (side === 'bid' ? client.bids : client.asks) as Orders<never>;

async function act(ctx: ServiceContext, scope: OrderScope): Promise<Orders<never>> {
  const usual = scope.side === 'bid' ? USUAL_USERS.requester : USUAL_USERS.producer;
  return ordersOf(await actAs(await openMarket(ctx), scope, usual, scope.vocabulary), scope.side);
}

export interface OrderPushInput extends OrderScope {
  statement: string;
  cost: number;
  /** Public input of a bid: absolute path of a JSON file; absent: none. */
  file?: string | undefined;
  subkey?: string | undefined;
  /** Minutes: the longest wanted, or what is promised. */
  generationTime?: number | undefined;
  /** Minutes in the book without a counterpart. */
  waitPeriod?: number | undefined;
}

export async function orderPush(ctx: ServiceContext, input: OrderPushInput): Promise<{ order: OrderDocument }> {
  const orders = await act(ctx, input);
  const { statement, cost, file, subkey, generationTime, waitPeriod } = input;
  const order = {
    statement_key: statement,
    cost,
    ...(file === undefined ? {} : { input: await readJsonOf('--file', file) }),
    ...(subkey === undefined ? {} : { statement_subkey: subkey }),
    ...(generationTime === undefined ? {} : { eval_time: generationTime }),
    ...(waitPeriod === undefined ? {} : { wait_period: waitPeriod }),
  };
  return { order: await answerOf(orders.push(order as never, ctx.signal)) };
}

export interface OrderGetInput extends OrderScope {
  /** Absent: a list. */
  key?: string | undefined;
  status?: string | undefined;
  limit: number;
}

/** One order by its key, or those that the caller may see, newest first. */
export async function orderGet(ctx: ServiceContext, input: OrderGetInput): Promise<{ orders: OrderDocument[] }> {
  const orders = await act(ctx, input);
  if (input.key !== undefined) return { orders: [await answerOf(orders.get(input.key, ctx.signal))] };
  const q: Clause[] = input.status === undefined ? [] : [{ key: 'status', value: input.status }];
  return { orders: await answerOf(orders.list({ q, limit: input.limit }, ctx.signal)) };
}

/** Takes an open order out of the book. @throws DevkitError USAGE for one that is matched, or not the caller's */
export async function orderWithdraw(
  ctx: ServiceContext,
  input: OrderScope & { key: string },
): Promise<{ order: OrderDocument }> {
  const orders = await act(ctx, input);
  await answerOf(orders.withdraw(input.key, ctx.signal));
  return { order: await answerOf(orders.get(input.key, ctx.signal)) };
}

/** As the bid has it, as numbers one a line (`{"input":"1\n11"}`), or typed (`[{"field":"1"},…]`): generators differ by age. */
export type InputForm = 'as-sent' | 'lines' | 'typed';

/** Writes a bid's public input, what a generator takes as `--public_input`; `out` is an absolute path. */
export async function bidInput(
  ctx: ServiceContext,
  input: OrderScope & { key: string; out: string; form: InputForm },
): Promise<{ bid: string; input: unknown; file: string }> {
  const orders = await act(ctx, input);
  const { input: sent } = await answerOf(orders.get(input.key, ctx.signal));
  const converted = convert(sent ?? null, input.form);
  await writeJson(input.out, converted);
  return { bid: input.key, input: converted, file: input.out };
}

function convert(input: unknown, form: InputForm): unknown {
  if (form === 'as-sent') return input;
  try {
    const values = parsePublicInput(input);
    return form === 'lines' ? toLineForm(values) : toTypedForm(values);
  } catch (cause) {
    throw new DevkitError('USAGE', `--form ${form}: ${(cause as Error).message}`, { hint: '--form as-sent', cause });
  }
}
