/** Values that somebody chose badly, or on purpose; and a market that is not there. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketKit, openMarketKit } from './kit.ts';

/** Words that do something in a shell, in SQL, in JSON or in a path, where somebody forgets to quote. */
const WORDS = [
  `'; DROP TABLE orders; --`,
  `" OR "1"="1`,
  '$(touch pwned)',
  '`touch pwned`',
  'a; touch pwned #',
  '"},{"key":"status","value":"created',
  '../../state',
  '%s%n$HOME',
  'back\\slash',
  "it's",
  'ünï ✔',
];

let kit: MarketKit;
beforeAll(async () => {
  // the folder of the devnet is no better
  kit = await openMarketKit("devkit market's $(touch pwned) ");
  await kit.file('input.json', { input: '1\n11' });
});
afterAll(() => kit?.[Symbol.asyncDispose]());

const filesWith = async (name: string): Promise<string[]> =>
  (await readdir(kit.dir, { recursive: true })).filter((path) => path.includes(name));

describe.each(WORDS)('%j', (word) => {
  test('is stored and given back as it is', async () => {
    const line = [
      'market',
      'bid',
      'push',
      '--key',
      '32326',
      '--cost',
      '0.001',
      '--file',
      'input.json',
      '--subkey',
      word,
    ];
    const { order } = await kit.json<{ order: { _key: string; statement_subkey: string } }>(line);
    expect(order.statement_subkey).toBe(word);
    const about = ['-d', word, '--url', word, '-l', word];
    const producer = await kit.json<object>(['market', 'user', 'producer', ...about]);
    expect(producer).toMatchObject({ description: word, url: word, logo: word });
    // the tables are still there, and so is the order
    expect((await kit.run(`market bid get --key ${order._key}`)).exitCode).toBe(0);
  });

  test('is a password like any other', async () => {
    const user = `user${WORDS.indexOf(word)}`;
    await kit.json(['market', 'user', 'signup', '-u', user, '-p', word, '-e', word]);
    expect(await kit.refused(['market', 'user', 'login', '-u', user, '-p', `${word} `])).toMatchObject({ exitCode: 2 });
    await kit.json(['market', 'user', 'login', '-u', user, '-p', word]);
    await kit.json(['market', 'user', 'auth', '--user', user]);
  });

  test('is no user, and no file of a user', async () => {
    expect(await kit.refused(['market', 'bid', 'get', '--user', word])).toMatchObject({
      exitCode: 2,
      message: `the login of user '${word}' is not kept in this devnet`,
    });
    expect(await kit.refused(['market', 'user', 'login', '-u', word, '-p', 'x'])).toMatchObject({ exitCode: 2 });
  });

  test('is no key, no status, no name of a producer', async () => {
    for (const flags of [
      ['--key', word],
      ['--bid-status', word],
      ['--limit', word],
    ]) {
      const refused = await kit.refused(['market', 'bid', 'get', ...flags]);
      expect(refused).toMatchObject({ exitCode: 2, message: expect.stringContaining(`not "${word}"`) });
    }
    expect(await kit.refused(['market', 'producer', 'run', '--name', word])).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("a producer's name is lower case letters and digits"),
    });
  });

  test('names a file', async () => {
    const name = `${word.replaceAll('/', '_')}.json`;
    await kit.file(name, { input: '5\n6' });
    const push = ['market', 'bid', 'push', '--key', '32326', '--cost', '0.001', '--file', name];
    const { order } = await kit.json<{ order: { _key: string } }>(push);
    const out = join('out', name);
    await kit.json(['market', 'bid', 'input', '-k', order._key, '-o', out]);
    expect(JSON.parse(await readFile(join(kit.dir, out), 'utf8'))).toEqual({ input: '5\n6' });
  });
});

test('nothing of that was executed, and no file is where it should not be', async () => {
  expect((await filesWith('pwned')).filter((path) => !path.includes('touch pwned'))).toEqual([]);
  expect(existsSync('pwned')).toBe(false);
  expect(
    (await readdir(join(kit.dir, '.devkit/devnets/default/users'))).filter((name) => !/^\w+\.json$/.test(name)),
  ).toEqual([]);
});

test('the hint can be pasted into a shell', async () => {
  const { hint } = await kit.refused(['market', 'bid', 'get', '--user', 'a; touch pwned']);
  expect(hint).toContain(`--user 'a; touch pwned'`);
});

test('names of producers that are none, or twice', async () => {
  for (const [names, message] of [
    ['Alice', "--name Alice: a producer's name is lower case letters and digits, 32 at most"],
    ['a,../b', "--name ../b: a producer's name is lower case letters and digits, 32 at most"],
    ['bob,bob', '--name bob,bob: a name is there twice'],
  ] as const) {
    expect(await kit.refused(['market', 'producer', 'run', '--name', names])).toMatchObject({ exitCode: 2, message });
  }
});

test('what is waited for does not come: exit code 6', async () => {
  const bid = [
    'market',
    'bid',
    'push',
    '--key',
    '32326',
    '--cost',
    '0.001',
    '--file',
    'input.json',
    '--subkey',
    'waits',
  ];
  const { order } = await kit.json<{ order: { _key: string } }>(bid);
  const { exitCode, stdout, stderr } = await kit.run(`market watch ${order._key} --timeout 300ms`);
  expect([exitCode, stdout]).toEqual([6, expect.stringContaining(`bid ${order._key} of requester`)]);
  expect(stderr).toContain('error: not done after 0.3 s (--timeout)');
});

/** Last: the market does not come back. */
describe('without a market', () => {
  const COMMANDS = [
    'market bid get',
    'market ask push --key 32326 --cost 2',
    'market request push --key 32326 --cost 2 --file input.json',
    'market statement list',
    'market statement get --key 32326',
    'market user list',
    'market user signup --user late',
    'market user auth',
    'market proof get --bid-key 100000001',
    'market book',
  ];

  test('after down: one line and the command that starts it; exit code 4', async () => {
    await kit.json('down');
    for (const line of COMMANDS) {
      expect(await kit.refused(line), line).toEqual({
        exitCode: 4,
        message: `the market at ${new URL(kit.url).origin} does not answer: ECONNREFUSED`,
        hint: 'devkit up --system proof-market',
      });
    }
    expect(existsSync(join(kit.dir, '.devkit/devnets/default/users/late.json'))).toBe(false);
  });

  test('mistakes are found without it', async () => {
    expect((await kit.refused('market bid push --key 32326 --cost 0')).exitCode).toBe(2);
    expect((await kit.refused('market bid push --key 32326 --cost 1 --file none.json')).exitCode).toBe(2);
  });

  test('after down --all: there is no devnet; exit code 2', async () => {
    await kit.json('down --all --yes');
    for (const line of [...COMMANDS, 'market watch', 'market flow', 'market producer run']) {
      expect(await kit.refused(line), line).toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/^there is no devnet 'default' in .* \(there are none\)$/),
        hint: 'devkit up --system proof-market',
      });
    }
  });
});
