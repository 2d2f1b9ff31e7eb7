import { describe, expect, test } from 'vitest';
import { clausesSql, type FilterColumns, readClauses } from '../../../systems/proof-market/protocol/filter.ts';
import { readOrder, readProof, readStatement, toKey } from '../../../systems/proof-market/protocol/validation.ts';

describe('an order', () => {
  test('is read with its defaults', () => {
    expect(readOrder({ statement_key: '32326', cost: 2 }, 'bid')).toEqual({
      statementKey: '32326',
      statementSubkey: '',
      input: null,
      cost: 2,
      evalTime: null,
      waitPeriod: null,
      ethId: null,
    });
  });

  test('takes keys and sub-keys as numbers too', () => {
    const order = readOrder({ statement_key: 32326, statement_subkey: 3, cost: 1, eth_id: 7, input: [1] }, 'ask');
    expect(order).toMatchObject({ statementKey: '32326', statementSubkey: '3', ethId: 7, input: null });
  });

  test.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    0,
    1e13,
    5n,
    '5',
    [5],
    true,
    undefined,
  ])('does not cost %s', (cost) => {
    expect(() => readOrder({ statement_key: '1', cost }, 'bid')).toThrow('"cost" must be a number above 0');
  });
});

test.each([
  ['32326', '32326'],
  [5, '5'],
  ['0', undefined],
  ['01', undefined],
  [1.5, undefined],
  [-1, undefined],
  ['1 ', undefined],
  ['1'.repeat(19), undefined],
  [null, undefined],
  [{}, undefined],
])('key %j is %s', (value, key) => {
  expect(toKey(value)).toBe(key);
});

test('a proof may end with a new line, as files do', () => {
  expect(readProof({ proof: '0xAB\n', request_key: '5' })).toEqual({ proof: '0xAB', bidKey: '5', askKey: undefined });
});

test('a statement is read with its defaults', () => {
  const definition = { proving_key: 'ir', verification_key: 'ir' };
  expect(readStatement({ name: 'n', type: 'placeholder-zkllvm', definition })).toMatchObject({
    description: '',
    url: '',
    inputDescription: '',
    isPrivate: false,
    tag: null,
    childs: [],
  });
});

describe('a filter', () => {
  const columns: FilterColumns = { status: ['o.status', 'text'], cost: ['o.cost', 'number'], _key: ['o.key', 'key'] };
  const sqlOf = (clauses: object[]): [string, unknown[]] => {
    const values: unknown[] = ['first'];
    return [clausesSql(readClauses(JSON.stringify(clauses), columns), columns, values), values];
  };

  test('is a condition whose values are parameters', () => {
    expect(
      sqlOf([
        { key: 'status', value: "x' OR 1=1" },
        { key: 'cost', value: 2, op: '>' },
        { key: '_key', value: '7', op: '~' },
      ]),
    ).toEqual([
      'o.status = $2::text AND o.cost > $3::float8 AND o.key IS DISTINCT FROM $4::bigint',
      ['first', "x' OR 1=1", '2', '7'],
    ]);
  });

  test('that can never hold is false, or true for ~', () => {
    expect(sqlOf([{ key: '_key', value: 'x' }])).toEqual(['FALSE', ['first']]);
    expect(sqlOf([{ key: 'cost', value: 'x', op: '~' }])).toEqual(['TRUE', ['first']]);
  });

  test('without clauses holds always', () => {
    expect(clausesSql(readClauses(undefined, columns), columns, [])).toBe('TRUE');
  });
});
