import { describe, expect, test } from 'vitest';
import { amountText, TOKEN, toAmount, toNumber } from '../../../systems/proof-market/protocol/amounts.ts';
import { DEFAULT_TERMS, depositOf, splitResale, splitSale } from '../../../systems/proof-market/protocol/settlement.ts';

describe('amounts', () => {
  test.each([
    [2, '2.000000000000000000'],
    [0.1, '0.100000000000000000'],
    [1e-18, '0.000000000000000001'],
    [1e-19, '0.000000000000000000'],
    [1e12, '1000000000000.000000000000000000'],
    [1.5e21, '1500000000000000000000.000000000000000000'],
    ['-12.3456', '-12.345600000000000000'],
  ])('%s is %s', (value, text) => {
    expect(amountText(toAmount(value))).toBe(text);
  });

  test.each(['', 'NaN', 'x', '1.2.3', '-', '.', 'Infinity', Number.NaN])('%s is none', (value) => {
    expect(() => toAmount(value)).toThrow(RangeError);
  });

  test('come back as the number they were', () => {
    for (const value of [0.3, 1 / 3, 5.4, 999_999.999999, 1e-18])
      expect(toNumber(toAmount(value))).toBeCloseTo(value, 17);
  });
});

const tokens = (value: number): bigint => toAmount(value);

describe('a sale', () => {
  test('pays producer, market and developer from the ask’s cost, and returns what the bid offered beyond it', () => {
    expect(splitSale(tokens(1200), tokens(1000), DEFAULT_TERMS)).toEqual({
      market: tokens(3.5),
      developer: tokens(1.5),
      producer: tokens(995),
      firstRequester: 0n,
      refund: tokens(200),
    });
  });

  test('takes the smallest commission where the percentage is less, and never more than the price', () => {
    expect(splitSale(tokens(2), tokens(2), DEFAULT_TERMS).producer).toBe(TOKEN);
    expect(splitSale(tokens(0.5), tokens(0.5), DEFAULT_TERMS)).toMatchObject({ producer: 0n, market: tokens(0.35) });
  });

  test('and a resale give away exactly what was blocked, whatever the numbers', () => {
    let seed = 7;
    const next = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let i = 0; i < 2000; i++) {
      const blocked = tokens(next() * 10 ** Math.floor(next() * 24 - 12));
      const price = (blocked * BigInt(Math.floor(next() * 1000))) / 1000n;
      const terms = {
        ...DEFAULT_TERMS,
        commissionPercent: next() * 100,
        minCommission: next(),
        developerShare: next(),
      };
      const firstPrice = blocked / 2n + tokens(next());
      for (const split of [splitSale(blocked, price, terms), splitResale(blocked, firstPrice, terms)]) {
        const { market, developer, producer, firstRequester, refund } = split;
        const parts = [market, developer, producer, firstRequester, refund];
        expect(parts.every((part) => part >= 0n)).toBe(true);
        expect(parts.reduce((a, b) => a + b)).toBe(blocked);
      }
    }
  });
});

test('a resale costs at most what the proof cost first', () => {
  const split = splitResale(tokens(1000), tokens(401), DEFAULT_TERMS);
  // commission 2.005, then a quarter each of 398.995
  expect(toNumber(split.price)).toBe(2.005 + 2 * 99.74875);
  expect(split.producer).toBe(split.firstRequester);
  expect(split.refund).toBe(tokens(1000) - split.price);
});

test('an ask holds ten times its cost', () => {
  expect(depositOf(tokens(2.5), DEFAULT_TERMS)).toBe(tokens(25));
});
