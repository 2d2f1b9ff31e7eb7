/** Requests of the toolchain's scripts of different ages that ask for more than the walk-through does. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type Client, proofOf, STATEMENT_KEY, type TestMarket, useMarket } from './harness.ts';

let market: TestMarket;
let requester: Client;
let producer: Client;
let other: Client;

useMarket(async (made) => {
  market = made;
  requester = await market.user('requester');
  producer = await market.user('producer');
  other = await market.user('other');
});

describe('the proof of a bid', () => {
  // the first proof_tools.py knows no `full`, and writes the text of the first proof in the list to its file
  test.each(['bid_key', 'request_key'])(
    'by %s has its text without "full" too, for those who may have it',
    async (key) => {
      const { body: bid } = await requester.post('bid/', { statement_key: STATEMENT_KEY, cost: 2, input: key });
      const { body: ask } = await producer.place('ask/', { statement_key: STATEMENT_KEY, cost: 2 });
      expect(ask.bid_key).toBe(bid._key);
      await producer.post('proof', { proof: proofOf(key), ask_key: ask._key, bid_key: null });
      const { body: again } = await requester.post('bid/', { statement_key: STATEMENT_KEY, cost: 2, input: key });
      const list = async (client: Client, bidKey: string, more = ''): Promise<unknown[]> =>
        (await client.get(`proof/?q=[{"key" : "${key}", "value" : "${bidKey}"}]${more}`)).body;
      const withText = [expect.objectContaining({ bid_key: bid._key, proof: proofOf(key) })];
      expect(await list(requester, bid._key)).toEqual(withText);
      expect(await list(producer, bid._key)).toEqual(withText);
      expect(await list(requester, again._key)).toEqual(withText);
      const without = [expect.not.objectContaining({ proof: expect.anything() })];
      expect(await list(other, bid._key)).toEqual(without);
      expect(await list(requester, bid._key, '&full=false')).toEqual(without);
      expect((await requester.get('proof/')).body[0]).not.toHaveProperty('proof');
      const two = `[{"key":"${key}","value":"${bid._key}"},{"key":"sender","value":"producer"}]`;
      expect((await requester.get(`proof/?q=${two}`)).body).toEqual(withText);
      const differ = `[{"key":"${key}","value":"${bid._key}","op":"~"}]`;
      for (const proof of (await requester.get(`proof/?q=${differ}`)).body) expect(proof).not.toHaveProperty('proof');
    },
  );
});

test('what is not there is named as the route names it', async () => {
  for (const collection of ['bid', 'request', 'ask', 'proposal']) {
    const missing = { status: 404, body: { errorNum: 1202, errorMessage: `${collection} 77 not found` } };
    expect(await other.get(`${collection}/77`)).toMatchObject(missing);
    expect(await other.call('DELETE', `${collection}/77`)).toMatchObject(missing);
  }
  const { body } = await requester.post('request/', { statement_key: STATEMENT_KEY, cost: 0.01, input: 'mine' });
  expect(await other.call('DELETE', `request/${body._key}`)).toMatchObject({
    status: 403,
    body: { errorMessage: `request ${body._key} is not yours` },
  });
  await requester.call('DELETE', `request/${body._key}`);
  expect(await requester.call('DELETE', `request/${body._key}`)).toMatchObject({
    status: 409,
    body: {
      errorMessage: `request ${body._key} is withdrawn: only an order that is created can be withdrawn`,
    },
  });
});

describe('a token is renewed', () => {
  test.each(['{"user":"other"}', '{"username":"other"}', '"other"', '{}', undefined])(
    'with the body %s',
    async (body) => {
      const answer = await other.call('POST', 'user/renew', body);
      expect(answer).toEqual({ status: 200, body: { jwt: expect.any(String) } });
    },
  );

  test.each(['"requester"', '{"user":"requester"}'])('for its own user only: %s', async (body) => {
    expect((await other.call('POST', 'user/renew', body)).status).toBe(403);
  });

  test.each(['other', '5', '["other"]'])('not with the body %s', async (body) => {
    expect((await other.call('POST', 'user/renew', body)).status).toBe(400);
  });
});

describe('a statement', () => {
  // the first prepare_statement.py
  const first = {
    name: 'first',
    description: 'description',
    url: 'url',
    input_description: 'input_description',
    type: 'placeholder-zkllvm',
    isPrivate: false,
    verification_key: 'verification_key',
    statement: '; ModuleID = "x"',
  };

  test('of the first form is published with a definition', async () => {
    const { status, body } = await other.post('statement/', first);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'first',
      definition: { proving_key: '; ModuleID = "x"', verification_key: 'verification_key' },
    });
    expect(body).not.toHaveProperty('statement');
  });

  test('of the first form without a key is refused', async () => {
    const { verification_key: _, ...rest } = first;
    expect(await other.post('statement/', rest)).toMatchObject({
      status: 400,
      body: { errorMessage: '"definition.verification_key" must be a text or an object' },
    });
  });
});

test.each([
  ['a blank in the path', 'GET /_db/market/v0_0/bid/?q=[{"key" : "status"}] HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['endless headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
])('a request that is no HTTP gets an error of the same shape: %s', async (_name, request, code) => {
  const socket = connect(Number(new URL(market.url).port), '127.0.0.1');
  socket.end(request);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${code} `));
  expect(head.toLowerCase()).toContain('content-type: application/json; charset=utf-8');
  expect(JSON.parse(body)).toEqual({ error: true, errorNum: code, errorMessage: expect.any(String), code });
});
