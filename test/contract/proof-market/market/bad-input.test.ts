import { describe, expect, test } from 'vitest';
import { bid, type Client, error, STATEMENT_KEY, type TestMarket, useMarket } from './harness.ts';

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

const counts = async (): Promise<object> =>
  (
    await market.pool.query(
      'SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM transfers) AS transfers',
    )
  ).rows[0];

describe('orders that are refused leave nothing behind', () => {
  const COST = '"cost" must be a number above 0 and at most 1000000000000';
  test.each([
    ['cost 0', { cost: 0 }, COST],
    ['a negative cost', { cost: -1 }, COST],
    ['a huge cost', { cost: 1e13 }, COST],
    ['a cost too small to pay', { cost: 1e-19 }, COST],
    ['a cost as text', { cost: '2' }, COST],
    ['a cost beyond 2^53', { cost: 12345678901234567890n }, COST],
    ['no cost', { cost: null }, COST],
    ['cost NaN as an object', { cost: { $NaN: true } }, COST],
    ['an eval_time of 0', { eval_time: 0 }, '"eval_time" must be a number of minutes above 0'],
    ['a wait_period as text', { wait_period: 'long' }, '"wait_period" must be a number of minutes above 0'],
    ['a huge wait_period', { wait_period: 1e300 }, '"wait_period" must be a number of minutes above 0'],
    [
      'a sub-key that is an object',
      { statement_subkey: {} },
      '"statement_subkey" must be a text of 1 to 64 characters',
    ],
    ['no statement', { statement_key: null }, '"statement_key" is missing'],
    ['SQL as statement', { statement_key: '1; DROP TABLE orders' }, '"statement_key" must be a key: decimal digits'],
    ['an input for another circuit', { input: 'misfit' }, '"input" does not fit statement 32326: not two numbers'],
    ['more than it has', { cost: 1_000_001 }, 'not enough tokens: alice needs 1000001 and has 1000000'],
  ])('%s', async (_name, more, message) => {
    const before = await counts();
    expect(await alice.post('bid/', bid(more))).toEqual(error(400, 400, message));
    expect(await alice.post('request/', bid(more))).toEqual(error(400, 400, message));
    expect(await counts()).toEqual(before);
  });

  test('an ask without its deposit', async () => {
    expect(await alice.post('ask/', { statement_key: STATEMENT_KEY, cost: 100_001 })).toEqual(
      error(400, 400, 'not enough tokens: alice needs 1000010 and has 1000000'),
    );
  });

  test('an unknown statement', async () => {
    expect(await alice.post('bid/', bid({ statement_key: '999' }))).toEqual(
      error(404, 1202, 'statement 999 not found'),
    );
    expect(await alice.post('ask/', { statement_key: 999, cost: 1 })).toEqual(
      error(404, 1202, 'statement 999 not found'),
    );
  });

  test.each(['{"cost": NaN}', '{"cost": 1e999}', '{', '', '\0'])('a body that is no JSON: %j', async (text) => {
    expect(await alice.post('bid/', text)).toEqual(error(400, 600, expect.stringMatching(/^expecting JSON: /)));
  });

  test.each(['[]', '"text"', 'null', '5'])('a body that is no object: %s', async (text) => {
    expect(await alice.post('bid/', text)).toEqual(error(400, 400, 'expected a JSON object'));
  });

  test('nesting without end', async () => {
    const deep = `${'['.repeat(300_000)}${']'.repeat(300_000)}`;
    const answer = await alice.post('bid/', `{"statement_key":"32326","cost":1,"input":${deep}}`);
    expect(answer).toMatchObject({ status: 400, body: { error: true } });
  });

  test.each([
    ['bid/', () => JSON.stringify(bid({ input: 'x'.repeat(10_000_000) }))],
    ['statement/', () => JSON.stringify({ name: 'x', definition: 'x'.repeat(40_000_000) })],
    ['/_open/auth', () => 'x'.repeat(10_000_000)],
  ])('10 MB and more for %s', async (path, body) => {
    expect(await alice.post(path, body())).toEqual(error(413, 413, 'the body is larger than 9999999 bytes'));
  });

  test('while a body just below is taken', async () => {
    const input = 'x'.repeat(9_900_000);
    const { status, body } = await alice.post('bid/', bid({ input, cost: 0.5 }));
    expect(status).toBe(200);
    expect(body.input).toBe(input);
    expect((await alice.call('DELETE', `bid/${body._key}`)).status).toBe(200);
  });
});

