/** Files that `env` writes for the user's own tools. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeToolFiles } from '../../../cli/services/env.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tool-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const textOf = (name: string): Promise<string> => readFile(join(dir, name), 'utf8');
const modeOf = async (name: string): Promise<number> => (await stat(join(dir, name))).mode & 0o777;
const all = async (): Promise<string[]> => (await readdir(dir, { recursive: true })).sort();

test('files are for their owner only, programs can be run by it; folders are made', async () => {
  const files = { 'constants.py': 'URL = "x"\n', 'proof_producer/.secret': 'pw', 'bin/tool': '#!/bin/sh\nexit 0\n' };
  expect(await writeToolFiles(dir, files)).toEqual(Object.keys(files).map((name) => join(dir, name)));
  expect(await all()).toEqual(['bin', 'bin/tool', 'constants.py', 'proof_producer', 'proof_producer/.secret']);
  expect(await textOf('proof_producer/.secret')).toBe('pw');
  expect([await modeOf('constants.py'), await modeOf('proof_producer/.secret'), await modeOf('bin/tool')]).toEqual([
    0o600, 0o600, 0o700,
  ]);
});

test('what was there is kept once, with its mode, however often it is written', async () => {
  await writeFile(join(dir, 'constants.py'), 'URL = "https://the.original/"\n');
  await chmod(join(dir, 'constants.py'), 0o644);
  await writeToolFiles(dir, { 'constants.py': 'URL = "1"\n' });
  await writeToolFiles(dir, { 'constants.py': 'URL = "2"\n' });
  expect(await textOf('constants.py')).toBe('URL = "2"\n');
  expect(await textOf('constants.py.orig')).toBe('URL = "https://the.original/"\n');
  expect([await modeOf('constants.py'), await modeOf('constants.py.orig')]).toEqual([0o600, 0o644]);
  expect(await all()).toEqual(['constants.py', 'constants.py.orig']);
});

test('the same content is no other file: nothing is kept', async () => {
  await writeToolFiles(dir, { '.user': 'requester' });
  await writeToolFiles(dir, { '.user': 'requester' });
  expect(await all()).toEqual(['.user']);
});

test('a folder in the place of a file is an error, and stays', async () => {
  await mkdir(join(dir, '.user'));
  await expect(writeToolFiles(dir, { '.user': 'requester' })).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await all()).toEqual(['.user']);
});
