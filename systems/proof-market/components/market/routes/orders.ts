/** Bids and asks, under the names of both generations. */
import type { FastifyInstance } from 'fastify';
import { type OrderCollection, sideOf } from '../../../protocol/documents.ts';
import { badRequest } from '../../../protocol/errors.ts';
import { readPage } from '../../../protocol/filter.ts';
import { findOrder, listOrders, orderToDocument, placeOrder, withdrawOrder } from '../../../protocol/orders.ts';
import { type NewOrder, readOrder } from '../../../protocol/validation.ts';
import type { Authenticator } from '../auth.ts';
import type { MarketContext } from '../context.ts';
import { bodyOf } from '../server.ts';
import { keyOf, queryOf } from './request.ts';

const COLLECTIONS: readonly OrderCollection[] = ['bid', 'request', 'ask', 'proposal'];

export function addOrderRoutes(
  app: FastifyInstance,
  prefix: string,
  context: MarketContext,
  auth: Authenticator,
): void {
  for (const collection of COLLECTIONS) addCollection(app, `${prefix}/${collection}`, collection, context, auth);
}

function addCollection(
  app: FastifyInstance,
  path: string,
  collection: OrderCollection,
  context: MarketContext,
  auth: Authenticator,
): void {
  const { pool, terms, clock } = context;
  const side = sideOf(collection);
  app.post(path, async (request) => {
    const user = await auth.required(request);
    const order = readOrder(bodyOf(request), side);
    const canonicalInput = await readInput(context, side === 'bid', order);
    const placed = await placeOrder(pool, user, side, order, { canonicalInput, terms, now: clock() });
    return orderToDocument(collection, placed);
  });
  app.get(path, async (request) => {
    const user = await auth.required(request);
    const query = queryOf(request);
    const orders = await listOrders(pool, user, side, { q: query['q'], page: readPage(query) });
    return orders.map((order) => orderToDocument(collection, order));
  });
  app.get(`${path}/:key`, async (request) => {
    await auth.required(request);
    return orderToDocument(collection, await findOrder(pool, collection, keyOf(request, collection)));
  });
  app.delete(`${path}/:key`, async (request) => {
    const user = await auth.required(request);
    const key = keyOf(request, collection);
    return orderToDocument(collection, await withdrawOrder(pool, user, collection, key, clock()));
  });
}

/** @throws MarketError 404 for an unknown statement, 400 for an input that no proof can exist for */
async function readInput({ statementOf, verifier }: MarketContext, isBid: boolean, order: NewOrder): Promise<unknown> {
  const { circuit } = await statementOf(order.statementKey);
  if (!isBid) return null;
  const defect = verifier.inputDefect?.(circuit, order.input);
  if (defect !== undefined) throw badRequest(`"input" does not fit statement ${circuit.key}: ${defect}`);
  return verifier.canonicalInput ? verifier.canonicalInput(circuit, order.input) : order.input;
}
