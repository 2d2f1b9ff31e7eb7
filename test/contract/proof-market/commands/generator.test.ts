/** `market proof generate` with a user's program: how it is started, and what of it counts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exampleStatement } from '../../../../systems/proof-market/protocol/proving/example.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { startDevkit } from '../../../fixtures/devkit.ts';
import { runs } from '../../../fixtures/pids.ts';
import {
  type GeneratorPlan,
  type GeneratorRecord,
  generatorRecord,
  installGenerator,
  tellGenerator,
} from '../../../fixtures/recorder/generator.ts';
import { devkit, type Run } from '../../../unit/cli/support.ts';
import { refusalOf } from './kit.ts';

const MEND = 'mend that, then the same command again';
const FLAGS = ['--circuit_input', 'ir.json', '--public_input', 'input.json', '--proof_out', 'out/proof.bin'];
const VERIFIED: GeneratorPlan = { write: '0xabcd', say: ['Proof is verified'] };

let dir: string;
let program: string;
let proof: string;
const file = (name: string): string => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "generator's $HOME "));
  program = await installGenerator(file('build/bin/proof-generator/proof-generator'));
  const statement = await exampleStatement();
  const { definition } = statement;
  proof = await proveStatement({ statementKey: '32326', definition, publicInput: '1\n11', threads: 2 });
  // of a circuit that only the toolchain knows, and of one that is verified here
  const ir = { _key: '79169223', type: 'placeholder-zkllvm', definition: { proving_key: ';', verification_key: ';' } };
  await writeFile(file('ir.json'), JSON.stringify(ir));
  await writeFile(file('statement.json'), JSON.stringify({ _key: '32326', ...statement }));
  await writeFile(file('input.json'), '{"input":"1\\n11"}');
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(() => rm(file('out'), { recursive: true, force: true }));

const generate = async (plan: GeneratorPlan, flags: readonly string[] = [], files = FLAGS): Promise<Run> => {
  await tellGenerator(file('out'), plan);
  return devkit(['market', 'proof', 'generate', ...files, '--proof-generator', program, ...flags], { cwd: dir });
};
const forOurs = FLAGS.map((word) => (word === 'ir.json' ? 'statement.json' : word));
const recorded = async (): Promise<GeneratorRecord> => {
  const record = await generatorRecord(file('out'));
  if (record === undefined) throw new Error('the generator was not started');
  return record;
};
/** Message and the generator's last lines. */
const failed = ({ exitCode, stdout, stderr }: Run): { exitCode: number; lines: string[] } => {
  expect(stdout).toBe('');
  const lines = stderr.trimEnd().split('\n');
  return { exitCode, lines: lines.slice(lines.findIndex((line) => line.startsWith('error: '))) };
};

describe('is started', () => {
  const files = () => [
    ...['--circuit_input', file('ir.json')],
    ...['--public_input', file('input.json')],
    ...['--proof_out', file('out/proof.bin')],
  ];

  test.each([
    ['the files, and nothing else', [], []],
    ['shards as they were given', ['--smp', '2', '--shard0-mem-scale', '3'], ['--smp', '2', '--shard0-mem-scale', '3']],
    ['of memory nothing: it has no such flag', ['--memory', '1GiB', '--smp', '1'], ['--smp', '1']],
  ])('with %s', async (_, flags, wanted) => {
    expect((await generate(VERIFIED, flags)).exitCode).toBe(0);
    const { argv, program: path } = await recorded();
    expect([path, argv]).toEqual([program, [...files(), ...wanted]]);
  });

  test('with the memory as a limit', async () => {
    await generate(VERIFIED, ['--memory', '1GiB']);
    expect((await recorded()).limits).toMatch(/^Max data size +1073741824 +1073741824 +bytes/m);
  });

  test('as the stack says, relative to its file', async () => {
    const stack =
      'version: 1\nsystem: proof-market\nvariant: upstream\nbinaries:\n  proof-generator: ./build/bin/proof-generator/proof-generator\n';
    await writeFile(file('devkit.yaml'), stack);
    try {
      await tellGenerator(file('out'), VERIFIED);
      expect((await devkit(['market', 'proof', 'generate', ...FLAGS], { cwd: dir })).exitCode).toBe(0);
      expect((await recorded()).program).toBe(program);
      await writeFile(file('devkit.yaml'), stack.split('binaries:')[0] ?? '');
      expect(refusalOf(await devkit(['market', 'proof', 'generate', ...FLAGS], { cwd: dir }))).toEqual({
        exitCode: 2,
        message: 'variant upstream proves with your proof-generator, and none is named',
        hint: expect.stringContaining('--proof-generator <path>'),
      });
      await writeFile(file('devkit.yaml'), stack.replace('./build', './biuld'));
      expect(refusalOf(await devkit(['market', 'proof', 'generate', ...FLAGS], { cwd: dir }))).toMatchObject({
        exitCode: 3,
        message: expect.stringMatching(
          /^there is no program .*biuld.*, named in .*devkit\.yaml:5 \(binaries\.proof-generator\)$/,
        ),
      });
    } finally {
      await rm(file('devkit.yaml'));
    }
  });

  test('and stopped by Ctrl-C, with exit code 130', async () => {
    await tellGenerator(file('out'), { wait: true });
    const running = startDevkit(['market', 'proof', 'generate', ...FLAGS, '--proof-generator', program], { cwd: dir });
    await expect.poll(() => generatorRecord(file('out')), { timeout: 30_000 }).toBeDefined();
    const { pid } = await recorded();
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stdout: '' });
    expect(runs(pid)).toBe(false);
  });
});

