/** What only processes have: recorded pids, a log file of their own. The behaviours of every runtime are in both.test.ts. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProcess } from '../../../cli/host/proc.ts';
import { readRecord, writeRecord } from '../../../cli/runtimes/process/record.ts';
import { converge } from '../../../cli/services/converge.ts';
import { failure, fixtureSpec, never, type TestDevnet, testDevnet } from './kit.ts';

let devnet: TestDevnet;
beforeEach(async () => {
  devnet = await testDevnet();
});
afterEach(() => devnet[Symbol.asyncDispose]());

test('an end before it is ready names the log file; all its lines are there', async () => {
  const spec = await fixtureSpec('web', ['--exit', '3']);
  const error = await failure(converge({ specs: [spec], ...devnet, signal: never }));
  expect(error.details?.lastLines).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 11}`));
  expect(error.hint).toContain(join(devnet.paths.logsDir, 'web.log'));
});

test('stopping kills what ignores the signal and what it left behind', async () => {
  const spec = await fixtureSpec('web', ['--deaf', '--child'], { stop: { signal: 'SIGTERM', graceMs: 200 } });
  await converge({ specs: [spec], ...devnet, signal: never });
  const { pid } = await devnet.runtime.inspect('web');
  const lines = await devnet.runtime.lastLines('web', 5);
  const child = Number(lines.find((line) => line.startsWith('child'))?.split(' ')[1]);
  expect(readProcess(child)).toBeDefined();
  await devnet.runtime.stop('web', never);
  expect([readProcess(pid as number), readProcess(child)]).toEqual([undefined, undefined]);
  expect(await readFile(join(devnet.paths.logsDir, 'web.log'), 'utf8')).toContain('SIGTERM ignored');
});

test('a process that has the recorded pid but another start time is left alone', async () => {
  const spec = await fixtureSpec('web');
  await devnet.runtime.start(spec, never);
  const record = await readRecord(devnet.paths.runDir, 'web');
  if (!record) throw new Error('no record');
  await devnet.runtime.stop('web', never);
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    const { pid, startTicks } = readProcess(stranger.pid as number) as { pid: number; startTicks: number };
    await writeRecord(devnet.paths.runDir, { ...record, pid, startTicks: startTicks - 1 });
    expect((await devnet.runtime.inspect('web')).state).toBe('exited');
    await devnet.runtime.stop('web', never);
    expect(readProcess(pid)).toBeDefined();
  } finally {
    stranger.kill('SIGKILL');
  }
});

test('a program that cannot be executed leaves no record', async () => {
  const spec = await fixtureSpec('web', [], { cwd: join(devnet.paths.dir, 'nowhere') });
  const error = await failure(devnet.runtime.start(spec, never));
  expect(error.message).toBe(`web cannot be started: there is no folder ${spec.cwd}`);
  expect(await devnet.runtime.list()).toEqual([]);
});
