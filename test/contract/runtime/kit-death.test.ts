import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { findByEnvironment } from '../../../cli/host/proc.ts';
import { readRecord } from '../../../cli/runtimes/process/record.ts';
import { converge } from '../../../cli/services/converge.ts';
import { down } from '../../../cli/services/down.ts';
import { fixtureSpec, never, type TestDevnet, testDevnet } from './kit.ts';

let devnet: TestDevnet;
let spec: ComponentSpec;
beforeEach(async () => {
  devnet = await testDevnet();
  spec = await fixtureSpec('web');
});
afterEach(() => devnet[Symbol.asyncDispose]());

const running = (): number[] => findByEnvironment({ DEVKIT_DEVNET_DIR: devnet.paths.dir }).map(({ pid }) => pid);

async function killedKit(dieAt: number): Promise<void> {
  const script = join(import.meta.dirname, 'kit-that-dies.ts');
  const kit = spawn(process.execPath, [script, devnet.paths.workspace, JSON.stringify(spec), String(dieAt)]);
  const [, signal] = await once(kit, 'exit');
  expect(signal).toBe('SIGKILL');
}

test('a process whose pid was never written down is adopted by the next command', async () => {
  await killedKit(2);
  expect((await readRecord(devnet.paths.runDir, 'web'))?.pid).toBeUndefined();
  const orphans = running();
  expect(orphans).toHaveLength(1);
  expect((await devnet.runtime.inspect('web')).pid).toBe(orphans[0]);
  await converge({ specs: [spec], ...devnet, signal: never });
  expect(running()).toEqual(orphans);
  expect((await readRecord(devnet.paths.runDir, 'web'))?.pid).toBe(orphans[0]);
});

test('down ends a process whose pid was never written down', async () => {
  await killedKit(2);
  expect(running()).toHaveLength(1);
  await down({ ...devnet, removeData: true, signal: never });
  expect(running()).toEqual([]);
});

test('a kit killed before the process existed leaves nothing in the way', async () => {
  await killedKit(1);
  expect(running()).toEqual([]);
  await converge({ specs: [spec], ...devnet, signal: never });
  expect(running()).toHaveLength(1);
});

test('down ends a process that lost its record altogether', async () => {
  await killedKit(2);
  await rm(devnet.paths.runDir, { recursive: true });
  const result = await down({ ...devnet, removeData: true, signal: never });
  expect(result.swept).toHaveLength(1);
  expect(running()).toEqual([]);
});
