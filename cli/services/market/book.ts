/** `market book`: the open orders of a statement, put together by price and time. */

import { USUAL_USERS } from '../../../systems/proof-market/index.ts';
import type { BookLevel } from '../../../systems/proof-market/protocol/statistics.ts';
import { EXAMPLE_STATEMENT_KEY } from '../../../systems/proof-market/protocol/types.ts';
import type { ServiceContext } from '../context.ts';
import { type Actor, actAs, answerOf, openMarket } from './session.ts';

export interface BookInput extends Actor {
  statement?: string | undefined;
  /** Steps of price (tokens) and time (minutes) that levels are rounded down to. */
  priceStep?: number | undefined;
  timeStep?: number | undefined;
}

export interface Book {
  statement: string;
  proposals: BookLevel[];
  requests: BookLevel[];
}

export async function marketBook(ctx: ServiceContext, input: BookInput): Promise<Book> {
  const { client } = await actAs(await openMarket(ctx), input, USUAL_USERS.requester);
  const statement = input.statement ?? EXAMPLE_STATEMENT_KEY;
  const steps = {
    ...(input.priceStep === undefined ? {} : { dc: input.priceStep }),
    ...(input.timeStep === undefined ? {} : { dt: input.timeStep }),
  };
  const book = (await answerOf(client.book(statement, steps, ctx.signal))) as Omit<Book, 'statement'>;
  return { statement, ...book };
}
