import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PREFIX, type TestMarket, useMarket } from './harness.ts';

let market: TestMarket;

useMarket(async (made) => {
  market = made;
});

const NOT_AUTHORIZED = {
  status: 401,
  body: { error: true, errorNum: 401, errorMessage: 'not authorized to execute this request', code: 401 },
};
const WRONG = { status: 401, body: { error: true, errorNum: 401, errorMessage: 'Wrong credentials', code: 401 } };

describe('sign-up', () => {
  test('answers as the service did', async () => {
    expect(await market.anonymous.post('user/signup', { user: 'Alice1', passwd: 'secret', email: 'a@b.c' })).toEqual({
      status: 200,
      body: { user: 'Alice1', active: true, extra: {}, error: false, code: 201 },
    });
  });

  test.each(['', 'a b', 'a-b', 'ä', "x'; DROP TABLE users; --", 'a\0b', 'x'.repeat(65), 5, null, {}, ['a']])(
    'name %j has the wrong format',
    async (user) => {
      expect(await market.anonymous.post('user/signup', { user, passwd: 'x', email: '' })).toEqual({
        status: 400,
        body: { code: 409, error: true, errorMessage: 'Inavlid format for username' },
      });
    },
  );

  test('a taken name is a duplicate, also for two at once', async () => {
    const signup = { user: 'twice', passwd: 'x', email: '' };
    const answers = await Promise.all([1, 2, 3].map(() => market.anonymous.post('user/signup', signup)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 500, 500]);
    expect(answers.find(({ status }) => status === 500)?.body).toEqual({
      error: true,
      errorNum: 1702,
      errorMessage: 'duplicate user',
      code: 500,
    });
  });

  test('a name is shown as taken or free', async () => {
    await market.user('taken');
    expect((await market.anonymous.call('HEAD', 'user/taken')).status).toBe(200);
    expect((await market.anonymous.call('HEAD', 'user/free')).status).toBe(404);
  });

  test('no password is kept as text', async () => {
    await market.user('hashed');
    const { rows } = await market.pool.query(`SELECT password_hash FROM users WHERE name = 'hashed'`);
    expect(rows[0].password_hash).toMatch(/^scrypt\$[\w-]{22}\$[\w-]{43}$/);
  });
});

