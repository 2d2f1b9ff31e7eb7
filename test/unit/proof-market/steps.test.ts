/** The configuration that `up` writes: what is the devnet's, and what stays the user's. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DevkitError } from '../../../cli/core/errors.ts';
import { loadMarketConfig } from '../../../systems/proof-market/components/market/config.ts';
import { marketFiles } from '../../../systems/proof-market/files.ts';
import { configStep } from '../../../systems/proof-market/steps.ts';
import { openPlace, type TestPlace } from './place.ts';

const { signal } = new AbortController();
const TEMPLATES = join(import.meta.dirname, '../../../templates/proof-market');

const check = ({ place }: TestPlace) => configStep.check(place, signal);
const apply = ({ place }: TestPlace) => configStep.apply(place, signal);
const filesOf = ({ place }: TestPlace) => marketFiles(place.paths);
const portOf = async (one: TestPlace): Promise<unknown> =>
  parse(await readFile(filesOf(one).market, 'utf8')).market.port;

test('a new devnet gets the template with its own port and database, for itself only', async () => {
  await using one = await openPlace({ ports: { postgres: 5632, market: 8729 } });
  expect(await check(one)).toEqual({ state: 'missing' });
  await apply(one);
  const { market, secrets, configsDir } = filesOf(one);
  const template = await readFile(join(TEMPLATES, 'market.yaml'), 'utf8');
  expect(await readFile(market, 'utf8')).toBe(template.replace('port: 8529', 'port: 8729'));
  const url = 'postgres://postgres:notsecurepassword@localhost:5632/proof_market';
  expect(await readFile(secrets, 'utf8')).toBe(`database:\n  market_url: ${url}\n`);
  expect(await modes(configsDir, market, secrets)).toEqual([0o700, 0o600, 0o600]);
  expect(await check(one)).toEqual({ state: 'done' });
});

test('the market reads what is written', async () => {
  await using one = await openPlace({ ports: { postgres: 5632, market: 8729 } });
  await apply(one);
  const { market, secrets } = filesOf(one);
  expect(await loadMarketConfig({ configPath: market, secretsPath: secrets }, {})).toMatchObject({
    http: { host: '127.0.0.1', port: 8729 },
    databaseUrl: 'postgres://postgres:notsecurepassword@localhost:5632/proof_market',
    expiryIntervalMs: 200,
    terms: { generationTimeoutMs: 3_600_000, openingBalance: 1_000_000 },
  });
});

test("a stale port is mended; the user's values, comments and order stay", async () => {
  await using one = await openPlace();
  await apply(one);
  const { market } = filesOf(one);
  const mine = (await readFile(market, 'utf8'))
    .replace('port: 8529', 'port: 9999 # my port')
    .replace('opening_balance: 1000000', 'opening_balance: 5\n  # mine\n  penalty_factor: 3')
    .replace(/\n {2}penalty_factor: 10/, '');
  expect(mine).toContain('penalty_factor: 3');
  await writeFile(market, mine);
  expect(await check(one)).toEqual({ state: 'stale', reason: 'market.port is 9999' });
  await apply(one);
  expect(await readFile(market, 'utf8')).toBe(mine.replace('port: 9999', 'port: 8529'));
  expect(await check(one)).toEqual({ state: 'done' });
});

test('another database is mended, further secrets stay', async () => {
  await using one = await openPlace();
  await apply(one);
  const { secrets } = filesOf(one);
  await writeFile(secrets, '# mine\ndatabase:\n  market_url: postgres://other/db\nother:\n  token: x\n');
  expect(await check(one)).toEqual({ state: 'stale', reason: 'another database' });
  await apply(one);
  expect(await readFile(secrets, 'utf8')).toBe(
    '# mine\ndatabase:\n  market_url: postgres://postgres:notsecurepassword@localhost:5432/proof_market\nother:\n  token: x\n',
  );
});

test('a file that was removed or emptied is written again', async () => {
  await using one = await openPlace();
  await apply(one);
  const { market } = filesOf(one);
  await writeFile(market, '');
  expect((await check(one)).state).toBe('stale');
  await apply(one);
  expect(await portOf(one)).toBe(8529);
});

test.each([
  ['market: [\n', /^not YAML: .*at line \d+, column \d+/],
  ['market: none\n', /^market is no map$/],
  ['- market\n', /^market is no map$/],
])('a file that is %j is named, and stays', async (text, why) => {
  await using one = await openPlace();
  await apply(one);
  const { market } = filesOf(one);
  await writeFile(market, text);
  const error = (await check(one)
    .then(() => apply(one))
    .catch((cause: unknown) => cause)) as DevkitError;
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', hint: 'mend it, or remove it: devkit up writes it again' });
  expect(error.message.slice(0, market.length + 2)).toBe(`${market}: `);
  expect(error.message.slice(market.length + 2)).toMatch(why);
  expect(await readFile(market, 'utf8')).toBe(text);
});

test('applying it again changes nothing', async () => {
  await using one = await openPlace();
  await apply(one);
  const { market, secrets } = filesOf(one);
  const before = await Promise.all([market, secrets].map((file) => readFile(file, 'utf8')));
  await apply(one);
  expect(await Promise.all([market, secrets].map((file) => readFile(file, 'utf8')))).toEqual(before);
});

const modes = (...paths: string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => (await stat(path)).mode & 0o777));
