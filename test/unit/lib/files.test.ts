import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJson, writeFileAtomic } from '../../../lib/atomic-file.ts';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { withFileLock } from '../../../lib/file-lock.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-lib-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('writeFileAtomic replaces content, sets the mode, creates folders and leaves no temporary file', async () => {
  const path = join(dir, 'a', 'b.txt');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, 'two', { mode: 0o600 });
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(dir, 'a'))).toEqual(['b.txt']);
});

test('writeFileAtomic leaves the target and no temporary file when it cannot replace it', async () => {
  const path = join(dir, 'folder');
  await writeFileAtomic(join(path, 'child'), 'x');
  await expect(writeFileAtomic(path, 'y')).rejects.toThrow();
  expect(await readdir(dir)).toEqual(['folder']);
});

test('readJson gives undefined for a missing file and names a damaged one', async () => {
  expect(await readJson(join(dir, 'none.json'))).toBeUndefined();
  await writeFile(join(dir, 'bad.json'), '{"a":');
  await expect(readJson(join(dir, 'bad.json'))).rejects.toThrow(join(dir, 'bad.json'));
});

test('withFileLock runs holders one after the other', async () => {
  const path = join(dir, 'lock');
  let inside = 0;
  let most = 0;
  const work = (): Promise<void> =>
    withFileLock(path, async () => {
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    });
  await Promise.all([work(), work(), work()]);
  expect(most).toBe(1);
});

test('withFileLock releases when the work throws', async () => {
  const path = join(dir, 'lock');
  await expect(withFileLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withFileLock(path, async () => 'free')).toBe('free');
});

test('waiting for a lock can be aborted', async () => {
  const path = join(dir, 'lock');
  await withFileLock(path, async () => {
    const controller = new AbortController();
    const waiting = withFileLock(path, async () => 'never', controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

test('cacheDir prefers its own variable, then XDG, then the home folder', () => {
  expect(cacheDir({ DEVKIT_CACHE_DIR: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheDir({ XDG_CACHE_HOME: '/b' })).toBe('/b/devkit');
  expect(cacheDir({})).toMatch(/\.cache\/devkit$/);
});
