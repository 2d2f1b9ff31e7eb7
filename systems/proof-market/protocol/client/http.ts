/** Requests to a market as upstream's scripts make them. */
import { jsonText, parseJson } from '../json.ts';

/** `REQUEST_TIMEOUT` of the scripts. */
const TIMEOUT_MS = 100_000;

/** The market answered with something other than 200. */
export class MarketResponseError extends Error {
  override readonly name = 'MarketResponseError';
  readonly status: number;
  /** Arango's number, where the body has one. */
  readonly errorNum: number | undefined;
  /** What it said. */
  readonly answer: string;

  constructor(what: string, status: number, body: string) {
    const { errorMessage, errorNum } = asErrorBody(body);
    const answer = errorMessage ?? body.slice(0, 300);
    super(`${what}: ${status} ${answer}`);
    this.answer = answer;
    this.status = status;
    this.errorNum = errorNum;
  }
}

/** The market did not answer: down, restarting, another network. Worth another try. */
export class MarketUnreachableError extends Error {
  override readonly name = 'MarketUnreachableError';

  constructor(url: string, cause: unknown) {
    super(`the market at ${url} does not answer: ${reasonOf(cause)}`, { cause });
  }
}

export interface MarketRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  body?: unknown;
  /** Bearer token. */
  jwt?: string | undefined;
  signal: AbortSignal;
}

/** One request; the decoded body of a 200. @throws MarketResponseError, MarketUnreachableError, the reason of an abort */
export async function requestMarket({ method, url, body, jwt, signal }: MarketRequest): Promise<unknown> {
  const headers: Record<string, string> = { accept: '*/*' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (jwt !== undefined) headers['authorization'] = `Bearer ${jwt}`;
  const sent = body === undefined ? {} : { body: jsonText(body) };
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method,
      headers,
      ...sent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new MarketUnreachableError(new URL(url).origin, error);
  }
  const what = `${method} ${new URL(url).pathname}`;
  if (status !== 200) throw new MarketResponseError(what, status, text);
  try {
    return parseJson(text);
  } catch {
    throw new MarketResponseError(`${what}: not JSON`, status, text);
  }
}

/** `?name=value&…` as Python's `requests` quotes it: brackets, colons and commas stay, quotes and braces do not. */
export function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const parts = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quote(String(value))}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

const quote = (value: string): string => encodeURIComponent(value).replace(/%(5B|5D|3A|2C|2F)/g, decodeURIComponent);

function asErrorBody(text: string): { errorMessage?: string; errorNum?: number } {
  try {
    const { errorMessage, errorNum } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof errorMessage === 'string' && { errorMessage }),
      ...(typeof errorNum === 'number' && { errorNum }),
    };
  } catch {
    return {}; // not Arango's: the text itself is shown
  }
}

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? String(cause);
}
