import { describe, expect, test } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from '../../../lib/units.ts';

describe('parseDurationMs', () => {
  test.each([
    ['90s', 90_000],
    ['300 ms', 300],
    ['5 hours', 18_000_000],
    ['1 hour', 3_600_000],
    ['1.5m', 90_000],
    ['10 secs', 10_000],
    ['2 days', 172_800_000],
    ['250', 250],
    [250, 250],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
  test.each(['', 'soon', '-5s', '5 parsecs', '5s6', 'ss'])('refuses %j', (text) => {
    expect(() => parseDurationMs(text)).toThrow(RangeError);
  });
});

describe('parseBytes', () => {
  test.each([
    ['24GiB', 24 * 2 ** 30],
    ['1.5 GB', 1.5e9],
    ['512', 512],
    [7, 7],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });
  test('refuses what is no size', () => {
    expect(() => parseBytes('10 foo')).toThrow("not a size: '10 foo'");
  });
});

test('formatDuration picks the unit a reader wants', () => {
  expect([0, 340, 999.6, 7_240, 59_960, 185_000, 3_599_600, 7_620_000].map(formatDuration)).toEqual([
    '0 ms',
    '340 ms',
    '1.0 s',
    '7.2 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 00 min',
    '2 h 07 min',
  ]);
});

test('formatBytes uses binary units', () => {
  expect([0, 512, 1023, 1536, 24 * 2 ** 30, 2 ** 20 - 1].map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1023 B',
    '1.5 KiB',
    '24 GiB',
    '1 MiB',
  ]);
});
