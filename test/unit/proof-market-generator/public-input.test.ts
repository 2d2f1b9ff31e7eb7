import { describe, expect, test } from 'vitest';
import {
  canonicalPublicInput,
  PublicInputError,
  parsePublicInput,
  toLineForm,
  toTypedForm,
} from '../../../systems/proof-market/protocol/proving/public-input.ts';

const LARGE = 2n ** 254n + 5n;

describe('the numbers of an input', () => {
  test.each([
    ['lines', '1\n11'],
    ['lines with spaces and a last line end', ' 1 \r\n11\n'],
    ['lines in a member', { input: '1\n11' }],
    ['lines in a member of a member', { input: { input: '1\n11' } }],
    ['typed numbers', [{ field: 1 }, { field: 11 }]],
    ['typed text, also hexadecimal', [{ field: '1' }, { field: '0xB' }]],
    ['a typed list', [{ array: [{ field: 1 }, { field: '11' }] }]],
    ['plain numbers', [1, 11]],
    ['exact large readers', [{ field: 1n }, 11n]],
    ['numbers between commas, as the relayer joins those of the chain', '1,11'],
    ['JSON as text', '[{"field": 1}, {"field": "11"}]'],
    ['JSON as text in a member', { input: ' {"input": "1\\n11"}' }],
    [
      'a whole bid, as one public_input_get.py writes it',
      { _key: '5', _id: 'bid/5', cost: 2, input: { input: '1\n11' } },
    ],
    ['a whole request', { _key: '5', _id: 'request/5', input: [{ field: 1 }, { field: 11 }], status: 'created' }],
  ])('%s', (_, input) => {
    expect(parsePublicInput(input)).toEqual([1n, 11n]);
  });

  test('are the same after either converter', () => {
    const values = [0n, LARGE];
    expect(parsePublicInput(toLineForm(values))).toEqual(values);
    expect(parsePublicInput(toTypedForm(values))).toEqual(values);
    expect(toLineForm(values)).toEqual({ input: `0\n${LARGE}` });
    expect(toTypedForm([7n])).toEqual([{ field: '7' }]);
  });

  test('keep all their digits in JSON as text', () => {
    expect(parsePublicInput(`[{"field": ${LARGE}}]`)).toEqual([LARGE]);
  });

  test('have one text, whatever the form', () => {
    const forms = ['1\n11', { input: '01 0xb' }, [{ field: 1 }, { array: [{ field: '11' }] }]];
    expect(new Set(forms.map(canonicalPublicInput))).toEqual(new Set(['1\n11']));
  });
});

describe('an input is refused', () => {
  test.each([
    [null, /expected "1/],
    [true, /expected "1/],
    ['1\nx', /"x" is not a number/],
    ['-1', /"-1" is not a number/],
    ['1e3', /not a number/],
    ['9'.repeat(79), /not a number of at most 256 bits/],
    [`0x${'f'.repeat(65)}`, /not a number/],
    [[{ field: -1 }], /not a whole number/],
    [[{ field: 1.5 }], /not a whole number/],
    [[{ field: 2 ** 60 }], /too large for a JSON number: write it as text/],
    [[{ field: Number.NaN }], /not a whole number/],
    [[{ field: null }], /neither a number nor text/],
    [[{ int: 1 }], /expected \{"field"/],
    [[{ field: 1, array: [] }], /expected \{"field"/],
    [[{ array: 5 }], /not a list/],
    [{ input: '1', cost: 2 }, /expected \{"field"/],
    [{ _id: 'ask/5', input: '1' }, /expected \{"field"/],
    ['[1, 11', /text that begins like JSON, and is none/],
    ['{"field": 1}x', /text that begins like JSON, and is none/],
    ['[1, -5]', /not a whole number/],
    ['"1"', /""1"" is not a number/],
    [`${'['.repeat(100)}1${']'.repeat(100)}`, /nested more than 8/],
    [
      '[28948022309329048855892746252171976963363056481941560715954676764349967630337e1]',
      /too large for a JSON number/,
    ],
    [[[[[[[[[[[1]]]]]]]]]], /nested more than 8/],
    [Array.from({ length: 20_000 }, () => 1), /more than 10000 numbers/],
    ['1 '.repeat(1_000_000), /characters are too many/],
  ])('%j', (input, message) => {
    expect(() => parsePublicInput(input)).toThrow(PublicInputError);
    expect(() => parsePublicInput(input)).toThrow(message);
  });

  test('also nested without end in text', () => {
    for (const text of ['['.repeat(100_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
      expect(() => parsePublicInput(text)).toThrow(PublicInputError);
    }
  });
});
