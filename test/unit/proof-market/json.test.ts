import { describe, expect, test } from 'vitest';
import { hashJson, isTooDeep, jsonText, parseJson } from '../../../systems/proof-market/protocol/json.ts';

describe('JSON', () => {
  test.each([
    '9007199254740993',
    '-28948022309329048855892746252171976963363056481941560715954676764349967630336',
    '{"a":[1,2.5,12345678901234567890],"b":"12345678901234567890"}',
    '[1e21,1.5,0,-0.25,true,null]'.replace('1e21', '1e+21'),
  ])('%s comes back digit by digit', (text) => {
    expect(jsonText(parseJson(text))).toBe(text);
  });

  test.each(['1e400', '[-1e999]', '{', '', 'NaN', '[1,]'])('%s is refused', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test('an integer beyond 2^53 is a bigint, one below a number', () => {
    expect(parseJson('[9007199254740991,9007199254740992]')).toEqual([9007199254740991, 9007199254740992n]);
  });
});

describe('the hash of an input', () => {
  const hash = (text: string): string => hashJson(parseJson(text)).toString('hex');

  test('does not see spaces and the order of members', () => {
    expect(hash('{"a": 1, "b": {"c": [1, 2], "d": 2}}')).toBe(hash('{"b":{"d":2,"c":[1,2]},"a":1}'));
  });

  test.each([
    ['[1,2]', '[2,1]'],
    ['{"a":1}', '{"a":"1"}'],
    ['9007199254740993', '9007199254740992'],
    ['null', '{}'],
    ['{"__proto__":{"a":1}}', '{}'],
  ])('tells %s from %s', (a, b) => {
    expect(hash(a)).not.toBe(hash(b));
  });
});

test('nesting is measured without recursion', () => {
  const nested = (depth: number): unknown => parseJson(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  expect(isTooDeep(nested(100))).toBe(false);
  expect(isTooDeep(nested(1000))).toBe(true);
  expect(isTooDeep('text')).toBe(false);
});
