/** The reference's walk-through and the answer of every route, field by field. */
import { describe, expect, test } from 'vitest';
import { proofOf, STATEMENT_KEY, type TestMarket, useMarket } from './harness.ts';

let market: TestMarket;

useMarket(async (made) => {
  market = made;
});

const KEY = expect.stringMatching(/^\d+$/);
const REV = expect.stringMatching(/^_/);
const INPUT = { input: '1\n11' };

describe.each([
  { bid: 'bid', ask: 'ask', bidKey: 'bid_key', askKey: 'ask_key', requester: 'req1', producer: 'prod1' },
  {
    bid: 'request',
    ask: 'proposal',
    bidKey: 'request_key',
    askKey: 'proposal_key',
    requester: 'req2',
    producer: 'prod2',
  },
])('walk-through with the names $bid and $ask', ({ bid, ask, bidKey, askKey, requester: r, producer: p }) => {
  test('from bid to known proof', async () => {
    const requester = await market.user(r);
    const producer = await market.user(p);
    const input = { ...INPUT, of: bid };
    const now = market.clock.now;

    // 1: statements
    const statements = await requester.get('statement/');
    expect(statements).toEqual({
      status: 200,
      body: [
        {
          _key: '32326',
          _id: 'statement/32326',
          _rev: REV,
          name: 'arithmetic-example',
          description: 'sum and product',
          url: 'https://example.org',
          input_description: 'two numbers',
          type: 'placeholder-zkllvm',
          isPrivate: false,
          definition: { proving_key: 'pk', verification_key: 'vk' },
          childs: [],
          sender: 'nilfoundation',
          createdOn: expect.any(Number),
          updatedOn: expect.any(Number),
        },
      ],
    });
    expect(await requester.get('statement/32326')).toEqual({ status: 200, body: statements.body[0] });

    // 2, 3: a bid
    const pushed = await requester.post(`${bid}/`, { statement_key: STATEMENT_KEY, cost: 2, input });
    expect(pushed).toEqual({
      status: 200,
      body: {
        _key: KEY,
        _id: `${bid}/${pushed.body._key}`,
        _rev: REV,
        statement_key: '32326',
        input,
        cost: 2,
        eval_time: null,
        wait_period: null,
        sender: r,
        status: 'created',
        createdOn: now,
        updatedOn: now,
      },
    });
    const bidPath = `${bid}/${pushed.body._key}`;
    expect(await requester.get(bidPath)).toEqual(pushed);

    // 4: an ask, as it was stored
    const proposed = await producer.post(`${ask}/`, { statement_key: STATEMENT_KEY, cost: 2 });
    expect(proposed).toEqual({
      status: 200,
      body: {
        _key: KEY,
        _id: `${ask}/${proposed.body._key}`,
        _rev: REV,
        statement_key: '32326',
        cost: 2,
        eval_time: null,
        wait_period: null,
        sender: p,
        status: 'created',
        createdOn: now,
        updatedOn: now,
      },
    });
    // 5: both are matched
    const both = { bid_key: pushed.body._key, request_key: pushed.body._key };
    const matched = { ...proposed.body, _rev: REV, status: 'processing', ...both, matched_time: now };
    expect((await producer.get(`${ask}/${proposed.body._key}`)).body).toEqual(matched);
    const askKeys = { ask_key: proposed.body._key, proposal_key: proposed.body._key };
    expect((await producer.get(bidPath)).body).toEqual({
      ...pushed.body,
      _rev: REV,
      status: 'processing',
      ...askKeys,
    });
    expect((await requester.get(`user/${r}/balance`)).body).toEqual({ user: r, balance: 999_998, blocked: 2 });
    expect((await producer.get(`user/${p}/balance`)).body).toEqual({ user: p, balance: 999_980, blocked: 20 });

    // 8: the proof, three minutes later
    market.clock.now += 180_000;
    const proof = await producer.post('proof', { proof: proofOf(input), [askKey]: proposed.body._key });
    const document = {
      _key: KEY,
      _id: `proof/${proof.body._key}`,
      _rev: REV,
      ...both,
      ...askKeys,
      sender: p,
      statement_key: '32326',
      statement_name: 'arithmetic-example',
      input,
      generation_time: 3,
      createdOn: market.clock.now,
      updatedOn: market.clock.now,
      proof: proofOf(input),
    };
    expect(proof).toEqual({ status: 200, body: document });

    // 9: completed
    const done = { status: 'completed', proof_key: proof.body._key, generation_time: 3, updatedOn: market.clock.now };
    expect((await requester.get(bidPath)).body).toEqual({ ...pushed.body, ...askKeys, ...done, _rev: REV });
    expect((await producer.get(`${ask}/${proposed.body._key}`)).body).toEqual({ ...matched, ...done });
    // price 2: commission 1, of which the developer has no account; the deposit is back
    expect((await requester.get(`user/${r}/balance`)).body).toEqual({ user: r, balance: 999_998, blocked: 0 });
    expect((await producer.get(`user/${p}/balance`)).body).toEqual({ user: p, balance: 1_000_001, blocked: 0 });

    // 10: the proof, both ways
    expect((await requester.get(`proof/${proof.body._key}?full=true`)).body).toEqual(document);
    const { proof: _text, ...withoutText } = document;
    expect((await requester.get(`proof/${proof.body._key}`)).body).toEqual(withoutText);
    const byBid = `proof/?q=[{"key": "${bidKey}", "value": "${pushed.body._key}"}]&full=true`;
    expect((await requester.get(byBid)).body).toEqual([document]);
    expect((await requester.get('proof/owner')).body).toEqual([withoutText]);

    // 11: the same again, members in another order
    const again = await requester.post(`${bid}/`, {
      statement_key: STATEMENT_KEY,
      cost: 2,
      input: Object.fromEntries(Object.entries(input).reverse()),
    });
    expect(again).toMatchObject({
      status: 200,
      body: { status: 'completed', proof_key: proof.body._key, generation_time: 3 },
    });
    expect(again.body[askKey]).toBeUndefined();
    const bought = `proof/?q=[{"key":"${bidKey}","value":"${again.body._key}"}]&full=true`;
    expect((await requester.get(bought)).body).toEqual([document]);
    // of 1 after commission, a quarter goes to the producer, a quarter to the first requester, the rest back
    expect((await requester.get(`user/${r}/balance`)).body.balance).toBe(999_998 - 1 - 0.25);
    expect((await producer.get(`user/${p}/balance`)).body.balance).toBe(1_000_001.25);
  });
});

test('an open order is withdrawn by its sender, with its tokens; what a relayer sends comes back', async () => {
  const user = await market.user('leaver');
  const order = { statement_key: STATEMENT_KEY, cost: 7.25, input: 'x', eth_id: 5, eval_time: 3, wait_period: 1.5 };
  const pushed = await user.post('request/', order);
  expect(pushed.body).toMatchObject({ ...order, status: 'created' });
  const withdrawn = await user.call('DELETE', `request/${pushed.body._key}`);
  expect(withdrawn).toEqual({ status: 200, body: { ...pushed.body, _rev: REV, status: 'withdrawn' } });
  expect(withdrawn.body._rev).not.toBe(pushed.body._rev);
  expect((await user.get(`request/?q=[{"key":"eth_id","value":"5"}]`)).body).toEqual([withdrawn.body]);
  expect((await user.call('DELETE', `bid/${pushed.body._key}`)).body).toEqual({
    error: true,
    errorNum: 1200,
    errorMessage: `bid ${pushed.body._key} is withdrawn: only an order that is created can be withdrawn`,
    code: 409,
  });
  expect((await user.get('user/leaver/balance')).body).toEqual({ user: 'leaver', balance: 1_000_000, blocked: 0 });
});
