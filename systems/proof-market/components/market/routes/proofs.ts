import type { FastifyInstance } from 'fastify';
import { readPage } from '../../../protocol/filter.ts';
import { findProof, listProofs, proofToDocument, submitProof } from '../../../protocol/proofs.ts';
import { readProof } from '../../../protocol/validation.ts';
import type { Authenticator } from '../auth.ts';
import type { MarketContext } from '../context.ts';
import { bodyOf } from '../server.ts';
import { isSet, keyOf, queryOf } from './request.ts';

export function addProofRoutes(
  app: FastifyInstance,
  prefix: string,
  context: MarketContext,
  auth: Authenticator,
): void {
  const { pool } = context;
  const path = `${prefix}/proof`;
  app.post(path, async (request) => {
    const user = await auth.required(request);
    const key = await submitProof(context, user, readProof(bodyOf(request)));
    return proofToDocument(await findProof(pool, user, key, { full: true }));
  });
  for (const owned of [false, true]) {
    app.get(owned ? `${path}/owner` : path, async (request) => {
      const user = await auth.required(request);
      const query = queryOf(request);
      const full = query['full'] === undefined ? undefined : isSet(query['full']);
      const proofs = await listProofs(pool, user, { q: query['q'], page: readPage(query), full, owned });
      return proofs.map(proofToDocument);
    });
  }
  app.get(`${path}/:key`, async (request) => {
    const user = await auth.required(request);
    const full = isSet(queryOf(request)['full']);
    return proofToDocument(await findProof(pool, user, keyOf(request, 'proof'), { full }));
  });
}
