import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DevkitError } from '../../../cli/core/errors.ts';
import { readProcess } from '../../../cli/host/proc.ts';
import { readRecord, writeRecord } from '../../../cli/runtimes/process/record.ts';
import { waitReady } from '../../../cli/runtimes/ready/wait-ready.ts';
import { runAttached } from '../../../cli/services/attach.ts';
import { converge, superviseWhile } from '../../../cli/services/converge.ts';
import { down } from '../../../cli/services/down.ts';
import { devnetLogs } from '../../../cli/services/logs.ts';
import { poll, sleep } from '../../../lib/deadline.ts';
import { fixtureSpec, never, type TestDevnet, testDevnet } from './kit.ts';

let devnet: TestDevnet;
beforeEach(async () => {
  devnet = await testDevnet();
});
afterEach(() => devnet[Symbol.asyncDispose]());

/** The error of something that must fail. */
const failure = (promise: Promise<unknown>): Promise<DevkitError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error) => error as DevkitError,
  );

test.each([3, 0])(
  'an exit with code %i before it is ready is a failure with the last lines and the log file',
  async (code) => {
    const spec = await fixtureSpec('web', ['--exit', String(code)]);
    const error = await failure(converge({ specs: [spec], ...devnet, signal: never }));
    expect(error.code).toBe('COMPONENT_FAILED');
    expect(error.message).toContain(`web ended before it was ready (exit code ${code})`);
    expect(error.details?.lastLines).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 11}`));
    expect(error.hint).toContain(join(devnet.paths.logsDir, 'web.log'));
  },
);

test('a component that never answers is a timeout', async () => {
  const spec = await fixtureSpec('web', [], { ready: { kind: 'tcp', host: '127.0.0.1', port: 1 } });
  await devnet.runtime.start(spec, never);
  const error = await failure(waitReady(spec, devnet.runtime, never, { timeoutMs: 300 }));
  expect(error.code).toBe('TIMED_OUT');
  expect(error.message).toContain('web is not ready after 300 ms: tcp 127.0.0.1:1: ECONNREFUSED');
});

test('a port that is taken names its holder and starts nothing', async () => {
  const spec = await fixtureSpec('web');
  const server = createServer().listen(spec.ports[0]?.port, '127.0.0.1');
  const error = await failure(converge({ specs: [spec], ...devnet, signal: never }));
  server.close();
  expect(error.code).toBe('PORT_TAKEN');
  expect(error.message).toContain(`(pid ${process.pid})`);
  expect(await devnet.runtime.list()).toEqual([]);
});

test('a changed spec replaces the process, an equal one keeps it', async () => {
  const spec = await fixtureSpec('web');
  const first = await devnet.runtime.start(spec, never);
  expect(await devnet.runtime.start(spec, never)).toEqual(first);
  const second = await devnet.runtime.start({ ...spec, env: { CHANGED: '1' } }, never);
  expect(second.podName).not.toBe(first.podName);
  expect(readProcess(first.pid as number)).toBeUndefined();
});

test('two callers who start the same component get the same process', async () => {
  const spec = await fixtureSpec('web');
  const [one, two] = await Promise.all([devnet.runtime.start(spec, never), devnet.runtime.start(spec, never)]);
  expect(one.pid).toBe(two.pid);
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

test('a component that keeps ending is given up, and the work is aborted', async () => {
  const spec = await fixtureSpec('web', ['--exit', '5']);
  let aborted = false;
  const work = async (signal: AbortSignal): Promise<void> => {
    await sleep(60_000, signal).catch((error) => {
      aborted = true;
      throw error;
    });
  };
  const error = await failure(
    superviseWhile(work, { specs: [spec], ...devnet, maxCrashes: 1, intervalMs: 20, signal: never }),
  );
  expect(error.message).toContain('web ended 2 times within 60 s (exit code 5)');
  expect(error.message).toContain('line 30');
  expect(aborted).toBe(true);
});

test('supervising ends when another command takes the devnet down', async () => {
  const spec = await fixtureSpec('web');
  await converge({ specs: [spec], ...devnet, signal: never });
  const work = async (signal: AbortSignal): Promise<void> => {
    await down({ ...devnet, removeData: false, signal: never });
    await sleep(60_000, signal);
  };
  const options = { specs: [spec], ...devnet, intervalMs: 20, downMarker: devnet.paths.downMarker, signal: never };
  const error = await failure(superviseWhile(work, options));
  expect(error.code).toBe('INTERRUPTED');
  expect((await devnet.runtime.inspect('web')).state).toBe('missing');
});

test('logs follow several components until aborted', async () => {
  const specs = [await fixtureSpec('a', ['--say', 'hello from a']), await fixtureSpec('b', ['--say', 'hello from b'])];
  await converge({ specs, ...devnet, signal: never });
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const { component, line } of devnetLogs({
    ...devnet,
    components: [],
    follow: true,
    signal: controller.signal,
  })) {
    if (line.startsWith('hello')) seen.push(`${component}: ${line}`);
    if (seen.length === 2) controller.abort();
  }
  expect(seen.sort()).toEqual(['a: hello from a', 'b: hello from b']);
});

test('logs of a component that was never started name those that were', async () => {
  await devnet.runtime.start(await fixtureSpec('a'), never);
  const lines = devnetLogs({ ...devnet, components: ['gatway'], follow: false, signal: never });
  const error = await failure(lines.next());
  expect([error.code, error.hint]).toEqual(['NOT_FOUND', 'there are: a']);
});

test('an attached component is stopped when its terminal is interrupted', async () => {
  const spec = await fixtureSpec('web', ['--say', 'hello']);
  const controller = new AbortController();
  const lines: string[] = [];
  const running = failure(
    runAttached(spec, { ...devnet, signal: controller.signal }, (line) => lines.push(line)) as never,
  );
  await poll(async () => (lines.includes('hello') ? true : undefined), { intervalMs: 20, signal: never });
  controller.abort(new Error('Ctrl-C'));
  expect((await running).message).toBe('Ctrl-C');
  expect((await devnet.runtime.inspect('web')).state).toBe('missing');
});

test('an attached component that another command stops says so', async () => {
  const spec = await fixtureSpec('web');
  const running = failure(runAttached(spec, { ...devnet, signal: never }, () => {}));
  await poll(async () => devnet.events.find(({ type }) => type === 'component.ready'), {
    intervalMs: 20,
    signal: never,
  });
  await down({ ...devnet, removeData: false, signal: never });
  expect(await running).toMatchObject({ code: 'INTERRUPTED', message: 'web was stopped by another command' });
});

test('a component started by hand with other flags can be left as it is', async () => {
  const spec = await fixtureSpec('web');
  const { pid } = await devnet.runtime.start(spec, never);
  const changed = { ...spec, env: { CHANGED: '1' } };
  await converge({ specs: [changed], ...devnet, keepChanged: true, signal: never });
  expect((await devnet.runtime.inspect('web')).pid).toBe(pid);
});

test('a program that cannot be executed leaves no record', async () => {
  const spec = await fixtureSpec('web', [], { cwd: join(devnet.paths.dir, 'nowhere') });
  const error = await failure(devnet.runtime.start(spec, never));
  expect(error.message).toBe(`web cannot be started: there is no folder ${spec.cwd}`);
  expect(await devnet.runtime.list()).toEqual([]);
});
