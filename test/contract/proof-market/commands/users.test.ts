/** `market user …` on the command line: accounts, their logins, the producer's registration. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketKit, openMarketKit } from './kit.ts';

let kit: MarketKit;
beforeAll(async () => {
  kit = await openMarketKit();
});
afterAll(() => kit?.[Symbol.asyncDispose]());

const { signal } = new AbortController();
const login = (name: string): string => join(kit.dir, '.devkit/devnets/default/users', `${name}.json`);
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('signup', () => {
  test('makes an account with test tokens and keeps its login for its owner', async () => {
    expect(await kit.json('market user signup --user alice --password secret --email alice@example.org')).toEqual({
      schemaVersion: 1,
      user: 'alice',
      balance: 1_000_000,
      blocked: 0,
      login: login('alice'),
    });
    expect(await readJson(login('alice'))).toEqual({ username: 'alice', secret: 'secret' });
    expect([await modeOf(login('alice')), await modeOf(join(login('alice'), '..'))]).toEqual([0o600, 0o700]);
    // it is an account of the market, not only a file
    expect(await kit.client('alice', 'secret').balance('alice', signal)).toMatchObject({ balance: 1_000_000 });
  });

  test('without a password one is made, another for each', async () => {
    const { stdout } = await kit.run('market user signup -u bob');
    expect(stdout).toBe(`user bob has 1000000 test tokens; login in ${login('bob')}\n`);
    await kit.json('market user signup -u carol');
    const [bob, carol] = [await readJson(login('bob')), await readJson(login('carol'))];
    expect(bob.secret).toMatch(/^[\w-]{24}$/);
    expect(carol.secret).not.toBe(bob.secret);
    await expect(kit.client('bob', bob.secret).token(signal)).resolves.toEqual(expect.any(String));
  });

  test('a name that is taken: its login stays as it is', async () => {
    await kit.json('market user signup -u dave -p first');
    expect(await kit.refused('market user signup -u dave -p second')).toEqual({
      exitCode: 2,
      message: "there is a user 'dave' in this market already",
      hint: 'another name, or with its password: devkit market user login --user dave --password …',
    });
    expect(await readJson(login('dave'))).toEqual({ username: 'dave', secret: 'first' });
  });

  test.each(['al!ce', 'al ice', 'ä', '../state', '', 'a/b', `a'; DROP TABLE users; --`, 'x'.repeat(65)])(
    'the name %j is none',
    async (name) => {
      expect(await kit.refused(['market', 'user', 'signup', '-u', name])).toEqual({
        exitCode: 2,
        message: `user '${name}' cannot be made: Inavlid format for username`,
        hint: 'a name is 1 to 64 letters and digits, a password at most 1024 characters',
      });
    },
  );

  test('a password that is none', async () => {
    for (const password of ['', 'x'.repeat(1025)]) {
      expect(await kit.refused(['market', 'user', 'signup', '-u', 'erin', '-p', password])).toMatchObject({
        exitCode: 2,
        message: `user 'erin' cannot be made: "passwd" must be a text of 1 to 1024 characters`,
      });
    }
    expect(
      (await kit.json<{ users: { user: string }[] }>('market user list')).users.map(({ user }) => user),
    ).not.toContain('erin');
  });

  test('without a name: what is missing', async () => {
    expect(await kit.refused('market user signup')).toEqual({
      exitCode: 2,
      message: '--user is missing',
      hint: 'devkit market user signup --help',
    });
  });
});

describe('login', () => {
  test('keeps the login of an account that was made elsewhere', async () => {
    const client = kit.client('frank', 'his own');
    await client.signup({ user: 'frank', passwd: 'his own', email: '' }, signal);
    expect(await kit.refused('market bid get --user frank')).toMatchObject({
      exitCode: 2,
      message: "the login of user 'frank' is not kept in this devnet",
    });
    expect(await kit.json(['market', 'user', 'login', '-u', 'frank', '-p', 'his own'])).toMatchObject({
      user: 'frank',
      login: login('frank'),
    });
    expect(await readJson(login('frank'))).toEqual({ username: 'frank', secret: 'his own' });
    expect(await modeOf(login('frank'))).toBe(0o600);
    await kit.json('market bid get --user frank');
  });

  test.each([
    ['a wrong password', 'requester', 'wrong'],
    ['an unknown user', 'nobody', 'x'],
  ])('%s is refused, and nothing is kept or lost', async (_, user, password) => {
    const before = await readFile(login(user), 'utf8').catch(() => undefined);
    expect(await kit.refused(['market', 'user', 'login', '-u', user, '-p', password])).toEqual({
      exitCode: 2,
      message: 'the market answers 401: Wrong credentials',
      hint: 'devkit market user list   (whose logins are kept)',
    });
    expect(await readFile(login(user), 'utf8').catch(() => undefined)).toBe(before);
  });
});

test('list shows who can act, with what they can spend and what their orders hold', async () => {
  await kit.json('market user signup -u grace');
  await kit.json('market ask push --user grace --key 32326 --cost 3');
  const { users } = await kit.json<{ users: object[] }>('market user list');
  // ten times the cost of an ask is its deposit
  expect(users).toContainEqual({ user: 'grace', balance: 999_970, blocked: 30 });
  expect(users).toContainEqual({ user: 'requester', balance: 1_000_000, blocked: 0 });
  expect((await kit.run('market user list')).stdout).toMatch(/^grace {2,}999970 {2,}30$/m);
});

test('a login that the market does not know any more does not hide the others', async () => {
  await kit.json('market user signup -u heidi -p old');
  await kit.file('.devkit/devnets/default/users/heidi.json', { username: 'heidi', secret: 'of another database' });
  const { users } = await kit.json<{ users: object[] }>('market user list');
  expect(users).toContainEqual({ user: 'heidi', balance: null, blocked: null });
  expect(users).toContainEqual(expect.objectContaining({ user: 'requester', balance: 1_000_000 }));
  expect((await kit.run('market user list')).stdout).toMatch(/^heidi {2,}not a login of this market$/m);
});

describe('auth', () => {
  test('writes the header that the scripts take, for its owner only; it works', async () => {
    expect(await kit.json('market user auth')).toEqual({
      schemaVersion: 1,
      user: 'requester',
      file: join(kit.dir, 'auth.json'),
    });
    expect(await readJson(join(kit.dir, 'auth.json'))).toEqual({
      Authorization: expect.stringMatching(/^Bearer \S+$/),
    });
    expect(await modeOf(join(kit.dir, 'auth.json'))).toBe(0o600);
    const { order } = await kit.json<{ order: { sender: string } }>(
      'market ask push --key 32326 --cost 900 --auth auth.json',
    );
    expect(order.sender).toBe('requester');
  });

  test('of another user, into another file, or for a login in a file', async () => {
    expect(await kit.json('market user auth --user producer --out p.json')).toMatchObject({ user: 'producer' });
    await kit.file('mine.json', { username: 'producer', secret: (await readJson(login('producer'))).secret });
    expect((await kit.run('market user auth --auth mine.json --out q.json')).stdout).toBe(
      `${join(kit.dir, 'q.json')}: token of producer\n`,
    );
  });

  test('into a folder that is not there yet; a folder itself is no file', async () => {
    await kit.json('market user auth --out new/auth.json');
    expect(await modeOf(join(kit.dir, 'new/auth.json'))).toBe(0o600);
    expect(await kit.refused('market user auth --out new')).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(join(kit.dir, 'new')),
    });
  });
});

describe('--auth', () => {
  test.each([
    ['none.json', undefined, 'there is no such file'],
    ['broken.json', '{"username":', 'not JSON: Unexpected end of JSON input'],
    ['other.json', { user: 'alice' }, 'it has neither "username" and "secret" nor "Authorization": "Bearer …"'],
    ['null.json', 'null', 'it has neither "username" and "secret" nor "Authorization": "Bearer …"'],
    [
      'basic.json',
      { Authorization: 'Basic eDp5' },
      'it has neither "username" and "secret" nor "Authorization": "Bearer …"',
    ],
  ])('%s: what is wrong with it', async (name, content, why) => {
    if (content !== undefined) await kit.file(name, content);
    const { exitCode, message, hint } = await kit.refused(`market bid get --auth ${name}`);
    expect([exitCode, message]).toEqual([2, `--auth ${join(kit.dir, name)}: ${why}`]);
    expect(hint).toEqual(expect.any(String));
  });

  test.each([
    ['a wrong password', { username: 'requester', secret: 'wrong' }, 'Wrong credentials'],
    ['a token that nobody gave out', { Authorization: 'Bearer x.y.z' }, 'not authorized to execute this request'],
  ])('%s', async (_, content, said) => {
    const name = await kit.file('refused.json', content);
    expect(await kit.refused(`market bid get --auth ${name}`)).toEqual({
      exitCode: 2,
      message: `the market answers 401: ${said}`,
      hint: 'devkit market user list   (whose logins are kept)',
    });
  });
});

test('a token that has expired is refused; a kept login gets another by itself', async () => {
  await kit.json('market user signup -u ivan');
  await kit.json('market user auth --user ivan --out ivan.json');
  await kit.json('market bid get --auth ivan.json');
  await kit.sql(`UPDATE sessions SET expires_on = 0 WHERE user_name = 'ivan'`);
  expect(await kit.refused('market bid get --auth ivan.json')).toMatchObject({
    exitCode: 2,
    message: 'the market answers 401: not authorized to execute this request',
  });
  await kit.json('market bid get --user ivan');
});

describe('producer', () => {
  test('registers, and changes what is registered', async () => {
    const address = `0x${'ab'.repeat(20)}`;
    const first = await kit.json<{ _key: string }>(`market user producer --eth_address ${address}`);
    expect(first).toMatchObject({ name: 'producer', description: 'Generic Producer', eth_address: address });
    const second = await kit.json([
      ...['market', 'user', 'producer', '-d', 'two "GPUs"', '--url', 'https://example.org/?a=b&c', '-l', 'logo.png'],
    ]);
    expect(second).toMatchObject({
      _key: first._key,
      description: 'two "GPUs"',
      url: 'https://example.org/?a=b&c',
      logo: 'logo.png',
    });
  });

  test('an address that is none', async () => {
    expect(await kit.refused('market user producer --eth-address 0x12')).toEqual({
      exitCode: 2,
      message: 'the market answers 400: "eth_address" must be 0x and 40 hexadecimal digits',
      hint: 'mend that, then the same command again',
    });
  });
});
