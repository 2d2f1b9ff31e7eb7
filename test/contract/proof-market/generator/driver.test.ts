/** The programs `proof-generator` and `proof-generator-mt`, started with upstream's flags. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVerifier } from '../../../../systems/proof-market/protocol/proving/verify.ts';
import { COMPONENTS, type Ended, openWorkspace, runToEnd, type Workspace } from './setup.ts';

const MAIN = {
  single: join(COMPONENTS, 'proof-generator/main.ts'),
  mt: join(COMPONENTS, 'proof-generator/main-mt.ts'),
};
let space: Workspace;
let out: string;
beforeAll(async () => {
  space = await openWorkspace();
  out = join(space.dir, 'arithmetic_proof.bin');
});
afterAll(() => space[Symbol.asyncDispose]());

const generate = (
  program: keyof typeof MAIN,
  flags: string[] = [],
  input = space.publicInput,
  circuit = space.circuitInput,
) =>
  runToEnd([
    process.execPath,
    MAIN[program],
    ...['--proof_out', out, '--circuit_input', circuit, '--public_input', input],
    ...flags,
  ]);

const verdict = async (publicInput: unknown) =>
  createVerifier().check({
    statementKey: '32326',
    definition: space.statement.definition,
    publicInput,
    proof: await readFile(out, 'utf8'),
  });

const lines = ({ stdout }: Ended): string[] => stdout.trimEnd().split('\n');
const leftOver = async () => (await readdir(space.dir)).filter((name) => name.endsWith('.tmp'));

test('the guide: proof file, own verification, exit code on its own line', async () => {
  const ended = await generate('mt', ['--smp', '2', '--memory', '2G', '--shard0-mem-scale', '3']);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(lines(ended)).toEqual([
    'memory: 2 GiB / (2 + 3 - 1) = 512 MiB a shard; shard 0: 3 x 512 MiB = 1.5 GiB, others: 1 x 512 MiB = 512 MiB',
    'memory: the split between shards is advisory: this back end has threads, no shards; the total is a limit',
    'threads: 2',
    expect.stringMatching(/^memory limit: no process of the prover gets more than 2 GiB \(RLIMIT_DATA, by \w+\)/),
    'outputs: sum = 12, product = 11',
    'Inner verification passed',
    '0',
  ]);
  expect(await verdict('1\n11')).toMatchObject({ verdict: 'accepted' });
  expect(await leftOver()).toEqual([]);
});

test('single-threaded, JSON instead of files, four dashes refused there', async () => {
  const ended = await generate('single', [], '[{"field":"7"},{"field":9}]', JSON.stringify(space.statement));
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(lines(ended).slice(-2)).toEqual(['outputs: sum = 16, product = 63', 'Inner verification passed']);
  expect(await verdict('7 9')).toMatchObject({ verdict: 'accepted' });
  const refused = await generate('single', ['----shard0-mem-scale', '2']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("unknown option 'shard0-mem-scale'") });
});

test('----shard0-mem-scale as the guide prints it', async () => {
  const ended = await generate('mt', ['--smp=1', '----shard0-mem-scale=3', '-m', '1G']);
  expect(ended.code).toBe(0);
  expect(lines(ended).slice(0, 2)).toEqual([
    'notice: ----shard0-mem-scale is read as --shard0-mem-scale',
    'memory: 1 GiB / (1 + 3 - 1) = 341 MiB a shard; shard 0: 3 x 341 MiB = 1 GiB, others: 0 x 341 MiB = 0 B',
  ]);
});

describe('refused before anything starts, the old proof kept', () => {
  test.each([
    [
      'more memory than there is',
      ['--smp', '8', '--memory', '900000G'],
      /in all .* TiB, but this machine has .* too much/,
    ],
    [
      'less than a proof needs',
      ['--smp', '8', '--memory', '500M'],
      /500 MiB in all, but a proof needs 1 GiB \(524 MiB/,
    ],
    ['no shards', ['--smp', '0'], /--smp takes a natural number, not '0'/],
  ])('%s', async (_, flags, message) => {
    await writeFile(out, 'old');
    const ended = await generate('mt', flags);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    expect(lines(ended).at(-1)).toBe('2');
    expect(await readFile(out, 'utf8')).toBe('old');
  });

  test.each([
    ['one number', '"1"', /1 numbers, the circuit takes 2 \(a, b\)/],
    ['a number beyond the field', `"1 ${2n ** 255n}"`, /b is not below the modulus/],
    ['no JSON', '{"input"', /--public_input: the JSON given: /],
    ['no file', '/nowhere/input.json', /--public_input: \/nowhere\/input.json: ENOENT/],
  ])('%s', async (_, input, message) => {
    expect(await generate('single', [], input)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  test('a statement in LLVM IR', async () => {
    const circuit = await space.file('ir.json', { definition: { proving_key: '; ModuleID', verification_key: '' } });
    const ended = await generate('single', [], space.publicInput, circuit);
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/only the generator of the zkLLVM toolchain/),
    });
  });
});

test('a key that is not of the program: no proof, and the old one is gone', async () => {
  const { definition } = space.statement;
  const bytes = definition.verification_key.bytes.replace(/.{8}$/, '01010101');
  const wrong = { ...definition, verification_key: { ...definition.verification_key, bytes } };
  const circuit = await space.file('wrong.json', { ...space.statement, definition: wrong });
  await writeFile(out, 'old');
  const ended = await generate('single', [], space.publicInput, circuit);
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/not the key of the program/) });
  await expect(readFile(out)).rejects.toThrow('ENOENT');
  expect(await leftOver()).toEqual([]);
});

test('stopped by a signal: no proof, nothing left', async () => {
  const flags = ['--proof_out', out, '--circuit_input', space.circuitInput, '--public_input', space.publicInput];
  const child = spawn(process.execPath, [MAIN.mt, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const chunk of child.stdout) if (String(chunk).includes('memory limit')) break;
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(143);
  await expect(readFile(out)).rejects.toThrow('ENOENT');
  expect(await leftOver()).toEqual([]);
});