describe('counts', () => {
  test('a file and its word, where nothing here can check it', async () => {
    const { exitCode, stdout, stderr } = await generate({ ...VERIFIED, exit: 1 });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `${file('out/proof.bin')}: its generator says that it is verified; nothing here can check it\n`,
    );
    expect(stderr).toContain('Proof is verified');
    expect(
      JSON.parse((await generate({ ...VERIFIED, say: ['Inner verification passed', '0'] }, ['--json'])).stdout),
    ).toEqual({
      schemaVersion: 1,
      file: file('out/proof.bin'),
      length: 6,
      judgedBy: 'message',
    });
  });

  test('a proof that the verifier accepts, without a word', async () => {
    const { exitCode, stdout } = await generate({ write: proof, exit: 3 }, [], forOurs);
    expect([exitCode, stdout]).toEqual([0, `${file('out/proof.bin')}: accepted by the verifier\n`]);
    expect(await readFile(file('out/proof.bin'), 'utf8')).toBe(proof);
  });
});

describe('fails with exit code 5', () => {
  test.each([
    [
      'exit code 0 without a file: its last lines are shown',
      { say: ['reading circuit', 'Proof is verified'] },
      [
        'error: the generator wrote no proof (exit code 0: Proof is verified)',
        '  reading circuit',
        '  Proof is verified',
        `→ ${MEND}`,
      ],
    ],
    [
      'a file without its word',
      { write: '0xabcd', say: ['done', '0'] },
      ['error: the generator did not say that its proof is verified (exit code 0: done)', '  done', '  0', `→ ${MEND}`],
    ],
    ['an empty file', { write: '', exit: 7 }, ['error: the generator wrote no proof (exit code 7)', `→ ${MEND}`]],
  ] as const)('%s', async (_, plan, lines) => {
    expect(failed(await generate(plan as GeneratorPlan))).toEqual({ exitCode: 5, lines });
  });

  test('no more than the last 20 lines', async () => {
    const say = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    const { lines } = failed(await generate({ say }));
    expect(lines).toHaveLength(22);
    expect([lines[1], lines[20]]).toEqual(['  line 30', '  line 49']);
  });

  test('a bad file where the verifier knows better, whatever it says', async () => {
    const { exitCode, lines } = failed(await generate(VERIFIED, [], forOurs));
    expect([exitCode, lines[0]]).toEqual([5, expect.stringMatching(/^error: the generator wrote a bad proof: /)]);
  });

  test('a proof of another input', async () => {
    await writeFile(file('other.json'), '{"input":"3\\n4"}');
    const files = forOurs.map((word) => (word === 'input.json' ? 'other.json' : word));
    const { exitCode, lines } = failed(await generate({ write: proof, say: ['Proof is verified'] }, [], files));
    expect([exitCode, lines[0]]).toEqual([5, expect.stringMatching(/^error: the generator wrote a bad proof: /)]);
  });

  test('a file of an earlier run', async () => {
    await generate(VERIFIED);
    expect(failed(await generate({ say: ['Proof is verified'] })).exitCode).toBe(5);
  });

  test.runIf(process.platform === 'linux')('more memory than it may have', async () => {
    const plan = { ...VERIFIED, take: 1.25 * 2 ** 30 };
    expect((await generate(plan, ['--memory', '4GiB'])).exitCode).toBe(0);
    await rm(file('out/proof.bin'));
    const { exitCode, lines } = failed(await generate({ ...plan, write: '' }, ['--memory', '1GiB']));
    expect(exitCode).toBe(5);
    expect(lines.join('\n')).toMatch(/Failed to allocate memory|more than the 1 GiB that it may have/);
  });
});

