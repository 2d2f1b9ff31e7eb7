/** A login: gets a token when first needed, and another when the market no longer takes it. */
import { MarketResponseError, requestMarket } from './http.ts';

export interface Credentials {
  username: string;
  password: string;
}

export interface Session {
  /** Calls with a token; once more with a new one after a 401. */
  withToken<T>(call: (jwt: string | undefined) => Promise<T>, signal: AbortSignal): Promise<T>;
  token(signal: AbortSignal): Promise<string | undefined>;
}

/** Without credentials calls go with the token that is given, or without one. */
export function openSession(
  rootUrl: string,
  { credentials, token: given }: { credentials?: Credentials; token?: string },
): Session {
  let current: Promise<string> | undefined;
  const login = async (signal: AbortSignal): Promise<string> => {
    const answer = await requestMarket({ method: 'POST', url: `${rootUrl}_open/auth`, body: credentials, signal });
    const { jwt } = answer as { jwt?: unknown };
    if (typeof jwt !== 'string') throw new Error('the market gave no token');
    return jwt;
  };
  const token = async (signal: AbortSignal): Promise<string | undefined> => {
    if (credentials === undefined) return given;
    current ??= login(signal);
    const mine = current;
    return mine.catch((error: unknown) => {
      if (current === mine) current = undefined;
      throw error;
    });
  };
  return {
    token,
    withToken: async (call, signal) => {
      const jwt = await token(signal);
      try {
        return await call(jwt);
      } catch (error) {
        const expired = error instanceof MarketResponseError && error.status === 401;
        if (credentials === undefined || !expired) throw error;
        if ((await current) === jwt) current = undefined;
        return call(await token(signal));
      }
    },
  };
}
