/** A market with a real database and a toy verifier: a proof of an input is `0x` + hexadecimal of its JSON. */
import { pino } from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Pool } from '../../../../lib/postgres.ts';
import type { MarketConfig } from '../../../../systems/proof-market/components/market/config.ts';
import { runMarket } from '../../../../systems/proof-market/components/market/market.ts';
import { openMarketDb } from '../../../../systems/proof-market/protocol/db.ts';
import { jsonText } from '../../../../systems/proof-market/protocol/json.ts';
import { DEFAULT_TERMS } from '../../../../systems/proof-market/protocol/settlement.ts';
import type { MarketTerms } from '../../../../systems/proof-market/protocol/types.ts';
import type { NewStatement } from '../../../../systems/proof-market/protocol/validation.ts';
import type { ProofVerifier } from '../../../../systems/proof-market/protocol/verifier.ts';
import { startPostgres, type TestPostgres } from '../../../fixtures/postgres.ts';

export const STATEMENT_KEY = '32326';
export const STATEMENT: NewStatement = {
  name: 'arithmetic-example',
  description: 'sum and product',
  url: 'https://example.org',
  inputDescription: 'two numbers',
  type: 'placeholder-zkllvm',
  isPrivate: false,
  definition: { proving_key: 'pk', verification_key: 'vk' },
  tag: null,
  childs: [],
};

export const proofOf = (input: unknown): string => `0x${Buffer.from(jsonText(input)).toString('hex')}`;

/** Statements named `unverifiable` are not supported; a proof of the text "broken" breaks the verifier. */
export const toyVerifier: ProofVerifier = {
  async verify({ statement, input, proof }) {
    if (statement.name === 'unverifiable') return { verdict: 'unsupported', reason: 'no circuit' };
    // time for others to push the same
    if (input === 'at once') await new Promise((done) => setTimeout(done, 200));
    if (proof === proofOf('broken')) throw new Error('the verifier broke');
    if (proof === proofOf(input)) return { verdict: 'accepted' };
    return { verdict: 'rejected', reason: 'it is not the proof of this input' };
  },
  inputDefect: (_statement, input) => (input === 'misfit' ? 'not two numbers' : undefined),
};

export const TERMS: MarketTerms = {
  ...DEFAULT_TERMS,
  openingBalance: 1_000_000,
  generationTimeoutMs: 600_000,
  tokenLifetimeMs: 3_600_000,
};

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: documents of any shape, looked into by tests
  body: any;
}

export interface Client {
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** Pushes an order to `bid/`, …, and reads it again: a match shows only then. The answer of a push that is refused. */
  place(collection: string, order: object): Promise<Answer>;
}

export interface TestMarket extends AsyncDisposable {
  url: string;
  pool: Pool;
  clock: { now: number };
  /** Without credentials. */
  anonymous: Client;
  /** With an `Authorization` header. */
  as(authorization: string): Client;
  /** A new user, signed in. */
  user(name: string): Promise<Client & { jwt: string }>;
}

export const PREFIX = '/_db/market//v0_0/';

export function clientOf(url: string, authorization?: string): Client {
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
    const target = path.startsWith('/') ? path : `${PREFIX}${path}`;
    const text = body === undefined || typeof body === 'string' ? body : jsonText(body);
    const response = await fetch(`${url}${target}`, { method, headers, ...(text === undefined ? {} : { body: text }) });
    const answer = await response.text();
    return { status: response.status, body: answer === '' ? undefined : JSON.parse(answer) };
  };
  const get = (path: string): Promise<Answer> => call('GET', path);
  const post = (path: string, body: unknown): Promise<Answer> => call('POST', path, body);
  const place = async (collection: string, order: object): Promise<Answer> => {
    const pushed = await post(collection, order);
    return pushed.status === 200 ? get(`${collection}${pushed.body._key}`) : pushed;
  };
  return { call, get, post, place };
}

export const configOf = (databaseUrl: string, terms: Partial<MarketTerms> = {}): MarketConfig => ({
  databaseUrl,
  http: { host: '127.0.0.1', port: 0 },
  maxConnections: 10,
  expiryIntervalMs: 20,
  terms: { ...TERMS, ...terms },
});

