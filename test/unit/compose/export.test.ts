/** Refusals of `export compose`: all of them before any engine is asked. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { updateState } from '../../../cli/core/state.ts';
import type { RuntimeName } from '../../../cli/core/types.ts';
import { openServiceContext } from '../../../cli/services/context.ts';
import { exportCompose } from '../../../cli/services/export-compose.ts';
import { tempDir } from './temp-dir.ts';

async function workspace(runtime: RuntimeName, system = 'zksync') {
  const temp = await tempDir();
  const paths = devnetPaths(temp.dir, 'default');
  await mkdir(paths.dir, { recursive: true });
  await updateState(paths, () => ({
    schemaVersion: 2,
    name: 'default',
    system,
    runtime,
    variant: 'reference',
    createdAt: new Date(0).toISOString(),
    ports: {},
    portShift: 0,
    settings: { ecosystemDir: paths.defaultEcosystemDir },
  }));
  const ctx = openServiceContext({ cwd: temp.dir, emit: () => {}, signal: AbortSignal.timeout(20_000) });
  return { ...temp, ctx };
}

test.each([
  ['zksync', 'devkit quickstart --runtime docker --devnet docker, then: devkit export compose --devnet docker'],
  [
    'proof-market',
    'devkit up --system proof-market --runtime docker --devnet docker, then: devkit export compose --devnet docker',
  ],
])('a devnet of processes (%s) is not exported: its databases are elsewhere', async (system, hint) => {
  await using made = await workspace('process', system);
  await expect(
    exportCompose(made.ctx, { file: join(made.dir, 'x.yaml'), healthIntervalMs: 1000 }),
  ).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining("devnet 'default' runs as processes"),
    hint,
  });
});

test("somebody's own compose.yaml is not written over", async () => {
  await using made = await workspace('docker');
  const file = join(made.dir, 'compose.yaml');
  await writeFile(file, 'services: {}\n');
  await expect(exportCompose(made.ctx, { file, healthIntervalMs: 1000 })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    message: `${file} was not written by devkit`,
  });
  expect(await readFile(file, 'utf8')).toBe('services: {}\n');
});

test('a folder is no file', async () => {
  await using made = await workspace('docker');
  await expect(exportCompose(made.ctx, { file: made.dir, healthIntervalMs: 1000 })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(made.dir),
  });
});

test('without a devnet there is nothing to export', async () => {
  await using temp = await tempDir();
  const ctx = openServiceContext({ cwd: temp.dir, emit: () => {}, signal: AbortSignal.timeout(20_000) });
  await expect(exportCompose(ctx, { healthIntervalMs: 1000 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
