import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TransientError } from '../../../lib/download/errors.ts';
import { createHasher, hashFile, hashInto } from '../../../lib/download/hashes.ts';
import { backoffMs, PATIENCE } from '../../../lib/download/request.ts';
import { differenceOf } from '../../../lib/download/transfer.ts';

const signal = new AbortController().signal;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-hashes-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

// 123456789: crc32c check value 0xe3069283 (RFC 3720, CRC catalogue), md5 25f9e794323b453885f5181f1b624d0b
const CHECK = { crc32c: Buffer.from('e3069283', 'hex').toString('base64'), md5: 'JfnnlDI7RTiF9RgfG2JNCw==' };

test('crc32c and md5 are printed as object stores print them', () => {
  const hasher = createHasher();
  hasher.update(Buffer.from('12345'));
  hasher.update(Buffer.from('6789'));
  expect(hasher.digest()).toEqual(CHECK);
});

test('a small crc keeps its leading zero bytes', () => {
  const hasher = createHasher();
  expect(hasher.digest().crc32c).toBe('AAAAAA==');
});

test('a file is hashed whole, or its first bytes', async () => {
  const path = join(dir, 'file');
  await writeFile(path, '123456789 and more');
  const hasher = createHasher();
  expect(await hashInto(hasher, path, signal, 9)).toBe(9);
  expect(hasher.digest()).toEqual(CHECK);
  await writeFile(path, '123456789');
  expect(await hashFile(path, signal)).toEqual({ ...CHECK, bytes: 9 });
});

test('a difference names what was found and what was expected', () => {
  const remote = { name: 'a', url: 'http://a', bytes: 9, ...CHECK, hashesFrom: 'listing' as const };
  expect(differenceOf(remote, { ...CHECK, bytes: 9 })).toBeUndefined();
  expect(differenceOf(remote, { ...CHECK, bytes: 8 })).toBe('size 8 bytes, expected 9');
  expect(differenceOf(remote, { ...CHECK, crc32c: 'AAAAAA==', bytes: 9 })).toBe('crc32c AAAAAA==, expected 4waSgw==');
  expect(differenceOf(remote, { ...CHECK, md5: 'x', bytes: 9 })).toBe(`md5 x, expected ${CHECK.md5}`);
});

test('waits double up to a limit, and a server that asks for longer gets it', () => {
  const wait = (failures: number, error: unknown = new Error('lost')): number => backoffMs(failures, PATIENCE, error);
  expect([1, 2, 3, 20].map((failures) => wait(failures))).toEqual([500, 1000, 2000, 30_000]);
  expect(wait(1, new TransientError('busy', { retryAfterMs: 7000 }))).toBe(7000);
  expect(wait(1, new TransientError('busy', { retryAfterMs: 3_600_000 }))).toBe(30_000);
});
