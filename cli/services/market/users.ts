/** `market user …`: accounts, their logins and balances. */
import {
  keepUser,
  listUsers,
  newPassword,
  readUser,
  signUp,
  USUAL_USERS,
} from '../../../systems/proof-market/index.ts';
import { createMarketClient, MarketResponseError } from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { writeText } from './files.ts';
import { type Actor, actAs, answerOf, openMarket } from './session.ts';

export interface UserBalance {
  user: string;
  /** Tokens that can be spent. */
  balance: number;
  /** Tokens that open orders hold. */
  blocked: number;
}

export interface SignupInput {
  user: string;
  /** Absent: one is made. */
  password?: string | undefined;
  email?: string | undefined;
}

/** The login is kept, so that later commands can act as this user. */
export async function userSignup(ctx: ServiceContext, input: SignupInput): Promise<UserBalance & { login: string }> {
  const { url, files } = await openMarket(ctx);
  const password = input.password ?? newPassword();
  const credentials = { username: input.user, password };
  await answerOf(signUp(createMarketClient({ url }), credentials, input.email ?? '', ctx.signal));
  await keepUser(files, credentials);
  const client = createMarketClient({ url, credentials });
  return { ...(await answerOf(client.balance(input.user, ctx.signal))), login: files.user(input.user) };
}

/** @throws DevkitError USAGE when the market does not take the password */
export async function userLogin(
  ctx: ServiceContext,
  input: { user: string; password: string },
): Promise<UserBalance & { login: string }> {
  const { url, files } = await openMarket(ctx);
  const credentials = { username: input.user, password: input.password };
  const client = createMarketClient({ url, credentials });
  await answerOf(client.token(ctx.signal));
  const balance = await answerOf(client.balance(input.user, ctx.signal));
  await keepUser(files, credentials);
  return { ...balance, login: files.user(input.user) };
}

export interface KnownUser {
  user: string;
  /** Null: this market does not take the login, e.g. because its database was made anew. */
  balance: number | null;
  blocked: number | null;
}

/** The users whose logins are kept. */
export async function userList(ctx: ServiceContext): Promise<{ users: KnownUser[] }> {
  const { url, files } = await openMarket(ctx);
  const names = await listUsers(files);
  const users = await Promise.all(
    names.map(async (user): Promise<KnownUser> => {
      const credentials = await readUser(files, user);
      const client = createMarketClient({ url, ...(credentials && { credentials }) });
      return answerOf(client.balance(user, ctx.signal).catch(unlessUnknown(user)));
    }),
  );
  return { users };
}

const unlessUnknown =
  (user: string) =>
  (error: unknown): KnownUser => {
    if (error instanceof MarketResponseError && error.status === 401) return { user, balance: null, blocked: null };
    throw error;
  };

export interface ProducerInput extends Actor {
  description: string;
  url?: string | undefined;
  logo?: string | undefined;
  ethAddress?: string | undefined;
}

/** Registers a user as producer, or changes what is registered. */
export async function registerProducer(ctx: ServiceContext, input: ProducerInput): Promise<Record<string, unknown>> {
  const { client } = await actAs(await openMarket(ctx), input, USUAL_USERS.producer);
  const { description, url, logo, ethAddress } = input;
  const about = {
    description,
    ...(url === undefined ? {} : { url }),
    ...(logo === undefined ? {} : { logo }),
    ...(ethAddress === undefined ? {} : { eth_address: ethAddress }),
  };
  return (await answerOf(client.registerProducer(about, ctx.signal))) as Record<string, unknown>;
}

/** A new token as the header object that the scripts' `--auth FILE` reads. `out`: absolute path of that file. */
export async function userAuth(
  ctx: ServiceContext,
  input: Actor & { out: string },
): Promise<{ user: string | null; file: string }> {
  const { client, name } = await actAs(await openMarket(ctx), input, USUAL_USERS.requester);
  const token = await answerOf(client.token(ctx.signal));
  if (token === undefined) throw new DevkitError('USAGE', 'there is no login to get a token for');
  await writeText(input.out, `${JSON.stringify({ Authorization: `Bearer ${token}` })}\n`, { mode: 0o600 });
  return { user: name ?? null, file: input.out };
}
