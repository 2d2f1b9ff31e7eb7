import { describe, expect, test } from 'vitest';
import { bid, type Client, error, proofOf, STATEMENT_KEY, type TestMarket, useMarket } from './harness.ts';

let market: TestMarket;
let alice: Client;
let bob: Client;
let mallory: Client;

useMarket(async (made) => {
  market = made;
  alice = await market.user('alice');
  bob = await market.user('bob');
  mallory = await market.user('mallory');
});

/** A matched pair of alice's bid and bob's ask. */
async function pair(input: unknown, cost = 2): Promise<{ bidKey: string; askKey: string }> {
  const { body } = await alice.post('bid/', bid({ input, cost }));
  const ask = await bob.place('ask/', { statement_key: STATEMENT_KEY, cost });
  expect(ask.body.bid_key).toBe(body._key);
  return { bidKey: body._key, askKey: ask.body._key };
}

describe('proofs', () => {
  test('are taken from the producer of the match only', async () => {
    const { bidKey, askKey } = await pair('ours');
    const proof = proofOf('ours');
    expect(await mallory.post('proof', { proof, ask_key: askKey })).toEqual(
      error(403, 11, `ask ${askKey} is not yours`),
    );
    for (const client of [mallory, alice]) {
      expect(await client.post('proof', { proof, bid_key: bidKey })).toEqual(
        error(403, 11, `bid ${bidKey} is matched with an ask that is not yours`),
      );
    }
    expect(await mallory.call('DELETE', `bid/${bidKey}`)).toEqual(error(403, 11, `bid ${bidKey} is not yours`));
    expect(await alice.call('DELETE', `bid/${bidKey}`)).toEqual(
      error(409, 1200, `bid ${bidKey} is processing: only an order that is created can be withdrawn`),
    );
    const done = await bob.post('proof', { proof, bid_key: bidKey, ask_key: askKey });
    expect(done.status).toBe(200);
    expect(await bob.post('proof', { proof, ask_key: askKey })).toEqual(
      error(409, 1200, `ask ${askKey} is completed: proofs are taken for orders that are processing`),
    );
    expect(await mallory.get(`proof/${done.body._key}?full=true`)).toEqual(
      error(403, 11, `proof ${done.body._key} is not yours: request it to buy it`),
    );
    expect((await mallory.get(`proof/?q=[{"key":"bid_key","value":"${bidKey}"}]&full=true`)).body).toEqual([]);
    const known = await mallory.get(`proof/?q=[{"key":"bid_key","value":"${bidKey}"}]`);
    expect(known.body).toMatchObject([{ _key: done.body._key }]);
    expect(known.body[0]).not.toHaveProperty('proof');
  });

  test('twice at once: one is paid', async () => {
    const { askKey } = await pair('at once');
    const before = (await bob.get('user/bob/balance')).body.balance;
    const body = { proof: proofOf('at once'), ask_key: askKey };
    const answers = await Promise.all([1, 2, 3, 4].map(() => bob.post('proof', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    expect((await bob.get('user/bob/balance')).body.balance).toBe(before + 20 + 1);
  });

  test('of another input cost the deposit, the match and rating', async () => {
    const { bidKey, askKey } = await pair('right', 3);
    expect(await bob.post('proof', { proof: proofOf('other'), ask_key: askKey })).toEqual(
      error(400, 400, `the proof is not valid for bid ${bidKey}: it is not the proof of this input`),
    );
    const after = (await bob.get('user/bob/balance')).body;
    expect((await bob.get(`ask/${askKey}`)).body).toMatchObject({ status: 'withdrawn', bid_key: bidKey });
    const open = (await alice.get(`bid/${bidKey}`)).body;
    expect(open.status).toBe('created');
    expect(open).not.toHaveProperty('ask_key');
    const next = await bob.place('ask/', { statement_key: STATEMENT_KEY, cost: 3 });
    expect(next.body).toMatchObject({ status: 'processing', bid_key: bidKey });
    expect((await bob.get('user/bob/balance')).body.balance).toBe(after.balance - 30);
    expect((await bob.post('proof', { proof: proofOf('right'), ask_key: next.body._key })).status).toBe(200);
    expect((await bob.get('user/bob/balance')).body).toEqual({ user: 'bob', balance: after.balance + 2, blocked: 0 });
    const { rows } = await market.pool.query(
      `SELECT change, reason FROM ratings WHERE ask_key IN ($1, $2) ORDER BY id`,
      [askKey, next.body._key],
    );
    expect(rows).toEqual([
      { change: -10, reason: 'wrong' },
      { change: 1, reason: 'completed' },
    ]);
    const penalty = await market.pool.query(
      `SELECT amount FROM transfers WHERE reason = 'penalty' AND order_key = $1`,
      [askKey],
    );
    expect(Number(penalty.rows[0].amount)).toBe(30);
  });

  test('that no verifier can check change nothing', async () => {
    const definition = { proving_key: 'define i32 @main()', verification_key: '' };
    const { body } = await alice.post('statement/', { name: 'unverifiable', type: 'placeholder-zkllvm', definition });
    const request = await alice.post('bid/', bid({ statement_key: body._key }));
    const ask = await bob.place('ask/', { statement_key: body._key, cost: 2 });
    expect(ask.body.bid_key).toBe(request.body._key);
    expect(await bob.post('proof', { proof: '0x00', ask_key: ask.body._key })).toEqual(
      error(501, 9, `proofs of statement ${body._key} cannot be verified here: no circuit`),
    );
    expect((await bob.get(`ask/${ask.body._key}`)).body.status).toBe('processing');
  });

  test('whose verification broke change nothing', async () => {
    const { askKey } = await pair('fine');
    expect(await bob.post('proof', { proof: proofOf('broken'), ask_key: askKey })).toEqual(
      error(500, 500, 'internal error'),
    );
    expect((await bob.get(`ask/${askKey}`)).body.status).toBe('processing');
    expect((await bob.post('proof', { proof: proofOf('fine'), ask_key: askKey })).status).toBe(200);
  });

  test.each([
    [{ ask_key: '1' }, 400, '"proof" must be hexadecimal text that begins with 0x'],
    [{ ask_key: '1', proof: 'ab' }, 400, '"proof" must be hexadecimal text that begins with 0x'],
    [{ ask_key: '1', proof: '0x1' }, 400, '"proof" must be hexadecimal text that begins with 0x'],
    [{ ask_key: '1', proof: "0x00'" }, 400, '"proof" must be hexadecimal text that begins with 0x'],
    [{ proof: '0x00' }, 400, 'one of "bid_key", "ask_key", "request_key", "proposal_key" is needed'],
    [{ proof: '0x00', ask_key: "1' OR 1=1" }, 400, '"ask_key" must be a key: decimal digits'],
    [{ proof: '0x00', ask_key: '1' }, 404, 'ask 1 not found'],
    [{ proof: '0x00', request_key: '1' }, 404, 'bid 1 not found'],
  ])('%j', async (body, status, message) => {
    expect(await bob.post('proof', body)).toMatchObject({ status, body: { errorMessage: message } });
  });

  test('for orders that are not each other’s, or not matched', async () => {
    const { askKey } = await pair('unmatched');
    const alone = await alice.post('bid/', bid({ cost: 0.01 }));
    expect(await bob.post('proof', { proof: '0x00', ask_key: askKey, bid_key: alone.body._key })).toEqual(
      error(400, 400, `ask ${askKey} and bid ${alone.body._key} are not matched`),
    );
    expect(await bob.post('proof', { proof: '0x00', bid_key: alone.body._key })).toEqual(
      error(409, 1200, `bid ${alone.body._key} is created: proofs are taken for orders that are processing`),
    );
    await bob.post('proof', { proof: proofOf('unmatched'), ask_key: askKey });
  });
});
