/** `market statement …` on the command line. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketKit, openMarketKit } from './kit.ts';

let kit: MarketKit;
beforeAll(async () => {
  kit = await openMarketKit();
});
afterAll(() => kit?.[Symbol.asyncDispose]());

interface Statement {
  _key: string;
  name: string;
  [field: string]: unknown;
}

const BODY = {
  name: 'mine',
  description: 'of a test',
  url: 'https://example.org/',
  input_description: 'two numbers',
  type: 'placeholder-zkllvm',
  isPrivate: false,
  definition: { proving_key: '; ModuleID', verification_key: '; ModuleID' },
};
const MEND = 'mend that, then the same command again';

async function push(body: object): Promise<Statement> {
  const file = await kit.file('statement.json', body);
  return (await kit.json<{ statement: Statement }>(`market statement push --file ${file}`)).statement;
}
const listed = async (flags = ''): Promise<Statement[]> =>
  (await kit.json<{ statements: Statement[] }>(`market statement list${flags}`)).statements;

test('list: the example is there from the start, as the guide names it', async () => {
  const { stdout } = await kit.run('market statement list');
  const [head, first] = stdout.split('\n');
  expect(head?.split(/ {2,}/)).toEqual(['key', 'name', 'type', 'input']);
  expect(first).toMatch(/^32326 {2,}arithmetic-example {2,}placeholder-zkllvm {2,}/);
  expect((await listed())[0]).toMatchObject({
    _key: '32326',
    name: 'arithmetic-example',
    isPrivate: false,
    definition: { proving_key: expect.anything(), verification_key: expect.anything() },
  });
});

test('get: printed, or into a file that a generator takes', async () => {
  const printed = JSON.parse((await kit.run('market statement get --key 32326')).stdout);
  expect(printed).toMatchObject({ _key: '32326', type: 'placeholder-zkllvm' });
  const file = join(kit.dir, 'statements/32326.json');
  expect((await kit.run('market statement get --key 32326 --output statements/32326.json')).stdout).toBe(
    `statement 32326 is in ${file}\n`,
  );
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(printed);
});

describe('push', () => {
  test('publishes a statement under a key of its own, of who pushes it', async () => {
    const file = await kit.file('statement.json', BODY);
    const { stdout } = await kit.run(`market statement push --file ${file} --user producer`);
    const [, path, key] = /^Statement from (.*) was pushed, key (\d+)\n$/.exec(stdout) ?? [];
    expect(path).toBe(join(kit.dir, file));
    expect((await listed()).find(({ _key }) => _key === key)).toMatchObject({ ...BODY, sender: 'producer' });
  });

  test('a private one is listed to its owner only; by its key everybody reaches it', async () => {
    const { _key } = await push({ ...BODY, name: 'secret', isPrivate: true });
    expect((await listed()).map(({ name }) => name)).toContain('secret');
    expect((await listed(' --user producer')).map(({ name }) => name)).not.toContain('secret');
    expect((await kit.run(`market statement get --key ${_key}`)).exitCode).toBe(0);
  });

  test('proofs of one that only the toolchain can verify are refused here, and cost nothing', async () => {
    const { _key } = await push(BODY);
    await kit.file('input.json', { input: 'whatever' });
    await kit.json(`market bid push --key ${_key} --cost 3 --file input.json`);
    const { order } = await kit.json<{ order: { _key: string } }>(`market ask push --key ${_key} --cost 2`);
    await kit.file('proof.bin', '0xabcd');
    expect(await kit.refused(`market proof push -a ${order._key} -f proof.bin`)).toEqual({
      exitCode: 2,
      message: expect.stringMatching(
        new RegExp(`^the market answers 501: proofs of statement ${_key} cannot be verified here: `),
      ),
      hint: 'devkit market statement list',
    });
    const { orders } = await kit.json<{ orders: object[] }>(`market ask get --key ${order._key}`);
    expect(orders).toMatchObject([{ status: 'processing' }]);
  });

  test.each([
    ['without a name', { ...BODY, name: undefined }, '"name" must be a text of 1 to 256 characters'],
    ['a long name', { ...BODY, name: 'x'.repeat(257) }, '"name" must be a text of 1 to 256 characters'],
    ['without keys', { ...BODY, definition: undefined }, /"definition" must be an object/],
    ['half a definition', { ...BODY, definition: { proving_key: 'x' } }, /"definition.verification_key" must be/],
    ['a text for a truth', { ...BODY, isPrivate: 'no' }, '"isPrivate" must be true or false'],
    ['NUL', { ...BODY, description: 'a\0b' }, /"description" must be a text/],
  ])('%s: what the market finds wrong', async (_, body, said) => {
    const file = await kit.file('bad.json', body);
    const { exitCode, message, hint } = await kit.refused(`market statement push --file ${file}`);
    expect([exitCode, hint]).toEqual([2, MEND]);
    expect(message.replace(/^the market answers 400: /, '')).toEqual(
      typeof said === 'string' ? said : expect.stringMatching(said),
    );
  });

  test.each([
    ['missing.json', undefined, 'there is no such file'],
    ['broken.json', '{"name":', 'not JSON: Unexpected end of JSON input'],
    ['text.json', '"a text"', 'not a statement, a JSON object'],
    ['null.json', 'null', 'not a statement, a JSON object'],
    ['empty.json', '', 'not JSON: Unexpected end of JSON input'],
  ])('the file %s', async (name, content, why) => {
    if (content !== undefined) await kit.file(name, content);
    const { exitCode, message, hint } = await kit.refused(`market statement push --file ${name}`);
    expect([exitCode, message]).toEqual([2, `--file ${join(kit.dir, name)}: ${why}`]);
    expect(hint).toEqual(expect.any(String));
  });
});

test('an unknown statement', async () => {
  expect(await kit.refused('market statement get --key 77')).toEqual({
    exitCode: 2,
    message: 'the market answers 404: statement 77 not found',
    hint: 'devkit market statement list',
  });
});

test('a name that a terminal would obey is shown as what it is, in one line', async () => {
  const name = '\u001b[2Jgone\nnext\tone';
  const { _key } = await push({ ...BODY, name });
  const { stdout } = await kit.run('market statement list');
  const line = stdout.split('\n').find((one) => one.startsWith(_key));
  expect(line).toContain('\\u001b[2Jgone\\u000anext\\u0009one');
  expect((await listed()).find((one) => one._key === _key)?.name).toBe(name);
});
