/** The stack file of a market: what it may name, where it is wrong, and when it is another devnet's. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DevkitError } from '../../../cli/core/errors.ts';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { PER_COMPONENT, type Stack } from '../../../cli/core/stack.ts';
import { readStack, type StackOptions } from '../../../cli/services/stack.ts';
import { system } from '../../../systems/proof-market/index.ts';

const TEMPLATE = resolve(import.meta.dirname, '../../../templates/proof-market/stack.yaml');
const HEAD = 'version: 1\nsystem: proof-market\n';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'market-stack-'));
  file = join(dir, 'devkit.yaml');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** `of`: system of the devnet that is acted on, when that is known. */
const read = (of?: string, options: StackOptions = {}): Promise<Stack> =>
  readStack({ paths: devnetPaths(dir, 'default'), cwd: dir, system: of }, { env: {}, ...options });

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string; hint: string | undefined }> {
  const error = await work.then(
    () => new Error('it was read'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof DevkitError)) throw error;
  return { code: error.code, message: error.message.replaceAll(dir, '<dir>'), hint: error.hint };
}

describe('what it may name', () => {
  test('the generator as a program or an image, the memory of its two containers', async () => {
    await writeFile(
      file,
      `${HEAD}variant: upstream\nbinaries:\n  proof-generator: build/pg\nimages:\n  proof-generator: example.org/pmt:1\nmemory:\n  market: 2GiB\n  producer: 500MB\n`,
    );
    expect(await read('proof-market')).toMatchObject({
      system: 'proof-market',
      variant: 'upstream',
      binaries: { 'proof-generator': { path: join(dir, 'build/pg'), from: `${file}:5 (binaries.proof-generator)` } },
      images: { 'proof-generator': 'example.org/pmt:1' },
      memory: { market: 2 * 2 ** 30, producer: 500e6 },
      file,
    });
  });

  test('says by itself of which system it is, before there is a devnet', async () => {
    await writeFile(file, `${HEAD}binaries:\n  proof-generator: pg\n`);
    const stack = await read();
    expect(stack).toMatchObject({ system: 'proof-market', sources: { system: `${file}:2` } });
    expect(Object.keys(stack.binaries)).toEqual(['proof-generator']);
  });

  test.each([
    [
      'images:\n  proof-generater: a\n',
      '3:3: images.proof-generater is not a key of a stack',
      'did you mean proof-generator?',
    ],
    ['images:\n  market: a\n', '3:3: images.market is not a key of a stack', 'there are proof-generator'],
    [
      'binaries:\n  circuit-prover: a\n',
      '3:3: binaries.circuit-prover is not a key of a stack',
      'there are proof-generator',
    ],
    ['memory:\n  marke: 1GiB\n', '3:3: memory.marke is not a key of a stack', 'did you mean market?'],
    ['memory:\n  postgres: 1GiB\n', '3:3: memory.postgres is not a key of a stack', 'there are market, producer'],
    ['memory:\n  producer: lots\n', '3:13: memory.producer: a size like 6GiB or 500MB', expect.any(String)],
    ['varient: upstream\n', '2:1: varient is not a key of a stack', 'did you mean variant?'],
    ['variant: mine\n', '2:10: variant: takes reference, upstream', expect.any(String)],
    [
      'images:\n  proof-generator: a b\n',
      '3:20: images.proof-generator: an image reference has no blanks',
      expect.any(String),
    ],
  ])('%j says where it is wrong', async (text, message, hint) => {
    await writeFile(file, `version: 1\n${text}system: proof-market\n`);
    expect(await failure(read('proof-market'))).toEqual({
      code: 'CONFIG_INVALID',
      message: `<dir>/devkit.yaml:${message}`,
      hint,
    });
  });

  test('a system that there is not', async () => {
    await writeFile(file, 'version: 1\nsystem: proof-markt\n');
    expect(await failure(read())).toMatchObject({
      code: 'CONFIG_INVALID',
      message: '<dir>/devkit.yaml:2:9: system: takes proof-market, zksync',
    });
  });
});

describe('a devkit.yaml of another system', () => {
  test('is not this devnet’s: the defaults hold', async () => {
    await writeFile(file, 'version: 1\nvariant: upstream\nimages:\n  gateway: example.org/gateway\n');
    expect(await read('proof-market')).toMatchObject({
      system: 'proof-market',
      variant: 'reference',
      images: {},
      file: undefined,
      sources: { variant: 'default' },
    });
    await writeFile(file, `${HEAD}variant: upstream\n`);
    expect(await read('zksync')).toMatchObject({ system: 'zksync', variant: 'reference', file: undefined });
  });

  test('that is named is refused, at the line that says so', async () => {
    await writeFile(file, `${HEAD}variant: upstream\n`);
    const refused = {
      code: 'CONFIG_INVALID',
      message: '<dir>/devkit.yaml:2: a stack of proof-market; the devnet is one of zksync',
    };
    expect(await failure(read('zksync', { file: 'devkit.yaml' }))).toMatchObject(refused);
    expect(await failure(read('zksync', { env: { DEVKIT_STACK: file } }))).toMatchObject(refused);
    await writeFile(file, 'version: 1\n');
    expect(await failure(read('proof-market', { file: 'devkit.yaml' }))).toMatchObject({
      message: '<dir>/devkit.yaml: a stack of zksync; the devnet is one of proof-market',
      hint: 'system: proof-market   in that file, or leave it out',
    });
  });

  test('that is wrong is an error all the same: it cannot be said of which it is', async () => {
    await writeFile(file, 'version: 1\nsystem: [\n');
    expect(await failure(read('proof-market'))).toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

test('a named file that is not there: the template of the system', async () => {
  expect(await failure(read('proof-market', { file: 'mine.yaml' }))).toMatchObject({
    code: 'NOT_FOUND',
    message: 'there is no stack file <dir>/mine.yaml',
    hint: `cp templates/proof-market/stack.yaml ${dir}/mine.yaml`,
  });
});

test('the template can be used, and so can everything that it has in comments', async () => {
  await cp(TEMPLATE, file);
  const plain = await read();
  expect(plain).toMatchObject({ system: 'proof-market', variant: 'reference', runtime: 'process' });
  expect(plain.sources['variant']).toMatch(/devkit\.yaml:\d+$/);
  const text = await readFile(file, 'utf8');
  const active = text.replaceAll(/^# (?=(?:[a-z]+| {2}[a-z-]+):(?: \S+)?$)/gm, '');
  await writeFile(file, active);
  const full = await read();
  for (const key of PER_COMPONENT) {
    expect(Object.keys(full[key]).length, key).toBeGreaterThan(0);
    for (const name of Object.keys(full[key])) expect(system.stackNames[key]).toContain(name);
  }
  // what is still a comment is prose
  const comments = active.split('\n').filter((line) => line.startsWith('#'));
  expect(comments.filter((line) => /^# {1,3}[a-z-]+:(?: \S+)?$/.test(line))).toEqual([]);
});