export async function startMarket(postgres: TestPostgres, terms: Partial<MarketTerms> = {}): Promise<TestMarket> {
  const databaseUrl = await postgres.emptyDatabase();
  const clock = { now: Date.UTC(2023, 4, 1) };
  const stop = new AbortController();
  const ready = Promise.withResolvers<number>();
  const running = runMarket({
    config: configOf(databaseUrl, terms),
    verifier: toyVerifier,
    statements: [{ key: STATEMENT_KEY, sender: 'nilfoundation', statement: STATEMENT }],
    log: pino({ level: 'silent' }),
    signal: stop.signal,
    clock: () => clock.now,
    onReady: ready.resolve,
  });
  running.catch(ready.reject);
  const url = `http://127.0.0.1:${await ready.promise}`;
  const pool = openMarketDb(databaseUrl, { max: 4 });
  const anonymous = clientOf(url);
  return {
    url,
    pool,
    clock,
    anonymous,
    as: (authorization) => clientOf(url, authorization),
    async user(name) {
      await anonymous.post('user/signup', { user: name, passwd: `pw-${name}`, email: `${name}@example.org` });
      const { body } = await anonymous.post('/_open/auth', { username: name, password: `pw-${name}` });
      return { ...clientOf(url, `Bearer ${body.jwt}`), jwt: body.jwt };
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
      stop.abort(new Error('test ends'));
      await running;
    },
  };
}

/** Violations of what always holds: balances sum to nothing, each is the sum of its transfers, `blocked` is what open orders hold. */
export async function ledgerFaults(pool: Pool): Promise<object[]> {
  const { rows } = await pool.query(`
    SELECT 'sum' AS fault, '' AS owner, sum(balance)::text AS is, '0' AS should FROM accounts HAVING sum(balance) <> 0
    UNION ALL
    SELECT 'transfers ' || kind, owner, balance::text, t.total::text FROM accounts a, LATERAL (
      SELECT coalesce(sum(CASE WHEN credit = a.id THEN amount ELSE -amount END), 0) AS total
      FROM transfers WHERE a.id IN (debit, credit)) t WHERE t.total <> a.balance
    UNION ALL
    SELECT 'blocked', owner, balance::text, o.held::text FROM accounts a, LATERAL (
      SELECT coalesce(sum(blocked), 0) AS held FROM orders WHERE sender = a.owner) o
    WHERE kind = 'blocked' AND o.held <> a.balance
    UNION ALL
    SELECT 'held by a closed order', key::text, blocked::text, '0' FROM orders
    WHERE status IN ('completed', 'withdrawn') AND blocked <> 0
    UNION ALL
    SELECT 'pair', b.key::text, b.counterpart_key::text, a.counterpart_key::text
    FROM orders b LEFT JOIN orders a ON a.key = b.counterpart_key AND a.status = 'processing'
    WHERE b.status = 'processing' AND a.counterpart_key IS DISTINCT FROM b.key
    UNION ALL
    SELECT 'matches', o.key::text, m.n::text, '1' FROM orders o, LATERAL (
      SELECT count(*) AS n FROM matches WHERE ended_on IS NULL AND o.key IN (bid_key, ask_key)) m
    WHERE m.n <> CASE o.status WHEN 'processing' THEN 1 ELSE 0 END
    UNION ALL
    SELECT 'missed match', b.key::text, a.key::text, '' FROM orders b JOIN orders a USING (statement_key, statement_subkey)
    WHERE b.side = 'bid' AND a.side = 'ask' AND b.status = 'created' AND a.status = 'created' AND a.cost <= b.cost
      AND (a.eval_time IS NULL OR b.eval_time IS NULL OR a.eval_time <= b.eval_time)`);
  return rows;
}

/** A market for the tests of a file; at its end the ledger is checked. */
export function useMarket(ready: (market: TestMarket) => void | Promise<void>, terms: Partial<MarketTerms> = {}): void {
  const stack = new AsyncDisposableStack();
  let market: TestMarket;
  beforeAll(async () => {
    market = stack.use(await startMarket(stack.use(await startPostgres()), terms));
    await ready(market);
  });
  afterAll(async () => {
    expect(await ledgerFaults(market.pool)).toEqual([]);
    await stack.disposeAsync();
  });
}

/** An order that nothing is wrong with. */
export const bid = (more: object = {}) => ({ statement_key: STATEMENT_KEY, cost: 2, input: [1, 2], ...more });

/** An answer that is an error. */
export const error = (status: number, errorNum: number, errorMessage: unknown) => ({
  status,
  body: { error: true, errorNum, errorMessage, code: status },
});

export { startPostgres, type TestPostgres };
