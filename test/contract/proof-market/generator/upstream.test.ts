/** A user's generator: exact arguments, and judged by what it leaves, not by how it ends. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  GenerateError,
  type GenerateRequest,
  generateProof,
} from '../../../../systems/proof-market/generator/generate.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { runs } from '../../../fixtures/pids.ts';
import { openWorkspace, type Workspace } from './setup.ts';

let space: Workspace;
let request: GenerateRequest;
let record: string;
beforeAll(async () => {
  space = await openWorkspace();
});
afterAll(() => space[Symbol.asyncDispose]());
beforeEach(async () => {
  record = join(space.dir, 'argv');
  // of a circuit that only the toolchain knows
  const circuitInput = await space.file('ir.json', {
    _key: '79169223',
    type: 'placeholder-zkllvm',
    definition: { proving_key: '; ModuleID', verification_key: '; ModuleID' },
  });
  request = {
    binary: join(space.dir, 'proof-generator'),
    circuitInput,
    publicInput: space.publicInput,
    proofOut: join(space.dir, 'proof.bin'),
    signal: AbortSignal.timeout(60_000),
  };
});

/** A generator that notes its arguments and then does as told; `$out` is its `--proof_out`. */
async function recorder(then: string): Promise<void> {
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${record}\nout="$6"\n${then}\n`;
  await writeFile(request.binary!, script);
  await chmod(request.binary!, 0o755);
}
const recorded = async (): Promise<string[]> => (await readFile(record, 'utf8')).trimEnd().split('\n');

const files = () => [
  ...['--circuit_input', request.circuitInput],
  ...['--public_input', request.publicInput],
  ...['--proof_out', request.proofOut],
];

test('gets the files, and nothing else', async () => {
  await recorder('echo 0xabcd > "$out"; echo "Proof is verified"');
  expect(await generateProof(request)).toEqual({ proof: '0xabcd\n', judgedBy: 'message' });
  expect(await recorded()).toEqual(files());
});

test('gets shards as they were given; of memory it is not told, there it is limited', async () => {
  await recorder('ulimit -d >> "$0.limit"; echo 0xabcd > "$out"; echo "Inner verification passed"; echo 0');
  await generateProof({ ...request, smp: 2, shard0MemScale: 3, memoryBytes: 2 ** 30 });
  expect(await recorded()).toEqual([...files(), ...['--smp', '2', '--shard0-mem-scale', '3']]);
  if (process.platform === 'linux') expect(await readFile(`${request.binary}.limit`, 'utf8')).toBe('1048576\n');
});

test.runIf(process.platform === 'linux')(
  'is stopped with all that it started when that takes more together',
  async () => {
    // three processes of 400 MiB each
    await recorder(
      `for i in 1 2 3; do '${process.execPath}' -e 'const b = Buffer.alloc(400 * 2 ** 20, 1); setTimeout(() => b, 60000)' & echo $! >> "$0.pids"; done; wait`,
    );
    const failed = await generateProof({ ...request, memoryBytes: 2 ** 30 }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(GenerateError);
    expect((failed as Error).message).toMatch(
      /^the generator was stopped: more than the 1 GiB that it may have \([\d.]+ GiB\)$/,
    );
    const pids = (await readFile(`${request.binary}.pids`, 'utf8')).trim().split('\n').map(Number);
    expect(pids).toHaveLength(3);
    await expect.poll(() => pids.filter(runs)).toEqual([]);
  },
);

test('is not started with shards that the machine cannot hold', async () => {
  await recorder('exit 1');
  await writeFile(record, 'not started');
  await expect(generateProof({ ...request, smp: 8, shard0MemScale: 9, memoryBytes: 2 ** 50 })).rejects.toThrow(
    /memory: 1024 TiB \/ \(8 \+ 9 - 1\) = .* too much/,
  );
  expect(await recorded()).toEqual(['not started']);
});

describe('is judged by its output', () => {
  test.each([
    [
      'exit code 0 and no file',
      'echo "Proof is verified"; exit 0',
      /wrote no proof \(exit code 0: Proof is verified\)/,
    ],
    ['an empty file', ': > "$out"; echo "Proof is verified"', /wrote no proof/],
    ['a file without its verdict', 'echo 0xabcd > "$out"', /did not say that its proof is verified \(exit code 0\)/],
    ['killed', 'kill -9 $$', /wrote no proof \(killed by SIGKILL\)/],
  ])('%s is a failure', async (_, then, message) => {
    await recorder(then);
    await expect(generateProof(request)).rejects.toThrow(message);
  });

  test('a file from an earlier run does not count', async () => {
    await writeFile(request.proofOut, '0xold');
    await recorder('echo "Proof is verified"');
    await expect(generateProof(request)).rejects.toThrow(GenerateError);
  });

  test('exit code 1 with a proof and its verdict is a success', async () => {
    await recorder('echo 0xabcd > "$out"; echo "Proof is verified"; exit 1');
    expect(await generateProof(request)).toMatchObject({ judgedBy: 'message' });
  });

  test('its word does not count where the verifier knows better', async () => {
    await recorder('echo 0xabcd > "$out"; echo "Proof is verified"');
    await expect(generateProof({ ...request, circuitInput: space.circuitInput })).rejects.toThrow(
      /wrote a bad proof: not a proof/,
    );
  });

  test('a proof that the verifier accepts needs no word', async () => {
    const { definition } = space.statement;
    const proof = await proveStatement({ statementKey: '32326', definition, publicInput: '1\n11', threads: 1 });
    const made = await space.file('made', proof);
    await recorder(`cp ${made} "$out"; exit 3`);
    expect(await generateProof({ ...request, circuitInput: space.circuitInput })).toEqual({
      proof,
      judgedBy: 'verifier',
    });
  });
});

test('a program that is not there is named, and not tried again', async () => {
  const failed = await generateProof({ ...request, binary: '/nowhere/proof-generator' }).catch(
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(GenerateError);
  expect(failed).toMatchObject({ message: '/nowhere/proof-generator cannot be started: ENOENT', final: true });
});

test('the reference generator is what runs without a binary', async () => {
  const { binary: _, ...reference } = { ...request, circuitInput: space.circuitInput };
  const printed: string[] = [];
  const { judgedBy } = await generateProof({ ...reference, onLine: (line) => printed.push(line) });
  expect(judgedBy).toBe('verifier');
  expect(printed).toContain('Inner verification passed');
});