describe('tokens', () => {
  test.each(['/_open/auth', 'user/signin'])('%s gives one for the right password only', async (path) => {
    await market.user('signer');
    const good = await market.anonymous.post(path, { username: 'signer', password: 'pw-signer' });
    expect(good).toEqual({ status: 200, body: { jwt: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) } });
    const claims = JSON.parse(Buffer.from(good.body.jwt.split('.')[1], 'base64url').toString());
    expect(claims).toMatchObject({ preferred_username: 'signer', exp: claims.iat + 3600 });
    for (const wrong of [
      { username: 'signer', password: 'x' },
      { username: 'nobody', password: 'pw-signer' },
      { username: 'signer' },
      { username: "' OR 1=1 --", password: 'x' },
      { username: { $ne: null }, password: { $ne: null } },
      { username: 'a\0', password: 'x' },
      {},
    ]) {
      expect(await market.anonymous.post(path, wrong)).toEqual(WRONG);
    }
  });

  test('open the routes that need one; what is none does not', async () => {
    const user = await market.user('opener');
    expect((await user.get('bid/')).status).toBe(200);
    const [head, claims] = user.jwt.split('.');
    const other = Buffer.from(JSON.stringify({ preferred_username: 'root', exp: 9e9 })).toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const secret = (await market.pool.query('SELECT value FROM settings')).rows[0].value;
    const forged = `${head}.${other}.${createHmac('sha256', secret).update(`${head}.${other}`).digest('base64url')}`;
    const wrong = [
      `Bearer ${head}.${claims}.${'A'.repeat(43)}`,
      `Bearer ${head}.${other}.${user.jwt.split('.')[2]}`,
      `Bearer ${none}.${claims}.`,
      // signed with the stolen secret, but never given out
      `Bearer ${forged}`,
      'Bearer ',
      'Bearer null',
      'Digest x',
      `Basic ${btoa('opener:wrong')}`,
      `Basic ${btoa("opener' --:x")}`,
    ];
    for (const authorization of wrong) expect(await market.as(authorization).get('bid/')).toEqual(NOT_AUTHORIZED);
    expect(await market.anonymous.get('bid/')).toEqual(NOT_AUTHORIZED);
  });

  test('expire, also for routes that need none', async () => {
    const user = await market.user('expirer');
    market.clock.now += 3_599_000;
    expect((await user.get('bid/')).status).toBe(200);
    market.clock.now += 1_000;
    expect(await user.get('bid/')).toEqual(NOT_AUTHORIZED);
    expect(await user.get('statement/')).toEqual(NOT_AUTHORIZED);
    expect(await user.post('bid/', { statement_key: '32326', cost: 1 })).toEqual(NOT_AUTHORIZED);
  });

  test('are renewed by who holds one', async () => {
    const user = await market.user('renewer');
    const { status, body } = await user.post('user/renew', { user: 'renewer' });
    expect(status).toBe(200);
    expect((await market.as(`Bearer ${body.jwt}`).get('ask/')).status).toBe(200);
    expect((await user.post('user/renew', { user: 'opener' })).status).toBe(403);
    expect(await market.anonymous.post('user/renew', { user: 'renewer' })).toEqual(NOT_AUTHORIZED);
  });

  test('Basic serves as well', async () => {
    await market.user('basic');
    const basic = market.as(`Basic ${btoa('basic:pw-basic')}`);
    expect(await basic.get('user/basic/balance')).toEqual({
      status: 200,
      body: { user: 'basic', balance: 1_000_000, blocked: 0 },
    });
    expect((await basic.get('user/basic/balance')).status).toBe(200);
  });

  test('the database holds none of them', async () => {
    const { jwt } = await market.user('secretive');
    const { rows } = await market.pool.query('SELECT * FROM sessions');
    expect(JSON.stringify(rows)).not.toContain(jwt.split('.')[2]);
    expect(rows.every(({ token_hash }) => token_hash.length === 32)).toBe(true);
  });

  test('a balance is shown to its owner only', async () => {
    const user = await market.user('curious');
    expect(await user.get('user/taken/balance')).toEqual({
      status: 403,
      body: { error: true, errorNum: 11, errorMessage: 'balances are shown to their owner', code: 403 },
    });
  });
});

describe('producers', () => {
  test('register and are found', async () => {
    const user = await market.user('maker');
    const eth_address = `0x${'ab'.repeat(20)}`;
    const answer = await user.post('producer/register', {
      description: 'Generic Producer',
      url: 'https://p',
      eth_address,
    });
    expect(answer).toEqual({
      status: 200,
      body: {
        _key: expect.stringMatching(/^\d+$/),
        _id: `producer/${answer.body._key}`,
        _rev: expect.any(String),
        description: 'Generic Producer',
        url: 'https://p',
        eth_address,
        name: 'maker',
        createdOn: market.clock.now,
        updatedOn: market.clock.now,
      },
    });
    expect(await user.get('producer/maker')).toEqual(answer);
    const changed = await user.post('producer/register', { description: 'Other' });
    expect(changed.body).toMatchObject({ _key: answer.body._key, description: 'Other', url: null });
    expect(changed.body._rev).not.toBe(answer.body._rev);
    expect((await user.post('producer/register', { description: '' })).status).toBe(400);
    expect((await user.post('producer/register', { description: 'x', eth_address: '0x12' })).status).toBe(400);
    expect(await user.get('producer/nobody')).toEqual({
      status: 404,
      body: { error: true, errorNum: 1202, errorMessage: 'producer nobody not found', code: 404 },
    });
  });
});

describe('paths', () => {
  test.each([
    '/_db/market/v0_0/statement',
    '/_db/market//v0_0/statement/',
    '//_db//market///v0_0//statement//',
    '/_db/market//v0_0/statement/32326',
    '/_admin/server/availability',
  ])('%s is known', async (path) => {
    expect((await market.anonymous.get(path)).status).toBe(200);
  });

  test('another is answered as Arango does', async () => {
    expect(await market.anonymous.get('nonsense')).toEqual({
      status: 404,
      body: { error: true, errorNum: 404, errorMessage: `unknown path '${PREFIX}nonsense'`, code: 404 },
    });
  });

  test('a path that cannot be decoded is a bad request', async () => {
    expect(await market.anonymous.get('statement/%E0%A4%A')).toMatchObject({
      status: 400,
      body: { error: true, code: 400 },
    });
  });
});
