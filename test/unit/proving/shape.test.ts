import { expect, it } from 'vitest';
import { CANONICAL_G2, patchG2 } from '../../../proving/bb/binary.ts';
import { keyShape, proofDefect, proofLength } from '../../../proving/bb/shape.ts';
import { patchVerifier } from '../../../proving/bb.ts';
import { FIELD_R, toBytes32 } from '../../../proving/crs/curve.ts';
import { devG2 } from '../../../proving/crs/dev.ts';
import { toHex32 } from '../../../proving/field.ts';
import type { VerificationKey } from '../../../proving/types.ts';

/** A key's head: log size 9, one public input and eight words of pairing points. */
function key(): VerificationKey {
  const bytes = new Uint8Array(3680);
  bytes.set(toBytes32(9n), 0);
  bytes.set(toBytes32(9n), 32);
  return { target: 'recursive', bytes, hash: 1n };
}
const proof = () => ({ bytes: new Uint8Array(13_120), publicInputs: [5n] });

it('a key shows circuit size and public inputs', () => {
  expect(keyShape(key())).toEqual({ logSize: 9, publicInputs: 1 });
});

it('a key with an impossible size is damaged', () => {
  const damaged = key();
  damaged.bytes.set(toBytes32(1n << 100n), 0);
  expect(() => keyShape(damaged)).toThrow('damaged');
});

it('proof lengths are those bb was seen to write', () => {
  expect([proofLength('recursive', 7), proofLength('evm', 7), proofLength('evm', 9), proofLength('evm', 20)]).toEqual([
    13_120, 4_608, 5_312, 9_184,
  ]);
});

it('a proof of the right size and range has no defect', () => {
  expect(proofDefect(proof(), key())).toBeUndefined();
});

it.each([
  ['a public input too many', { ...proof(), publicInputs: [5n, 6n] }, '2 public inputs instead of 1'],
  [
    'a public input of the modulus',
    { ...proof(), publicInputs: [FIELD_R] },
    'public input 0 is not a canonical field element',
  ],
  ['a negative public input', { ...proof(), publicInputs: [-1n] }, 'public input 0 is not a canonical field element'],
  ['a byte too few', { ...proof(), bytes: new Uint8Array(13_119) }, '13119 proof bytes instead of 13120'],
  [
    'a word above the modulus',
    { ...proof(), bytes: new Uint8Array(13_120).fill(0xff, 64, 96) },
    'proof word 2 is not canonical',
  ],
])('a proof with %s is named', (_, bad, defect) => {
  expect(proofDefect(bad, key())).toBe(defect);
});

const noise = (bytes: number) => new Uint8Array(bytes).fill(0xa5);

it('the binary is patched where the constant is, and nowhere else', () => {
  const binary = Buffer.concat([noise(1000), CANONICAL_G2, noise(77)]);
  expect(patchG2(binary, devG2())).toEqual(new Uint8Array(Buffer.concat([noise(1000), devG2(), noise(77)])));
});

it('a binary without the constant, or with two of it, is refused', () => {
  expect(() => patchG2(noise(1000), devG2())).toThrow('does not have');
  expect(() => patchG2(Buffer.concat([CANONICAL_G2, noise(9), CANONICAL_G2]), devG2())).toThrow('more than once');
});

const words = (g2: Uint8Array) =>
  [0, 32, 64, 96].map((at) => `0x${Buffer.from(g2.subarray(at, at + 32)).toString('hex')}`);

it('a verifier gets all four words of the other [tau]_2', () => {
  expect(patchVerifier(words(CANONICAL_G2).join(';'), devG2())).toBe(words(devG2()).join(';'));
});

it('a verifier that names a word twice, or not at all, is refused', () => {
  const source = words(CANONICAL_G2);
  expect(() => patchVerifier([...source, source[2]].join(';'), devG2())).toThrow('2 times');
  expect(() => patchVerifier(source.slice(1).join(';'), devG2())).toThrow('0 times');
});

it('a verifier for the canonical [tau]_2 is left as it is', () => {
  expect(patchVerifier('anything', CANONICAL_G2)).toBe('anything');
});

it('field elements are written with all their digits', () => {
  expect(toHex32(255n)).toBe(`0x${'ff'.padStart(64, '0')}`);
});
