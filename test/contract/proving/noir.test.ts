import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIELD_R } from '../../../proving/crs/curve.ts';
import {
  CircuitInputError,
  CompileError,
  compileProgram,
  solveWitness,
  WitnessUnsatisfiedError,
} from '../../../proving/noir.ts';
import { openPoseidon2, type Poseidon2 } from '../../../proving/poseidon2.ts';
import type { Program } from '../../../proving/types.ts';
import { sampleProgram, TINY, tempDir } from './setup.ts';

let program: Program;
beforeAll(async () => {
  program = await compileProgram(TINY);
});

describe('compileProgram', () => {
  it('compiles a package with modules and a library by path, without debug data', () => {
    expect(program.noir_version).toMatch(/^1\.0\.0-beta\.26/);
    expect(Object.keys(program)).toEqual(['noir_version', 'abi', 'bytecode']);
  });

  it('gives the program that the other tests use (else write it to circuits/tiny.json)', async () => {
    expect(await sampleProgram()).toEqual(program);
  });

  it('gives the same program wherever the package lies', async () => {
    await using dir = await tempDir();
    await cp(join(TINY, '..'), join(dir.path, 'deeper', 'down'), { recursive: true });
    expect(await compileProgram(join(dir.path, 'deeper', 'down', 'tiny'))).toEqual(program);
  });

  it('prints nothing, and leaves the printing of others as it was', async () => {
    const out = globalThis.console;
    const original = out.log;
    const printed: unknown[] = [];
    const mine = (...args: unknown[]) => printed.push(...args);
    out.log = mine;
    try {
      await compileProgram(TINY);
      expect(out.log).toBe(mine);
    } finally {
      out.log = original;
    }
    expect(printed).toEqual([]);
  });

  it('names file, line and word of what does not compile', async () => {
    const compiling = compileProgram(join(TINY, '..', 'broken'));
    await expect(compiling).rejects.toThrow(CompileError);
    await expect(compiling).rejects.toThrow(/cannot find `missing` in this scope[\s\S]*main\.nr:2: missing/);
  });

  it('says which folder is not a package', async () => {
    await expect(compileProgram('/nowhere/at/all')).rejects.toThrow(
      /cannot compile the Noir package \/nowhere\/at\/all/,
    );
  });
});

describe('solveWitness', () => {
  const solve = (state: string[], label = '5') => solveWitness(program, { state, label });

  it('names the assertion that fails, in the package and in its library', async () => {
    await expect(solve(['1', '2', '3', '4'], '0')).rejects.toMatchObject({ assertion: 'the label is 0' });
    await expect(solve(['1', '2', '3', '77'])).rejects.toMatchObject({ assertion: 'the last word is 77' });
    await expect(solve(['1', '2', '3', '77'])).rejects.toThrow(WitnessUnsatisfiedError);
  });

  it('tells inputs that do not fit the parameters from inputs that do not satisfy the circuit', async () => {
    await expect(solve(['1', '2', '3'])).rejects.toThrow(CircuitInputError);
    await expect(solve(['1', '2', '3', 'four'])).rejects.toThrow(/parameter `state\[3\]` is invalid/);
    await expect(solveWitness(program, { label: '1' })).rejects.toThrow(CircuitInputError);
  });

  it('does not take a damaged program for an unsatisfied circuit', async () => {
    const damaged = solveWitness(
      { ...program, bytecode: program.bytecode.slice(0, 80) },
      { state: ['1', '2', '3', '4'], label: '5' },
    );
    await expect(damaged).rejects.not.toThrow(WitnessUnsatisfiedError);
  });
});

describe.each(['bb', 'typescript'] as const)('the %s Poseidon2', (backend) => {
  let poseidon2: Poseidon2;
  beforeAll(async () => {
    poseidon2 = await openPoseidon2({ backend });
  });
  afterAll(() => poseidon2[Symbol.dispose]());

  it('gives the permutation of Noir', async () => {
    const states = [
      [0n, 0n, 0n, 0n],
      [1n, 2n, 3n, 4n],
      [FIELD_R - 1n, 1n, FIELD_R - 2n, 2n ** 253n],
      ...pseudoRandomStates(20),
    ];
    for (const [a, b, c, d] of states as [bigint, bigint, bigint, bigint][]) {
      expect(poseidon2.permute([a, b, c, d])).toEqual(await noirPermutation([a, b, c, d]));
    }
  });

  it('refuses what is not a canonical field element', () => {
    expect(() => poseidon2.permute([0n, FIELD_R, 0n, 0n])).toThrow(RangeError);
    expect(() => poseidon2.permute([-1n, 0n, 0n, 0n])).toThrow(RangeError);
  });
});

async function noirPermutation(state: bigint[]): Promise<bigint[]> {
  const { Noir } = await import('@noir-lang/noir_js');
  const noir = new Noir(program as unknown as ConstructorParameters<typeof Noir>[0]);
  const { returnValue } = await noir.execute({ state: state.map(String), label: '1' });
  return (returnValue as string[]).map(BigInt);
}

/** Fixed, so that a failure can be repeated. */
function pseudoRandomStates(count: number): bigint[][] {
  let seed = 0x1234_5678n;
  const next = () => {
    seed = (seed * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return seed ** 5n % FIELD_R;
  };
  return Array.from({ length: count }, () => [next(), next(), next(), next()]);
}