describe('what a client writes stays data', () => {
  test.each([
    ['SQL', "'; DROP TABLE orders; --"],
    [
      'names with a meaning in JavaScript',
      { ['__proto__']: { admin: true }, constructor: { prototype: 1 }, $where: '1' },
    ],
    ['characters of all kinds', '\0\u0001 \ud800 %s $1 \\'],
    ['a field element', [{ field: 28948022309329048855892746252171976963363056481941560715954676764349967630336n }]],
    ['null', null],
    ['an object', { b: 1.5, a: [true, '1e400'] }],
  ])('%s as input comes back as it was', async (_name, input) => {
    const { body } = await alice.post('bid/', bid({ input, cost: 0.001 }));
    const text = await fetch(`${market.url}/_db/market/v0_0/bid/${body._key}`, {
      headers: { authorization: `Basic ${btoa('alice:pw-alice')}` },
    }).then((response) => response.text());
    const expected = JSON.stringify(input, (_key, value) => (typeof value === 'bigint' ? `<${value}>` : value));
    expect(text).toContain(`"input":${expected.replaceAll(/"<(\d+)>"/g, '$1')}`);
    await alice.call('DELETE', `bid/${body._key}`);
  });

  test('a filter takes fields of the document only, and its values are values', async () => {
    const { body } = await alice.post('bid/', bid({ input: 'filter', cost: 0.25 }));
    const list = async (q: unknown): Promise<unknown> =>
      (await alice.get(`bid/?q=${encodeURIComponent(JSON.stringify(q))}`)).body;
    const keys = async (q: unknown): Promise<string[]> =>
      ((await list(q)) as { _key: string }[]).map(({ _key }) => _key);
    expect(await keys([{ key: 'status', value: "created' OR '1'='1" }])).toEqual([]);
    expect(await keys([{ key: '_key', value: '0 OR 1=1' }])).toEqual([]);
    expect(await keys([{ key: 'cost', value: '1; DELETE FROM orders' }])).toEqual([]);
    expect(await keys([{ key: '_key', value: body._key }])).toEqual([body._key]);
    expect(
      await keys([
        { key: 'cost', value: 0.24, op: '>' },
        { key: 'cost', value: 0.25 },
        { key: 'status', value: 'completed', op: '~' },
      ]),
    ).toEqual([body._key]);
    expect(
      await keys([
        { key: 'proof_key', value: null },
        { key: '_key', value: Number(body._key) },
      ]),
    ).toEqual([body._key]);
    expect(
      await keys([
        { key: 'sender', value: 'bob' },
        { key: '_key', value: body._key },
      ]),
    ).toEqual([]);
    for (const key of ['password_hash', '1=1; --', '__proto__', 'toString', 5, null, undefined]) {
      expect(await list([{ key, value: 1 }])).toMatchObject({ error: true, code: 400 });
    }
    expect(await list([{ key: 'cost', value: 1, op: '<; --' }])).toMatchObject({ code: 400 });
    expect(await list([{ key: 'cost', value: { a: 1 } }])).toMatchObject({ code: 400 });
    expect(await list({})).toMatchObject({ code: 400 });
    expect((await alice.get('bid/?q=[{')).body).toMatchObject({ code: 400 });
    for (const limit of ['-1', '1;', '1e3', '99999999999']) {
      expect((await alice.get(`bid/?limit=${limit}`)).status).toBe(400);
    }
    await alice.call('DELETE', `bid/${body._key}`);
  });

  test.each(['x', '1%3BDROP', '-1', '0', '1'.repeat(30), '%00'])('key %s names no document', async (key) => {
    for (const collection of ['bid', 'request', 'ask', 'proposal', 'proof', 'statement']) {
      expect((await alice.get(`${collection}/${key}`)).status).toBe(404);
    }
    expect((await alice.call('DELETE', `bid/${key}`)).status).toBe(404);
  });

  test('a bid is no ask', async () => {
    const { body } = await alice.post('bid/', bid({ cost: 0.01 }));
    expect(await alice.get(`ask/${body._key}`)).toEqual(error(404, 1202, `ask ${body._key} not found`));
    await alice.call('DELETE', `bid/${body._key}`);
  });
});

describe('statements', () => {
  const statement = {
    name: 'mine',
    type: 'placeholder-vanilla',
    definition: { proving_key: { a: 1 }, verification_key: 'v' },
  };

  test('private ones are reached by key only, by others', async () => {
    const { status, body } = await alice.post('statement/', { ...statement, isPrivate: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...statement, isPrivate: true, sender: 'alice', _id: `statement/${body._key}` });
    const listed = async (client: Client): Promise<boolean> =>
      (await client.get('statement/')).body.some(({ _key }: { _key: string }) => _key === body._key);
    expect(await listed(alice)).toBe(true);
    expect(await listed(bob)).toBe(false);
    expect((await bob.get(`statement/${body._key}`)).body).toEqual(body);
    const order = await bob.post('bid/', bid({ statement_key: body._key }));
    const lists = async (client: Client): Promise<number> =>
      (await client.get(`bid/?q=[{"key":"_key","value":"${order.body._key}"}]`)).body.length;
    expect([await lists(alice), await lists(bob), await lists(mallory)]).toEqual([1, 1, 0]);
    await bob.call('DELETE', `bid/${order.body._key}`);
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'a\0' }],
    ['type', { type: 5 }],
    ['definition', { definition: null }],
    ['definition', { definition: [] }],
    ['definition.proving_key', { definition: { verification_key: 'x' } }],
    ['isPrivate', { isPrivate: 'yes' }],
    ['childs', { childs: {} }],
  ])('a bad %s is named: %j', async (name, more) => {
    const { status, body } = await alice.post('statement/', { ...statement, ...more });
    expect(status).toBe(400);
    expect(body.errorMessage).toContain(`"${name}"`);
  });
});
