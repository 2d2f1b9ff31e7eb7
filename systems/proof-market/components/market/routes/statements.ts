import type { FastifyInstance } from 'fastify';
import { readPage } from '../../../protocol/filter.ts';
import { findStatement, insertStatement, listStatements, statementToDocument } from '../../../protocol/statements.ts';
import { statementInfo, statementStatistics, statementsOf } from '../../../protocol/statistics.ts';
import { readStatement } from '../../../protocol/validation.ts';
import type { Authenticator } from '../auth.ts';
import type { MarketContext } from '../context.ts';
import { bodyOf } from '../server.ts';
import { keyOf, queryOf } from './request.ts';

export function addStatementRoutes(
  app: FastifyInstance,
  prefix: string,
  { pool, clock }: MarketContext,
  auth: Authenticator,
): void {
  const path = `${prefix}/statement`;
  app.post(path, async (request) => {
    const user = await auth.required(request);
    const row = await insertStatement(pool, user, readStatement(bodyOf(request)), { now: clock() });
    return statementToDocument(row!);
  });
  app.get(path, async (request) => {
    const user = await auth.optional(request);
    const query = queryOf(request);
    if (query['info'] !== undefined) return statementInfo(pool, user, clock());
    if (query['statistics'] !== undefined) return statementStatistics(pool, user);
    return (await listStatements(pool, user, readPage(query))).map(statementToDocument);
  });
  for (const role of ['requested', 'proposed', 'owner'] as const) {
    app.get(`${path}/${role}`, async (request) => statementsOf(pool, await auth.required(request), role));
  }
  app.get(`${path}/:key`, async (request) => {
    await auth.optional(request);
    return statementToDocument(await findStatement(pool, keyOf(request, 'statement')));
  });
}
