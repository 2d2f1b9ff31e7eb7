import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cachedKey, keyId } from '../../../proving/key-cache.ts';
import { openWorkbench, tempDir, type Workbench } from './setup.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let bench: Workbench;
beforeAll(async () => {
  dir = await tempDir();
  bench = await openWorkbench(dir.path);
});
afterAll(() => dir[Symbol.asyncDispose]());

/** With a signal that stops whatever has to wait: what it returns comes from the cache. */
const fromCacheOnly = () => cachedKey({ ...request(), signal: AbortSignal.abort(new Error('not in the cache')) });
const request = () => ({ ...bench, circuit: 'tiny', target: 'recursive' as const });
const keyFile = async () => {
  const names = (await readdir(join(dir.path, 'keys'))).filter((name) => name.endsWith('.json'));
  return join(dir.path, 'keys', names[0]!);
};

it('a key that is not there is made, and then read', async () => {
  await expect(fromCacheOnly()).rejects.toThrow('not in the cache');
  const made = await cachedKey(request());
  expect(made).toEqual(await bench.bb.writeVk({ program: bench.program, target: 'recursive' }));
  expect(await fromCacheOnly()).toEqual(made);
});

it.each([
  ['one character of the key changed', (text: string) => text.replace(/"key":"(.{100})./, '"key":"$1?')],
  ['the hash changed', (text: string) => text.replace(/"hash":"0x./, '"hash":"0x5')],
  ['half of the file missing', (text: string) => text.slice(0, text.length / 2)],
  ['nothing in the file', () => ''],
])('a file with %s is not used but made again', async (_, damage) => {
  const made = await cachedKey(request());
  const path = await keyFile();
  const intact = await readFile(path, 'utf8');
  expect(damage(intact)).not.toBe(intact);
  await writeFile(path, damage(intact));
  await expect(fromCacheOnly()).rejects.toThrow('not in the cache');
  expect(await cachedKey(request())).toEqual(made);
  expect(await readFile(path, 'utf8')).toBe(intact);
});

it('callers at the same time get the same key', async () => {
  const keys = await Promise.all([1, 2, 3].map(() => cachedKey({ ...request(), circuit: 'at-once' })));
  expect(keys[1]).toEqual(keys[0]);
  expect(keys[2]).toEqual(keys[0]);
});

it('program, target, bb and reference string are all part of the identity', () => {
  const { program, bb, crs } = bench;
  const ids = [
    keyId({ program, target: 'recursive', bb, crs }),
    keyId({ program, target: 'evm', bb, crs }),
    keyId({ program: { ...program, bytecode: `${program.bytecode}A` }, target: 'recursive', bb, crs }),
    keyId({ program, target: 'recursive', bb, crs: { ...crs, id: 'ignition' } }),
    keyId({ program, target: 'recursive', bb: { ...bb, version: 'bb 6.0.0' }, crs }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});
