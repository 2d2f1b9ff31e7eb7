/** The requests of the client, byte for byte as a recorder gets them: those of upstream's scripts. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createMarketClient,
  type MarketClient,
  MarketResponseError,
  MarketUnreachableError,
} from '../../../../systems/proof-market/protocol/client/client.ts';

interface Recorded {
  request: string;
  authorization: string | undefined;
  type: string | undefined;
  body: string;
}

const signal = AbortSignal.timeout(60_000);
const credentials = { username: 'alice', password: 'secret' };
let recorded: Recorded[];
/** Answers to come; the last one stays. */
let answers: { status?: number; body: string }[];
const server = createServer(
  (request, response) => void answer(request).then(({ status = 200, body }) => response.writeHead(status).end(body)),
);
let url: string;

async function answer(request: IncomingMessage): Promise<{ status?: number; body: string }> {
  const { authorization, 'content-type': type } = request.headers;
  recorded.push({ request: `${request.method} ${request.url}`, authorization, type, body: await text(request) });
  if (request.url === '/_open/auth') return { body: `{"jwt":"token-${logins()}"}` };
  return answers.length > 1 ? answers.shift()! : answers[0]!;
}
const logins = (): number => recorded.filter(({ request }) => request === 'POST /_open/auth').length;

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => new Promise((done) => server.close(done)));
beforeEach(() => {
  recorded = [];
  answers = [{ body: '{"_key":"5"}' }];
});

const PREFIX = '/_db/market//v0_0';
type Act = (client: MarketClient) => Promise<unknown>;

describe.each([
  { vocabulary: 'bid', bid: 'bid', ask: 'ask', bidKey: 'bid_key', askKey: 'ask_key' },
  { vocabulary: 'request', bid: 'request', ask: 'proposal', bidKey: 'request_key', askKey: 'proposal_key' },
] as const)('in the vocabulary of $vocabulary', ({ vocabulary, bid, ask, bidKey, askKey }) => {
  const order = { statement_key: '32326', cost: 2, input: { input: '1\n11' } };
  test.each<[string, Act, string?]>([
    [
      `POST ${PREFIX}/${bid}/`,
      (c) => c.bids.push(order, signal),
      '{"statement_key":"32326","cost":2,"input":{"input":"1\\n11"}}',
    ],
    [
      `POST ${PREFIX}/${ask}/`,
      (c) => c.asks.push({ statement_key: '32326', cost: 2 }, signal),
      '{"statement_key":"32326","cost":2}',
    ],
    [`GET ${PREFIX}/${bid}/16153352`, (c) => c.bids.get('16153352', signal)],
    [`GET ${PREFIX}/${ask}/16153923`, (c) => c.asks.get('16153923', signal)],
    [
      `GET ${PREFIX}/${bid}/?q=[%7B%22key%22:%22status%22,%22value%22:%22created%22%7D]&limit=100`,
      (c) => c.bids.list({ q: [{ key: 'status', value: 'created' }], limit: 100 }, signal),
    ],
    [`DELETE ${PREFIX}/${ask}/5`, (c) => c.asks.withdraw('5', signal)],
    [`POST ${PREFIX}/proof`, (c) => c.proofs.push('0xab', { askKey: '7' }, signal), `{"proof":"0xab","${askKey}":"7"}`],
    [`POST ${PREFIX}/proof`, (c) => c.proofs.push('0xab', { bidKey: '6' }, signal), `{"proof":"0xab","${bidKey}":"6"}`],
    [
      `GET ${PREFIX}/proof/?q=[%7B%22key%22:%22${bidKey}%22,%22value%22:%226%22%7D]&full=true`,
      (c) => c.proofs.ofBid('6', signal),
    ],
  ])('%s', async (request, act, body = '') => {
    await act(createMarketClient({ url, credentials, vocabulary }));
    const type = body === '' ? undefined : 'application/json';
    expect(recorded).toEqual([
      {
        request: 'POST /_open/auth',
        authorization: undefined,
        type: 'application/json',
        body: '{"username":"alice","password":"secret"}',
      },
      { request, authorization: 'Bearer token-1', type, body },
    ]);
  });
});

