/** A market devnet as a user of it sees it: its address, and who acts. */
import { readFile } from 'node:fs/promises';
import { type MarketFiles, marketFiles, marketUrl, readUser, system } from '../../../systems/proof-market/index.ts';
import {
  createMarketClient,
  type MarketClient,
  MarketResponseError,
  type Vocabulary,
} from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { openPlainDevnet, type PlainDevnet } from '../plain-devnet.ts';

export interface MarketSession {
  ctx: ServiceContext;
  devnet: PlainDevnet;
  url: string;
  files: MarketFiles;
}

/** @throws DevkitError NOT_FOUND when there is no market devnet */
export async function openMarket(ctx: ServiceContext): Promise<MarketSession> {
  const devnet = await openPlainDevnet({ ...ctx, system: system.name }, system, {});
  return { ctx, devnet, url: marketUrl(devnet.place), files: marketFiles(ctx.paths) };
}

/** Who acts. */
export interface Actor {
  /** A user whose login is kept (`market user list`). */
  user?: string | undefined;
  /** File with a login, `{"username","secret"}`, or with the scripts' header, `{"Authorization":"Bearer …"}`; absolute. */
  auth?: string | undefined;
}

export interface ActingClient {
  client: MarketClient;
  /** Undefined when only a token is known. */
  name: string | undefined;
}

/** @throws DevkitError NOT_FOUND for a user whose login is not kept, CONFIG_INVALID for an --auth file */
export async function actAs(
  { url, files }: MarketSession,
  actor: Actor,
  usual: string,
  vocabulary: Vocabulary = 'bid',
): Promise<ActingClient> {
  if (actor.auth !== undefined) return fromFile(url, actor.auth, vocabulary);
  const name = actor.user ?? usual;
  const credentials = await readUser(files, name);
  if (credentials !== undefined) return { client: createMarketClient({ url, credentials, vocabulary }), name };
  throw new DevkitError('NOT_FOUND', `the login of user '${name}' is not kept in this devnet`, {
    hint: `devkit market user signup --user ${name}   or, with its password: devkit market user login --user ${name} --password …`,
  });
}

async function fromFile(url: string, path: string, vocabulary: Vocabulary): Promise<ActingClient> {
  const invalid = (why: string, cause?: unknown): DevkitError =>
    new DevkitError('CONFIG_INVALID', `--auth ${path}: ${why}`, {
      hint: 'devkit market user auth --out auth.json   writes one',
      ...(cause === undefined ? {} : { cause }),
    });
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
  const { username, secret, Authorization: header } = content;
  if (typeof username === 'string' && typeof secret === 'string') {
    const credentials = { username, password: secret };
    return { client: createMarketClient({ url, credentials, vocabulary }), name: username };
  }
  const token = typeof header === 'string' ? /^Bearer (\S+)$/.exec(header)?.[1] : undefined;
  if (token === undefined) throw invalid('it has neither "username" and "secret" nor "Authorization": "Bearer …"');
  return { client: createMarketClient({ url, token, vocabulary }), name: undefined };
}

/** The answer of the market, or its refusal as an error that says what to do. @throws DevkitError */
export async function ask<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof MarketResponseError) throw refused(error);
    throw error;
  }
}

/** What lists the things of which one was not found. */
function listingOf(said: string): string {
  const [what = ''] = said.split(' ');
  return ['bid', 'request', 'ask', 'proposal'].includes(what)
    ? `devkit market ${what} get`
    : 'devkit market statement list';
}

function refused(error: MarketResponseError): DevkitError {
  const { status, answer: said } = error;
  const message = `the market answers ${status}: ${said}`;
  const options = { cause: error, details: { status, errorNum: error.errorNum } };
  if (status === 401) {
    return new DevkitError('USAGE', message, { ...options, hint: 'devkit market user list   (whose logins are kept)' });
  }
  if (status === 404) return new DevkitError('NOT_FOUND', message, { ...options, hint: listingOf(said) });
  if (status < 500) return new DevkitError('USAGE', message, options);
  return new DevkitError('COMPONENT_FAILED', message, { ...options, hint: 'devkit logs market --tail 20' });
}
