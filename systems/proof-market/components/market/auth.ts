/** Who sends a request: bearer token or HTTP Basic. */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { notAuthorized } from '../../protocol/errors.ts';
import { checkPassword, checkToken } from '../../protocol/users.ts';
import type { MarketContext } from './context.ts';

export interface Authenticator {
  /** @throws MarketError 401, also without credentials */
  required(request: FastifyRequest): Promise<string>;
  /** Undefined without credentials; wrong or expired ones are refused. @throws MarketError 401 */
  optional(request: FastifyRequest): Promise<string | undefined>;
}

/** Checking a password takes tens of milliseconds by design; a relayer sends it with every request. */
const BASIC_KEPT_MS = 60_000;
const BASIC_KEPT = 1000;

export function createAuthenticator({ pool, secret, clock }: MarketContext): Authenticator {
  const kept = new Map<string, { user: string; until: number }>();
  const basic = async (credentials: string): Promise<string> => {
    const key = createHash('sha256').update(secret).update(credentials).digest('base64');
    const known = kept.get(key);
    if (known && known.until > clock()) return known.user;
    const [user, password] = splitOnce(Buffer.from(credentials, 'base64').toString(), ':');
    await checkPassword(pool, user, password).catch((error: Error) => {
      throw error.name === 'MarketError' ? notAuthorized() : error;
    });
    if (kept.size >= BASIC_KEPT) kept.clear();
    kept.set(key, { user, until: clock() + BASIC_KEPT_MS });
    return user;
  };
  const optional = async ({ headers }: FastifyRequest): Promise<string | undefined> => {
    if (headers.authorization === undefined) return undefined;
    const [scheme, credentials] = splitOnce(headers.authorization.trim(), ' ');
    if (/^bearer$/i.test(scheme)) return checkToken(pool, credentials.trim(), { secret, now: clock() });
    if (/^basic$/i.test(scheme)) return basic(credentials.trim());
    throw notAuthorized();
  };
  return {
    optional,
    required: async (request) => {
      const user = await optional(request);
      if (user === undefined) throw notAuthorized();
      return user;
    },
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
