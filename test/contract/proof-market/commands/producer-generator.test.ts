/** `market producer run` and `market flow` with a generator of the user's. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exampleStatement } from '../../../../systems/proof-market/protocol/proving/example.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import {
  generatorRecord,
  generatorRuns,
  installGenerator,
  tellGenerator,
} from '../../../fixtures/recorder/generator.ts';
import { openTerminal, type Terminal } from '../../../fixtures/terminal.ts';
import { type MarketKit, openMarketKit, STATEMENT } from './kit.ts';

let kit: MarketKit;
let bin: string;
let program: string;
beforeAll(async () => {
  kit = await openMarketKit();
});
afterAll(() => kit?.[Symbol.asyncDispose]());
beforeEach(async () => {
  bin = join(kit.dir, 'bin');
  await rm(bin, { recursive: true, force: true });
  program = await installGenerator(join(bin, 'proof-generator'));
});

const terminals: Terminal[] = [];
afterEach(async () => {
  for (const { kill } of terminals) kill('SIGTERM');
  await Promise.all(terminals.splice(0).map(({ ended }) => ended));
});
function start(...words: string[]): Terminal {
  const terminal = openTerminal(words, { cwd: kit.dir });
  terminals.push(terminal);
  return terminal;
}

interface Order {
  _key: string;
  status: string;
  [field: string]: unknown;
}
const orders = async (line: string): Promise<Order[]> => (await kit.json<{ orders: Order[] }>(`market ${line}`)).orders;
const proofOf = async (publicInput: string): Promise<string> => {
  const { definition } = await exampleStatement();
  return proveStatement({ statementKey: STATEMENT, definition, publicInput, threads: 2 });
};
const bidFor = async (input: string): Promise<Order> => {
  await kit.file('input.json', { input });
  const line = `market bid push --key ${STATEMENT} --cost 2 --file input.json`;
  return (await kit.json<{ order: Order }>(line)).order;
};
const bidIs = async (key: string): Promise<string | undefined> => (await orders(`bid get --key ${key}`))[0]?.status;

test('market flow: the proof of the program is taken, from the flag or the stack', async () => {
  await tellGenerator(bin, { write: await proofOf('1\n11') });
  const flow = await kit.json<object>(['market', 'flow', '--proof-generator', program]);
  expect(flow).toMatchObject({ verdict: 'accepted', repeated: { status: 'completed' } });
  const { argv } = (await generatorRecord(bin)) ?? {};
  const folder = /^(.*\/flow-\w+)\/\d+-statement\.json$/.exec(argv?.[1] ?? '')?.[1];
  const ask = /(\d+)-statement/.exec(argv?.[1] ?? '')?.[1];
  expect(argv).toEqual([
    ...['--circuit_input', `${folder}/${ask}-statement.json`],
    ...['--public_input', `${folder}/${ask}-input.json`],
    ...['--proof_out', `${folder}/${ask}-proof.bin`],
  ]);
});

test('market flow with a program that is not there: nothing is pushed', async () => {
  const before = await orders('bid get --limit 1000');
  await kit.file(
    'devkit.yaml',
    'version: 1\nsystem: proof-market\nvariant: upstream\nbinaries:\n  proof-generator: nowhere/pg\n',
  );
  try {
    expect(await kit.refused('market flow')).toMatchObject({
      exitCode: 3,
      message: `there is no program ${join(kit.dir, 'nowhere/pg')}, named in ${join(kit.dir, 'devkit.yaml')}:5 (binaries.proof-generator)`,
    });
  } finally {
    await rm(join(kit.dir, 'devkit.yaml'));
  }
  expect(await orders('bid get --limit 1000')).toEqual(before);
});

describe('market producer run', () => {
  test('runs the program for a match with the flags that were given, its memory limited, and pushes what it wrote', async () => {
    // it neither says that it verified nor ends well: the verifier decides
    await tellGenerator(bin, { write: await proofOf('3\n4'), exit: 1 });
    const flags = ['--smp', '2', '--shard0-mem-scale', '3', '--memory', '2GiB'];
    const producer = start('market', 'producer', 'run', '--proof-generator', program, ...flags);
    await producer.says(/ask pushed/);
    const { _key } = await bidFor('3\n4');
    await expect.poll(() => bidIs(_key), { timeout: 60_000 }).toBe('completed');

    const [{ ask_key: ask } = { ask_key: '' }] = await orders(`bid get --key ${_key}`);
    const folder = join(kit.dir, '.devkit/devnets/default/data/producers/producer/asks', String(ask));
    const record = await generatorRecord(bin);
    expect(record?.argv).toEqual([
      ...['--circuit_input', join(folder, 'statement.json')],
      ...['--public_input', join(folder, 'input.json')],
      ...['--proof_out', join(folder, 'proof.out')],
      ...['--smp', '2', '--shard0-mem-scale', '3'],
    ]);
    expect(record?.limits).toMatch(/^Max data size +2147483648 /m);

    producer.kill('SIGINT');
    expect((await producer.ended).code).toBe(130);
    expect(await orders('ask get --ask-status created')).toEqual([]);
  });

  test('gives a match up after three runs without a proof, and says why', async () => {
    await tellGenerator(bin, { say: ['reading circuit', 'no such gate'] });
    const producer = start('market', 'producer', 'run', '--name', 'bob', '--proof-generator', program);
    await producer.says(/ask pushed/);
    const { _key } = await bidFor('5\n6');
    await producer.says(/given up after 3 attempts/);
    expect(producer.said()).toContain('the generator wrote no proof (exit code 0: no such gate)');
    expect(await generatorRuns(bin)).toBe(3);
    // the market matches it again when its time is over
    expect(await bidIs(_key)).toBe('processing');
  });

  test.each([
    [
      'shards that this machine cannot hold',
      ['--memory', '1024TiB', '--smp', '4'],
      {
        exitCode: 3,
        message: expect.stringMatching(/^memory: 1024 TiB \/ \(4 \+ 1 - 1\) = 256 TiB a shard; .*too much/),
      },
    ],
    ['a time that is none', ['--generator-timeout', 'soon'], { exitCode: 2 }],
    [
      'a statement that the market does not have',
      ['--statement', '77'],
      { exitCode: 2, message: 'the market answers 404: statement 77 not found' },
    ],
    ['offers that are no JSON', ['--statements', 'broken.json'], { exitCode: 2 }],
    ['offers that are not there', ['--statements', 'none.json'], { exitCode: 2 }],
  ])('is refused before it asks for work: %s', async (_, flags, refused) => {
    await kit.file('broken.json', '{');
    const before = await orders('ask get --limit 1000 --user producer');
    const line = ['market', 'producer', 'run', '--proof-generator', program, ...flags];
    expect(await kit.refused(line)).toMatchObject(refused);
    expect(await orders('ask get --limit 1000 --user producer')).toEqual(before);
    expect(await generatorRuns(bin)).toBe(0);
  });

  test('is refused when the program is not there', async () => {
    expect(await kit.refused('market producer run --proof-generator nowhere/pg')).toMatchObject({
      exitCode: 3,
      message: `there is no program ${join(kit.dir, 'nowhere/pg')}`,
    });
  });
});
