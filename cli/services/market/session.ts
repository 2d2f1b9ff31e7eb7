/** A market devnet as a user of it sees it: its address, and who acts. */
import { shellWord } from '../../../lib/shell.ts';
import { type MarketFiles, marketFiles, marketUrl, readUser, system } from '../../../systems/proof-market/index.ts';
import {
  createMarketClient,
  type MarketClient,
  MarketResponseError,
  type Vocabulary,
} from '../../../systems/proof-market/protocol/client/client.ts';
import { DevkitError, type ErrorCode } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { openPlainDevnet, type PlainDevnet } from '../plain-devnet.ts';
import { MEND, readJsonOf } from './files.ts';

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

/** @throws DevkitError NOT_FOUND for a user whose login is not kept or a file that is not there, CONFIG_INVALID for an --auth file */
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
  const word = shellWord(name);
  throw new DevkitError('NOT_FOUND', `the login of user '${name}' is not kept in this devnet`, {
    hint: `devkit market user signup --user ${word}   or, with its password: devkit market user login --user ${word} --password …`,
  });
}

async function fromFile(url: string, path: string, vocabulary: Vocabulary): Promise<ActingClient> {
  const content = ((await readJsonOf('--auth', path)) ?? {}) as Record<string, unknown>;
  const { username, secret, Authorization: header } = content;
  if (typeof username === 'string' && typeof secret === 'string') {
    const credentials = { username, password: secret };
    return { client: createMarketClient({ url, credentials, vocabulary }), name: username };
  }
  const token = typeof header === 'string' ? /^Bearer (\S+)$/.exec(header)?.[1] : undefined;
  if (token === undefined) {
    throw new DevkitError(
      'CONFIG_INVALID',
      `--auth ${path}: it has neither "username" and "secret" nor "Authorization": "Bearer …"`,
      { hint: 'devkit market user auth --out auth.json   writes one' },
    );
  }
  return { client: createMarketClient({ url, token, vocabulary }), name: undefined };
}

/** The answer of the market, or its refusal as an error that says what to do. @throws DevkitError */
export async function answerOf<T>(call: Promise<T>): Promise<T> {
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
  if (['bid', 'request', 'ask', 'proposal'].includes(what)) return `devkit market ${what} get`;
  return what === 'proof' ? 'devkit market bid get --bid-status completed' : 'devkit market statement list';
}

/** By the status that the market answers. */
const REFUSALS: Readonly<Record<number, { code: ErrorCode; hint(said: string): string }>> = {
  401: { code: 'USAGE', hint: () => 'devkit market user list   (whose logins are kept)' },
  403: { code: 'USAGE', hint: () => 'devkit market user list   (who --user can be)' },
  404: { code: 'NOT_FOUND', hint: listingOf },
  409: { code: 'USAGE', hint: listingOf },
  413: { code: 'USAGE', hint: () => 'a smaller file' },
  // a statement whose proofs only the toolchain can verify
  501: { code: 'USAGE', hint: () => 'devkit market statement list' },
};

function refused(error: MarketResponseError): DevkitError {
  const { status, answer: said } = error;
  const usual =
    status < 500
      ? { code: 'USAGE' as const, hint: () => MEND }
      : { code: 'COMPONENT_FAILED' as const, hint: () => 'devkit logs market --tail 20' };
  const { code, hint } = REFUSALS[status] ?? usual;
  return new DevkitError(code, `the market answers ${status}: ${said}`, {
    hint: hint(said),
    cause: error,
    details: { status, errorNum: error.errorNum },
  });
}
