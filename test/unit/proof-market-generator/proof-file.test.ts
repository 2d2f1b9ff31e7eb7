import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import {
  decodeProofText,
  encodeProofText,
  type MarketProof,
  ProofFileError,
} from '../../../systems/proof-market/protocol/proving/proof-file.ts';

const PROOF: MarketProof = {
  statement: '32326',
  circuit: 'arithmetic_example',
  program: 'ab'.repeat(32),
  keyHash: 5n,
  crs: 'dev-1',
  publicInputs: [1n, 2n],
  proof: new Uint8Array([1, 2, 3]),
};

test.each([PROOF, { ...PROOF, statement: null }])('is read as it was written: statement $statement', (proof) => {
  const text = encodeProofText(proof);
  expect(text).toMatch(/^0x[0-9a-f]+$/);
  expect(decodeProofText(text)).toEqual(proof);
  expect(decodeProofText(`\n${text}\n`)).toEqual(proof);
});

test('starts with format, version and kind', () => {
  const head = Buffer.from(encodeProofText(PROOF).slice(2), 'hex').subarray(0, 42).toString('latin1');
  expect(head).toBe('\xaafformatfdevkitgversion\x01dkindlmarket_proof');
});

describe('is refused', () => {
  const hex = (value: unknown): string => `0x${Buffer.from(encode(value)).toString('hex')}`;
  test.each([
    ['nothing', '', /expected hexadecimal/],
    ['no prefix', encodeProofText(PROOF).slice(2), /expected hexadecimal/],
    ['half a byte', `${encodeProofText(PROOF)}0`, /expected hexadecimal/],
    ['a byte more', `${encodeProofText(PROOF)}00`, /no CBOR/],
    ['a byte less', encodeProofText(PROOF).slice(0, -2), /no CBOR/],
    ['a list', hex([1]), /no map/],
    ['another map', hex({ format: 'devkit', version: 1, kind: 'final_proof' }), /market_proof/],
    ['far too long', `0x${'00'.repeat(1_000_000)}`, /characters/],
  ])('%s', (_, text, message) => {
    expect(() => decodeProofText(text)).toThrow(ProofFileError);
    expect(() => decodeProofText(text)).toThrow(message);
  });

  test('members in another order, or one more', () => {
    const plain = {
      format: 'devkit',
      version: 1,
      kind: 'market_proof',
      statement: '32326',
      circuit: 'c',
      program: 'p',
      key_hash: new Uint8Array(32),
      crs: 'dev-1',
      public_inputs: [],
      proof: new Uint8Array(),
    };
    const keep = { mapSorter: () => 0 };
    const text = (value: object): string => `0x${Buffer.from(encode(value, keep)).toString('hex')}`;
    expect(decodeProofText(text(plain))).toMatchObject({ circuit: 'c' });
    expect(() => decodeProofText(text({ ...plain, more: 1 }))).toThrow(/not encoded as it should be/);
    expect(() => decodeProofText(text(Object.fromEntries(Object.entries(plain).reverse())))).toThrow(
      /not encoded as it should be/,
    );
  });

  test('a public input beyond the field', () => {
    const text = encodeProofText({ ...PROOF, publicInputs: [2n ** 255n] });
    expect(() => decodeProofText(text)).toThrow(/public_inputs\[0\] is not a field element/);
  });
});
