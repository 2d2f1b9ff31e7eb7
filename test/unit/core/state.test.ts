import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DevnetPaths, devnetPaths, findWorkspace, listDevnets } from '../../../cli/core/paths.ts';
import { type DevnetState, readState, requireState, updateState } from '../../../cli/core/state.ts';

let workspace: string;
let paths: DevnetPaths;
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'devkit-state-'));
  paths = devnetPaths(workspace, 'one');
});
afterEach(() => rm(workspace, { recursive: true, force: true }));

const state: DevnetState = {
  schemaVersion: 2,
  name: 'one',
  system: 'zksync',
  runtime: 'process',
  variant: 'reference',
  createdAt: '2026-01-01T00:00:00.000Z',
  ports: { postgres: 5432 },
  portShift: 0,
  settings: { ecosystemDir: '/e' },
};

test('what was written is read again, and only its owner may read the file', async () => {
  await updateState(paths, () => state);
  expect(await readState(paths)).toEqual(state);
  expect((await stat(paths.stateFile)).mode & 0o777).toBe(0o600);
});

test('changes made at the same time do not get lost', async () => {
  await updateState(paths, () => state);
  const add = (name: string): Promise<unknown> =>
    updateState(paths, (old) => ({ ...(old as DevnetState), ports: { ...old?.ports, [name]: 1000 } }));
  await Promise.all(['a', 'b', 'c', 'd'].map(add));
  expect(Object.keys((await requireState(paths)).ports).sort()).toEqual(['a', 'b', 'c', 'd', 'postgres']);
});

test("another account's devnet is no reason to remove it", async () => {
  await updateState(paths, () => state);
  const [file, core] = [paths.stateFile, join(import.meta.dirname, '../../../cli/core/state.ts')];
  await chmod(file, 0);
  await chmod(workspace, 0o755);
  const code = `const { readState } = await import(${JSON.stringify(core)});
    await readState(${JSON.stringify(paths)}).catch(({ code, hint }) => console.log(JSON.stringify({ code, hint })));`;
  const isRoot = process.getuid?.() === 0;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  expect(JSON.parse(stdout)).toEqual({ code: 'HOST_UNFIT', hint: expect.stringContaining(`ls -ld ${paths.dir} `) });
});

test('a missing devnet is not found', async () => {
  expect(await readState(paths)).toBeUndefined();
  await expect(requireState(paths)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  ['not JSON', '{"schemaVersion":', 'is not valid JSON'],
  ['a newer version', '{"schemaVersion":3}', 'this devkit knows up to 2'],
  ['an unknown version', '{"schemaVersion":0}', 'this devkit does not know'],
  ['a wrong value', JSON.stringify({ ...state, ports: { postgres: 0 } }), 'ports.postgres'],
  ['an unknown key', JSON.stringify({ ...state, extra: 1 }), 'extra'],
])('%s in the file is a clear error', async (_what, content, message) => {
  await mkdir(paths.dir, { recursive: true });
  await writeFile(paths.stateFile, content);
  await expect(readState(paths)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
  });
});

test('a state of version 1 is read: the folder of its ecosystem is among the settings now', async () => {
  const { settings: _, ...rest } = state;
  const old = { ...rest, schemaVersion: 1, ecosystemDir: '/e', settings: { adopted: true } };
  await mkdir(paths.dir, { recursive: true });
  await writeFile(paths.stateFile, JSON.stringify(old));
  expect(await readState(paths)).toEqual({ ...state, settings: { adopted: true, ecosystemDir: '/e' } });
});

test('an invalid state is not written', async () => {
  await expect(updateState(paths, () => ({ ...state, portShift: -1 }))).rejects.toThrow();
  expect(await readState(paths)).toBeUndefined();
});

test('the workspace is the nearest parent with .devkit, else the folder itself', async () => {
  const deep = join(workspace, 'a', 'b');
  await mkdir(deep, { recursive: true });
  expect(findWorkspace(deep)).toBe(deep);
  await mkdir(paths.dir, { recursive: true });
  expect(findWorkspace(deep)).toBe(workspace);
});

test('devnets are listed by name, half-made ones too', async () => {
  expect(listDevnets(workspace)).toEqual([]);
  await mkdir(devnetPaths(workspace, 'two').dir, { recursive: true });
  await updateState(paths, () => state);
  expect(listDevnets(workspace)).toEqual(['one', 'two']);
});

test.each(['', '..', 'a/b', 'A', '-a', 'a-', 'x'.repeat(41)])('%j is not a devnet name', (name) => {
  expect(() => devnetPaths(workspace, name)).toThrow(`'${name}' is not a devnet name`);
});
