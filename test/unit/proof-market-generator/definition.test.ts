import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Definition,
  encodeDefinition,
  encodeValues,
  parseDefinition,
} from '../../../systems/proof-market/protocol/proving/definition.ts';
import { exampleStatement } from '../../../systems/proof-market/protocol/proving/example.ts';
import { fromLimbs, PALLAS_BASE_MODULUS, toLimbs } from '../../../systems/proof-market/protocol/proving/pallas.ts';

let definition: Definition;
beforeAll(async () => {
  definition = (await exampleStatement()).definition;
});

/** A copy with one member changed. */
const changed = (change: (copy: Definition) => unknown): unknown => {
  const copy = structuredClone(definition);
  return change(copy) ?? copy;
};

test('the example is read as it was written', () => {
  expect(encodeDefinition(parseDefinition(definition))).toEqual(definition);
});

test('no text in the example passes for LLVM IR', () => {
  expect(definition.proving_key).toMatchObject({ format: 'devkit', kind: 'noir-program' });
  const texts = Object.values({ ...definition.proving_key.program, ...definition.verification_key }).map(String);
  expect(texts.filter((text) => /define |target triple|ModuleID/.test(text))).toEqual([]);
});

describe('a definition is refused', () => {
  test.each<[string, (copy: Definition) => unknown, RegExp]>([
    ['text', (d) => ({ ...d, proving_key: '; ModuleID = "a.cpp"' }), /only the generator of the zkLLVM toolchain/],
    ['nothing', () => 5, /not an object/],
    ['another format', (d) => Object.assign(d.proving_key, { version: 2 }) && d, /not \{"format":"devkit"/],
    ['no key', (d) => ({ proving_key: d.proving_key }), /verification_key is not an object/],
    ['an odd key', (d) => Object.assign(d.verification_key, { bytes: '0x123' }) && d, /not hexadecimal/],
    ['a short hash', (d) => Object.assign(d.verification_key, { hash: '0x12' }) && d, /not 32 bytes of hexadecimal/],
    ['one input less', (d) => d.proving_key.inputs.pop() && d, /parameters of the program are not the public inputs/],
    ['another name', (d) => Object.assign(d.proving_key.inputs[0]!, { name: 'x' }) && d, /parameters of the program/],
    [
      'another type',
      (d) => Object.assign(d.proving_key.inputs[0]!, { type: 'bn254' }) && d,
      /parameters of the program/,
    ],
    ['an unknown type', (d) => Object.assign(d.proving_key.inputs[0]!, { type: 'f32' }) && d, /not pallas or bn254/],
    ['one output more', (d) => d.proving_key.outputs.push({ name: 'c', type: 'bn254' }) && d, /does not return/],
  ])('%s', (_, change, message) => {
    expect(() => parseDefinition(changed(change))).toThrow(message);
  });

  test('a private parameter', () => {
    const abi = definition.proving_key.program.abi as { parameters: { visibility: string }[] };
    const hidden = { ...abi, parameters: abi.parameters.map((parameter) => ({ ...parameter, visibility: 'private' })) };
    const copy = structuredClone(definition);
    copy.proving_key.program.abi = hidden;
    expect(() => parseDefinition(copy)).toThrow(/parameters of the program/);
  });
});

describe('values as field elements', () => {
  const inputs = [{ name: 'a', type: 'pallas' as const }];

  test.each([0n, 1n, 2n ** 64n, PALLAS_BASE_MODULUS - 1n])('%i and back', (value) => {
    const limbs = encodeValues(inputs, [value]);
    expect(limbs).toEqual(toLimbs(value));
    expect(limbs.every((limb) => limb < 2n ** 64n)).toBe(true);
    expect(fromLimbs(limbs)).toBe(value);
  });

  test('the modulus is refused by name', () => {
    expect(() => encodeValues(inputs, [PALLAS_BASE_MODULUS])).toThrow(
      "a is not below the modulus of Pallas' base field",
    );
  });

  test('another count is refused', () => {
    expect(() => encodeValues(inputs, [1n, 2n])).toThrow('2 numbers, the circuit takes 1 (a)');
  });
});