test.each<[string, Act, string?]>([
  [`GET ${PREFIX}/statement/`, (c) => c.statements.list(signal)],
  [`GET ${PREFIX}/statement/32326`, (c) => c.statements.get('32326', signal)],
  [`POST ${PREFIX}/statement/`, (c) => c.statements.push({ name: 'x' }, signal), '{"name":"x"}'],
  [`GET ${PREFIX}/proof/9?full=true`, (c) => c.proofs.get('9', signal)],
  [
    `POST ${PREFIX}/producer/register`,
    (c) => c.registerProducer({ description: 'Generic Producer' }, signal),
    '{"description":"Generic Producer"}',
  ],
  [`GET ${PREFIX}/user/alice/balance`, (c) => c.balance('alice', signal)],
  [`GET ${PREFIX}/book/32326/?dc=0.5&dt=10`, (c) => c.book('32326', { dc: 0.5, dt: 10 }, signal)],
  [`GET ${PREFIX}/top`, (c) => c.top(signal)],
  // what a key must not be able to say
  [`GET ${PREFIX}/statement/..%2Fuser%3Fa`, (c) => c.statements.get('../user?a', signal)],
])('%s', async (request, act, body = '') => {
  await act(createMarketClient({ url: url.slice(0, -1), credentials }));
  expect(recorded.at(-1)).toMatchObject({ request, body, authorization: 'Bearer token-1' });
});

test('signing up needs no token', async () => {
  await createMarketClient({ url, credentials }).signup({ user: 'bob', passwd: 'x', email: 'b@x' }, signal);
  expect(recorded).toMatchObject([
    {
      request: `POST ${PREFIX}/user/signup`,
      authorization: undefined,
      body: '{"user":"bob","passwd":"x","email":"b@x"}',
    },
  ]);
});

test('one token for all calls, another when it has expired', async () => {
  const client = createMarketClient({ url, credentials });
  await Promise.all([client.top(signal), client.top(signal)]);
  expect(logins()).toBe(1);
  answers = [
    { status: 401, body: '{"error":true,"errorNum":401,"errorMessage":"not authorized","code":401}' },
    { body: '[]' },
  ];
  expect(await client.top(signal)).toEqual([]);
  expect(recorded.at(-1)?.authorization).toBe('Bearer token-2');
});

test('a token that is never taken is an error after one more login', async () => {
  answers = [{ status: 401, body: '{"errorMessage":"not authorized"}' }];
  await expect(createMarketClient({ url, credentials }).top(signal)).rejects.toMatchObject({ status: 401 });
  expect(logins()).toBe(2);
});

test('numbers beyond 2^53 come and go exactly', async () => {
  const large = 2n ** 254n;
  answers = [{ body: `{"_key":"5","input":[{"field":${large}}]}` }];
  const client = createMarketClient({ url, credentials });
  const bid = await client.bids.push({ statement_key: '1', cost: 1, input: [{ field: large }] }, signal);
  expect(bid.input).toEqual([{ field: large }]);
  expect(recorded.at(-1)?.body).toContain(`[{"field":${large}}]`);
});

describe('an answer other than 200', () => {
  test.each([
    [
      404,
      '{"error":true,"errorNum":1202,"errorMessage":"document not found","code":404}',
      /404 document not found/,
      1202,
    ],
    [201, '{}', /201 \{\}/, undefined],
    [502, '<html>', /502 <html>/, undefined],
  ])('%i %s', async (status, body, message, errorNum) => {
    answers = [{ status, body }];
    const error: unknown = await createMarketClient({ url })
      .bids.get('5', signal)
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MarketResponseError);
    expect(error).toMatchObject({ status, errorNum, message: expect.stringMatching(message) });
  });

  test('or 200 with something that is not JSON', async () => {
    answers = [{ body: '<html>' }];
    await expect(createMarketClient({ url }).top(signal)).rejects.toThrow(/not JSON/);
  });
});

test('a market that is not there is worth another try', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((done) => gone.close(done));
  const client = createMarketClient({ url: `http://127.0.0.1:${port}`, credentials });
  await expect(client.top(signal)).rejects.toThrow(MarketUnreachableError);
  await expect(client.top(signal)).rejects.toThrow(
    `the market at http://127.0.0.1:${port} does not answer: ECONNREFUSED`,
  );
});

test('an abort is passed on as it is', async () => {
  const reason = new Error('stop');
  await expect(createMarketClient({ url }).top(AbortSignal.abort(reason))).rejects.toBe(reason);
});
