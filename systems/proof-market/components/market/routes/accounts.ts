/** Users, tokens, balances, producers. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { documentNotFound, forbidden } from '../../../protocol/errors.ts';
import { balanceOf } from '../../../protocol/ledger.ts';
import { findProducer, lastProducers, producerDocument, registerProducer } from '../../../protocol/producers.ts';
import { checkPassword, issueToken, signUp, userExists } from '../../../protocol/users.ts';
import { asObject, readProducer, readSignup } from '../../../protocol/validation.ts';
import type { Authenticator } from '../auth.ts';
import type { MarketContext } from '../context.ts';
import { bodyOf, isEmpty } from '../server.ts';
import { paramOf } from './request.ts';

export function addAccountRoutes(
  app: FastifyInstance,
  prefix: string,
  context: MarketContext,
  auth: Authenticator,
): void {
  const { pool, terms, secret, clock } = context;
  const token = async (user: string): Promise<{ jwt: string }> => ({
    jwt: await issueToken(pool, user, { secret, lifetimeMs: terms.tokenLifetimeMs, now: clock() }),
  });
  const signIn = async (body: unknown): Promise<{ jwt: string }> => {
    const { username, password } = asObject(body);
    return token(await checkPassword(pool, username, password));
  };
  app.post('/_open/auth', (request) => signIn(bodyOf(request)));
  app.post(`${prefix}/user/signin`, (request) => signIn(bodyOf(request)));
  app.post(`${prefix}/user/signup`, async (request) => {
    const signup = readSignup(bodyOf(request));
    await signUp(pool, signup, terms, clock());
    return { user: signup.user, active: true, extra: {}, error: false, code: 201 };
  });
  app.post(`${prefix}/user/renew`, async (request) => {
    const user = await auth.required(request);
    const named = renewedUser(request);
    if (named !== undefined && named !== user) throw forbidden('the token belongs to another user');
    return token(user);
  });
  app.head(`${prefix}/user/:name`, async (request, reply) => {
    reply.code((await userExists(pool, paramOf(request, 'name'))) ? 200 : 404);
    return reply.send();
  });
  app.get(`${prefix}/user/:name/balance`, async (request) => {
    const user = await auth.required(request);
    if (user !== paramOf(request, 'name')) throw forbidden('balances are shown to their owner');
    const balance = await balanceOf(pool, user);
    if (balance === undefined) throw documentNotFound(`user ${user}`);
    return { user, balance: balance.available, blocked: balance.blocked };
  });
  app.post(`${prefix}/producer/register`, async (request) => {
    const user = await auth.required(request);
    return producerDocument(await registerProducer(pool, user, readProducer(bodyOf(request)), clock()));
  });
  app.get(`${prefix}/producer/last`, async (request) => {
    await auth.optional(request);
    return lastProducers(pool);
  });
  app.get(`${prefix}/producer/:name`, async (request) => {
    await auth.optional(request);
    return producerDocument(await findProducer(pool, paramOf(request, 'name')));
  });
}

/** The token says who it is; the body may, as a name or with one, or be empty. */
function renewedUser(request: FastifyRequest): unknown {
  if (isEmpty(request)) return undefined;
  const body = bodyOf(request);
  if (typeof body === 'string') return body;
  const { user, username = user } = asObject(body);
  return username;
}
