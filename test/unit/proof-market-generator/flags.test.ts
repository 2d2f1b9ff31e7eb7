import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type GeneratorName,
  generatorHelp,
  parseGeneratorFlags,
} from '../../../systems/proof-market/generator/flags.ts';

const FILES = ['--proof_out', 'p', '--circuit_input', 'c', '--public_input', 'i'];
const parsed = (name: GeneratorName, ...argv: string[]) => parseGeneratorFlags(name, [...FILES, ...argv]);

test('the flags of the guide', async () => {
  expect(await parsed('proof-generator-mt', '--smp', '8', '--shard0-mem-scale=9', '-m', '16G')).toEqual({
    action: 'generate',
    notices: [],
    flags: {
      proofOut: 'p',
      circuitInput: 'c',
      publicInput: 'i',
      smp: 8,
      shard0MemScale: 9,
      memoryBytes: 16 * 2 ** 30,
    },
  });
});

test.each([[['----shard0-mem-scale', '3']], [['----shard0-mem-scale=3']]])(
  'four dashes as in the guide, with a notice: %j',
  async (argv) => {
    const result = await parsed('proof-generator-mt', ...argv);
    expect(result).toMatchObject({ flags: { shard0MemScale: 3 } });
    expect(result).toMatchObject({ notices: ['----shard0-mem-scale is read as --shard0-mem-scale'] });
  },
);

test('without shards: one thread', async () => {
  expect(await parsed('proof-generator')).toMatchObject({ flags: { smp: 1, shard0MemScale: 1 } });
});

test.each([
  ['proof-generator', ['--smp', '2'], /unknown option 'smp'/],
  ['proof-generator-mt', ['--smpp', '2'], /did you mean --smp/],
  ['proof-generator-mt', ['--smp', '0'], /natural number, not '0'/],
  ['proof-generator-mt', ['--smp', '1.5'], /natural number/],
  ['proof-generator-mt', ['--shard0-mem-scale', 'x'], /natural number/],
  ['proof-generator-mt', ['--memory', '16 GB'], /size like 16G/],
  ['proof-generator-mt', ['--proof_out'], /proof_out/],
  ['proof-generator-mt', ['extra'], /extra/],
  ['proof-generator-mt', ['-c', '/nowhere/config.ini'], /ENOENT/],
] as const)('%s %j is refused', async (name, argv, message) => {
  await expect(parsed(name, ...argv)).rejects.toThrow(message);
});

test('a missing flag is named', async () => {
  await expect(parseGeneratorFlags('proof-generator', ['--proof_out', 'p'])).rejects.toThrow(
    '--circuit_input is missing',
  );
});

test('help names every option', () => {
  expect(generatorHelp('proof-generator-mt')).toMatchInlineSnapshot(`
    "Usage: proof-generator-mt --proof_out FILE --circuit_input FILE --public_input FILE [options]

          --proof_out arg               where to write the proof
          --circuit_input arg           the statement: a JSON file, or the JSON itself
          --public_input arg            the public input: a JSON file, or the JSON itself
      -c, --configuration-files arg     file of "name = value" lines for what is not given here
      -h, --help                        print this
      -v, --version                     print the version
          --smp arg                     shards, one thread of the prover each; default: the number of processors
          --shard0-mem-scale arg        memory weight of shard 0, a natural number; default 1
      -m, --memory arg                  TOTAL_RAM, like 16G; default: what this machine has
    "
  `);
});

describe('a configuration file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'devkit-flags-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const file = async (text: string): Promise<string> => {
    const path = join(dir, 'config.ini');
    await writeFile(path, text);
    return path;
  };

  test('gives what the command line does not', async () => {
    const path = await file('# shards\n[prover]\nsmp = 4\nshard0-mem-scale = 2\n');
    expect(await parsed('proof-generator-mt', '-c', path, '--smp', '3')).toMatchObject({
      flags: { smp: 3, shard0MemScale: 2 },
    });
  });

  test('with another option is refused, with the line', async () => {
    const path = await file('smp = 4\nspeed = 2\n');
    await expect(parsed('proof-generator-mt', '-c', path)).rejects.toThrow(/config\.ini:2: not a/);
  });
});
