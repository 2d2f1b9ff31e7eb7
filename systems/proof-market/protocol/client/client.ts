/** Client of a market: what upstream's scripts do, as functions. Paths, headers and bodies are the scripts' own. */
import { queryText, requestMarket } from './http.ts';
import { type Credentials, openSession } from './session.ts';
import type { NewAsk, NewBid, OrderDocument, ProofDocument, Search, StatementDocument, Vocabulary } from './types.ts';

export { MarketResponseError, MarketUnreachableError } from './http.ts';
export type { Credentials } from './session.ts';
export * from './types.ts';

export interface MarketClientOptions {
  /** Root of the market, e.g. `http://127.0.0.1:8529/`. */
  url: string;
  credentials?: Credentials;
  /** Instead of credentials: a token that was given out. */
  token?: string;
  /** Default: bid (and ask). */
  vocabulary?: Vocabulary;
}

/** Orders of one side. */
export interface Orders<New> {
  push(order: New, signal: AbortSignal): Promise<OrderDocument>;
  get(key: string, signal: AbortSignal): Promise<OrderDocument>;
  list(search: Search, signal: AbortSignal): Promise<OrderDocument[]>;
  /** Withdraws an order that is not matched. */
  withdraw(key: string, signal: AbortSignal): Promise<void>;
}

export interface ProofKeys {
  bidKey?: string;
  askKey?: string;
}

export interface MarketClient {
  /** A fresh or the current token. */
  token(signal: AbortSignal): Promise<string | undefined>;
  signup(user: { user: string; passwd: string; email: string }, signal: AbortSignal): Promise<unknown>;
  registerProducer(
    about: { description: string; url?: string; logo?: string; eth_address?: string },
    signal: AbortSignal,
  ): Promise<unknown>;
  balance(user: string, signal: AbortSignal): Promise<{ user: string; balance: number; blocked: number }>;
  statements: {
    push(statement: object, signal: AbortSignal): Promise<StatementDocument>;
    get(key: string, signal: AbortSignal): Promise<StatementDocument>;
    list(signal: AbortSignal): Promise<StatementDocument[]>;
  };
  bids: Orders<NewBid>;
  asks: Orders<NewAsk>;
  proofs: {
    /** Text of the proof file for a matched order; one key suffices. */
    push(proof: string, keys: ProofKeys, signal: AbortSignal): Promise<ProofDocument>;
    get(key: string, signal: AbortSignal): Promise<ProofDocument>;
    /** Without their texts. */
    list(search: Search, signal: AbortSignal): Promise<ProofDocument[]>;
    /** Of a bid; undefined while there is none. */
    ofBid(bidKey: string, signal: AbortSignal): Promise<ProofDocument | undefined>;
  };
  /** Open orders of a statement by price and time; `dc`, `dt`: steps. */
  book(statementKey: string, steps: { dc?: number; dt?: number }, signal: AbortSignal): Promise<unknown>;
  top(signal: AbortSignal): Promise<unknown>;
}

/** `DB_NAME`, `/` and `MOUNT` of the scripts, which begins with a slash of its own. */
const PREFIX = '_db/market//v0_0/';

const NAMES = {
  bid: { bid: 'bid', ask: 'ask', bidKey: 'bid_key', askKey: 'ask_key' },
  request: { bid: 'request', ask: 'proposal', bidKey: 'request_key', askKey: 'proposal_key' },
} as const;

type Call = (method: 'GET' | 'POST' | 'DELETE', path: string, signal: AbortSignal, body?: unknown) => Promise<never>;

/** Nothing is sent before the first call. */
export function createMarketClient(options: MarketClientOptions): MarketClient {
  const root = options.url.endsWith('/') ? options.url : `${options.url}/`;
  const session = openSession(root, options);
  const names = NAMES[options.vocabulary ?? 'bid'];
  const call: Call = async (method, path, signal, body) => {
    const request = (jwt: string | undefined) =>
      requestMarket({ method, url: `${root}${PREFIX}${path}`, body, jwt, signal });
    return (await session.withToken(request, signal)) as never;
  };
  return {
    token: session.token,
    // nobody is logged in yet
    signup: (user, signal) => requestMarket({ method: 'POST', url: `${root}${PREFIX}user/signup`, body: user, signal }),
    registerProducer: (about, signal) => call('POST', 'producer/register', signal, about),
    balance: (user, signal) => call('GET', `user/${segment(user)}/balance`, signal),
    statements: {
      push: (statement, signal) => call('POST', 'statement/', signal, statement),
      get: (key, signal) => call('GET', `statement/${segment(key)}`, signal),
      list: (signal) => call('GET', 'statement/', signal),
    },
    bids: orders<NewBid>(call, names.bid),
    asks: orders<NewAsk>(call, names.ask),
    proofs: proofs(call, names),
    book: (key, steps, signal) => call('GET', `book/${segment(key)}/${queryText(steps)}`, signal),
    top: (signal) => call('GET', 'top', signal),
  };
}

const segment = (key: string): string => encodeURIComponent(key);

const searchText = ({ q, limit, skipped }: Search): string => queryText({ q: q && JSON.stringify(q), limit, skipped });

function orders<New extends object>(call: Call, name: string): Orders<New> {
  return {
    push: (order, signal) => call('POST', `${name}/`, signal, order),
    get: (key, signal) => call('GET', `${name}/${segment(key)}`, signal),
    list: (search, signal) => call('GET', `${name}/${searchText(search)}`, signal),
    withdraw: async (key, signal) => {
      await call('DELETE', `${name}/${segment(key)}`, signal);
    },
  };
}

function proofs(
  call: Call,
  { bidKey: bidName, askKey: askName }: { bidKey: string; askKey: string },
): MarketClient['proofs'] {
  return {
    push: (proof, { bidKey, askKey }, signal) => {
      const keys = {
        ...(bidKey !== undefined && { [bidName]: bidKey }),
        ...(askKey !== undefined && { [askName]: askKey }),
      };
      return call('POST', 'proof', signal, { proof, ...keys });
    },
    get: (key, signal) => call('GET', `proof/${segment(key)}${queryText({ full: 'true' })}`, signal),
    list: (search, signal) => call('GET', `proof/${searchText(search)}`, signal),
    ofBid: async (bidKey, signal) => {
      const q = JSON.stringify([{ key: bidName, value: bidKey }]);
      const found = (await call('GET', `proof/${queryText({ q, full: 'true' })}`, signal)) as ProofDocument[];
      return found[0];
    },
  };
}
