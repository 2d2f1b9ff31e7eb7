/** Order books, and whether the market answers. */
import type { FastifyInstance } from 'fastify';
import { findStatement } from '../../../protocol/statements.ts';
import { orderBook, readStep, topOfBooks } from '../../../protocol/statistics.ts';
import type { Authenticator } from '../auth.ts';
import type { MarketContext } from '../context.ts';
import { keyOf, queryOf } from './request.ts';

export function addMarketDataRoutes(
  app: FastifyInstance,
  prefix: string,
  { pool }: MarketContext,
  auth: Authenticator,
): void {
  app.get(`${prefix}/top`, async (request) => {
    await auth.optional(request);
    return topOfBooks(pool);
  });
  app.get(`${prefix}/book/:key`, async (request) => {
    const user = await auth.optional(request);
    const { dc, dt } = queryOf(request);
    const { key } = await findStatement(pool, keyOf(request, 'statement'));
    return orderBook(pool, key, user, { cost: readStep(dc, 'dc'), evalTime: readStep(dt, 'dt') });
  });
  // ArangoDB's route for this question
  app.get('/_admin/server/availability', async () => {
    await pool.query('SELECT 1');
    return { mode: 'default', error: false, code: 200 };
  });
}
