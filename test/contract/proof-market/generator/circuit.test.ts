/** The circuit of the arithmetic example: what it computes, what it refuses, and that the committed file is what the source gives. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileProgram, solveWitness } from '../../../../proving/noir.ts';
import type { Program } from '../../../../proving/types.ts';
import { EXAMPLE_ARTIFACT } from '../../../../systems/proof-market/protocol/proving/example.ts';
import { PALLAS_BASE_MODULUS as P, toLimbs } from '../../../../systems/proof-market/protocol/proving/pallas.ts';
import { generateExample } from '../../../../systems/proof-market/protocol/proving/prepare.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { createVerifier } from '../../../../systems/proof-market/protocol/proving/verify.ts';
import { openWorkspace, ROOT, type Workspace } from './setup.ts';

const SOURCE = join(ROOT, 'systems/proof-market/circuits/arithmetic_example');
let dir: string;
let space: Workspace;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-circuit-'));
  space = await openWorkspace();
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await space[Symbol.asyncDispose]();
});

const inputs = (a: bigint, b: bigint) => {
  const limbs = (value: bigint) => toLimbs(value).map((limb) => `0x${limb.toString(16)}`);
  return { a: limbs(a), b: limbs(b) };
};

test('the committed definition is what the source gives, with a key made by bb', async () => {
  // an empty cache
  const content = await generateExample({ cacheDir: dir });
  expect(await readFile(EXAMPLE_ARTIFACT, 'utf8')).toBe(content);
});

describe('sum and product are those of the field', () => {
  const random = 0x2f5bc1d7a3e9f80142d6b7c8e9a0f1b2c3d4e5f60718293a4b5c6d7e8f901234n;
  test.each([
    [0n, 0n],
    [1n, 11n],
    [P - 1n, 1n],
    [P - 1n, P - 1n],
    [2n ** 254n, 2n ** 254n],
    [2n ** 64n - 1n, 2n ** 192n - 1n],
    [random, P - random],
  ])('%i and %i', async (a, b) => {
    const { definition } = space.statement;
    const publicInput = `${a}\n${b}`;
    const proof = await proveStatement({ statementKey: '1', definition, publicInput, threads: 2 });
    const verdict = await createVerifier().check({ statementKey: '1', definition, publicInput, proof });
    expect(verdict).toEqual({
      verdict: 'accepted',
      outputs: { sum: String((a + b) % P), product: String((a * b) % P) },
    });
  });
});

describe('refused by the circuit itself', () => {
  test.each([
    ['a', P, 0n],
    ['a', 2n ** 256n - 1n, 0n],
    ['b', 0n, P],
    ['b', 0n, P + 2n ** 64n],
  ])('%s at or above the modulus: %i, %i', async (name, a, b) => {
    const { program } = space.statement.definition.proving_key;
    await expect(solveWitness(program, inputs(a, b))).rejects.toThrow(`${name} is not below the modulus`);
  });

  /** The circuit with hints that lie; what is outside the hints is the real source. */
  const lying = async (name: string, honest: string, lie: string): Promise<Program> => {
    const copy = join(dir, name);
    await cp(SOURCE, copy, { recursive: true });
    const path = join(copy, 'src/hints.nr');
    const source = await readFile(path, 'utf8');
    expect(source.split(honest)).toHaveLength(2);
    await writeFile(path, source.replace(honest, lie));
    return compileProgram(copy);
  };

  const SUM = '(quotient[0] == 1, rest)';
  const PRODUCT = '    divide(wide)\n}';
  const product = (change: string): string => `    let (mut q, mut r) = divide(wide);\n    ${change}\n    (q, r)\n}`;
  test.each([
    ['sum-one-off', SUM, '{ let mut r = rest; r[0] += 1; (quotient[0] == 1, r) }', 5n, 6n],
    ['sum-not-wrapped', SUM, '(false, rest)', P - 1n, 2n],
    ['sum-wrapped', SUM, '(true, rest)', 5n, 6n],
    ['sum-high-limb', SUM, '{ let mut r = rest; r[3] += 1; (quotient[0] == 1, r) }', 5n, 6n],
    ['sum-not-reduced', SUM, '(false, [wide[0], wide[1], wide[2], wide[3]])', P - 1n, P - 1n],
    ['product-one-off', PRODUCT, product('r[0] += 1;'), 5n, 6n],
    ['product-limbs-swapped', PRODUCT, product('r = [r[1], r[0], r[2], r[3]];'), 5n, 6n],
    ['product-quotient-off', PRODUCT, product('q[0] += 1;'), 5n, P - 1n],
    // the same integer, but not the only one below 2^256
    [
      'product-not-reduced',
      PRODUCT,
      product('q[0] -= 1; r = [r[0] + MODULUS[0], r[1] + MODULUS[1], r[2], r[3] + MODULUS[3]];'),
      2n,
      (P + 1n) / 2n,
    ],
  ])('%s', async (name, honest, lie, a, b) => {
    const program = await lying(name, honest, lie);
    await expect(solveWitness(program, inputs(a, b))).rejects.toThrow(
      /not equal as integers|assert_max_bit_size|not below the modulus/,
    );
  });
});