describe('is not started', () => {
  const notStarted = async (run: Promise<Run>): Promise<ReturnType<typeof refusalOf>> => {
    const refusal = refusalOf(await run);
    expect(await generatorRecord(file('out'))).toBeUndefined();
    return refusal;
  };

  const reference = (flags: readonly string[]): Promise<Run> =>
    devkit(['market', 'proof', 'generate', ...forOurs, ...flags], { cwd: dir });

  test.each([
    ["the user's", (flags: readonly string[]) => generate({}, flags)],
    ['the reference one', reference],
  ])('with shards that this machine cannot hold, %s: the arithmetic, exit code 3', async (_, start) => {
    expect(await notStarted(start(['--memory', '1024TiB', '--smp', '8', '--shard0-mem-scale', '9']))).toEqual({
      exitCode: 3,
      message: expect.stringMatching(
        /^memory: 1024 TiB \/ \(8 \+ 9 - 1\) = 64 TiB a shard; shard 0: 9 x 64 TiB = 576 TiB, others: 7 x 64 TiB = 448 TiB; in all 1024 TiB, but this machine has .* too much\): give --memory \d+M or less$/,
      ),
      hint: 'another --memory, --smp or --shard0-mem-scale',
    });
  });

  test('nor is the reference one with less memory than it needs', async () => {
    expect(await notStarted(reference(['--memory', '512MiB']))).toMatchObject({
      exitCode: 3,
      message: 'memory: 512 MiB in all, but a proof needs 1 GiB (512 MiB too little)',
    });
  });

  test.each([
    [['--memory', 'much'], '--memory takes a size like 16GiB, not "much"'],
    [['--memory', '0'], '--memory takes a size like 16GiB, not "0"'],
    [['--smp', '0'], '--smp takes a whole number from 1 to 999999, not "0"'],
    [['--shard0-mem-scale', '1.5'], '--shard0-mem-scale takes a whole number from 1 to 999999, not "1.5"'],
    [['--image', 'example.org/x'], '--proof-generator and --image exclude each other'],
  ])('with %j', async (flags, message) => {
    const refusal = await notStarted(generate({}, flags));
    expect([
      refusal.exitCode,
      refusal.message.replace(/^--image and --proof-generator/, '--proof-generator and --image'),
    ]).toEqual([2, message]);
  });

  test.each([
    ['a statement that is not there', 'ir.json', 'none.json', /^--circuit_input: .*none\.json: ENOENT/],
    [
      'a statement that is none',
      'ir.json',
      'input.json',
      /^--circuit_input: not a statement \(it has no "definition"\)$/,
    ],
    ['an input that is not JSON', 'input.json', 'program', /^--public_input: .*program: Unexpected token/],
  ])('for %s', async (_, from, to, message) => {
    await writeFile(file('program'), 'no JSON');
    const files = FLAGS.map((word) => (word === from ? to : word));
    expect(await notStarted(generate({}, [], files))).toEqual({
      exitCode: 2,
      message: expect.stringMatching(message),
      hint: MEND,
    });
  });

  test('when the proof cannot be a file', async () => {
    expect(await notStarted(generate({}, [], [...FLAGS.slice(0, 5), 'out']))).toEqual({
      exitCode: 2,
      message: `--proof_out ${file('out')}: it is a folder`,
      hint: 'name a file in it',
    });
  });

  test.each([
    ['that is not there', 'nowhere/pg', /^there is no program .*nowhere\/pg$/],
    ['that is a folder', 'build', /^.*build is not a program but a folder$/],
    ['that cannot be executed', 'input.json', /^.*input\.json cannot be executed$/],
  ])('when it is a program %s: exit code 3', async (_, path, message) => {
    const run = devkit(['market', 'proof', 'generate', ...FLAGS, '--proof-generator', path], { cwd: dir });
    expect(await notStarted(run)).toMatchObject({ exitCode: 3, message: expect.stringMatching(message) });
  });
});
