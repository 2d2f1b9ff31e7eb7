/** Starting and ending, whatever the runtime. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { ComponentStatus } from '../../../cli/core/types.ts';
import { readProcess } from '../../../cli/host/proc.ts';
import { waitReady } from '../../../cli/runtimes/ready/wait-ready.ts';
import { converge, superviseWhile } from '../../../cli/services/converge.ts';
import { devnetStatus } from '../../../cli/services/status.ts';
import { sleep } from '../../../lib/deadline.ts';
import { failure, fixtureSpec, never, type TestDevnet, until } from './kit.ts';

export function starting(the: () => TestDevnet): void {
  test('a started component runs and answers', async () => {
    const spec = await fixtureSpec('web');
    await converge({ specs: [spec], ...the(), signal: never });
    const status = await the().runtime.inspect('web');
    expect(status).toMatchObject({ id: 'web', state: 'running', podName: expect.stringContaining('web-') });
    expect(Date.now() - Date.parse(status.startedAt as string)).toBeLessThan(30_000);
    expect(readProcess(status.pid as number)).toBeDefined();
    expect(await (await fetch(spec.ready.kind === 'http' ? spec.ready.url : '')).text()).toBe('ok');
  });

  test('a component that never answers is a timeout', async () => {
    const spec = await fixtureSpec('web', [], { ready: { kind: 'tcp', host: '127.0.0.1', port: 1 } });
    await the().runtime.start(spec, never);
    const error = await failure(waitReady(spec, the().runtime, never, { timeoutMs: 300 }));
    expect(error.code).toBe('TIMED_OUT');
    expect(error.message).toContain('web is not ready after 300 ms: tcp 127.0.0.1:1: ECONNREFUSED');
  });

  test('a port that is taken names its holder and starts nothing', async () => {
    const spec = await fixtureSpec('web');
    const server = createServer().listen(spec.ports[0]?.port, '127.0.0.1');
    const error = await failure(converge({ specs: [spec], ...the(), signal: never }));
    server.close();
    expect(error.code).toBe('PORT_TAKEN');
    expect(error.message).toContain(`(pid ${process.pid})`);
    expect(await the().runtime.list()).toEqual([]);
  });

  test('a changed spec replaces what runs, an equal one keeps it', async () => {
    const { runtime } = the();
    const spec = await fixtureSpec('web');
    const first = await runtime.start(spec, never);
    expect(await runtime.start(spec, never)).toEqual(first);
    const second = await runtime.start({ ...spec, env: { CHANGED: '1' } }, never);
    expect(second.podName).not.toBe(first.podName);
    expect(readProcess(first.pid as number)).toBeUndefined();
  });

  test('two callers who start the same component get the same one', async () => {
    const spec = await fixtureSpec('web');
    const [one, two] = await Promise.all([the().runtime.start(spec, never), the().otherKit().start(spec, never)]);
    expect([one.pid, one.podName]).toEqual([two.pid, two.podName]);
  });

  test('a component started by hand with other flags can be left as it is', async () => {
    const spec = await fixtureSpec('web');
    const { pid } = await the().runtime.start(spec, never);
    const changed = { ...spec, env: { CHANGED: '1' } };
    await converge({ specs: [changed], ...the(), keepChanged: true, signal: never });
    expect((await the().runtime.inspect('web')).pid).toBe(pid);
  });

  test('another command finds what runs, and converging again starts nothing', async () => {
    const needs = [{ component: 'a', condition: 'ready' as const }];
    const specs = [await fixtureSpec('a'), await fixtureSpec('b', [], { needs })];
    await converge({ specs, ...the(), signal: never });
    const runtime = the().otherKit();
    const before = await runtime.list();
    expect(before.map(({ id, state }) => `${id} ${state}`)).toEqual(['a running', 'b running']);
    await converge({ specs, ...the(), runtime, signal: never });
    expect(await runtime.list()).toEqual(before);
    expect(await runtime.describe('b')).toEqual({ ports: specs[1]?.ports, needs: ['a'] });
    expect(await runtime.describe('c')).toBeUndefined();
  });

  test('status reports ports, readiness, uptime and memory', async () => {
    const spec = await fixtureSpec('web');
    await converge({ specs: [spec], ...the(), signal: never });
    const status = await devnetStatus({ ...the(), specs: [spec], signal: never });
    expect(status.components).toMatchObject([{ id: 'web', state: 'running', ready: true, ports: spec.ports }]);
    expect(status.components[0]?.usage?.rssBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(status.components[0]?.uptimeMs).toBeGreaterThanOrEqual(0);
    expect(await the().runtime.usage('nothing')).toBeUndefined();
  });
}

export function ends(the: () => TestDevnet): void {
  test.each([3, 0])('an exit with code %i before it is ready is a failure with the last lines', async (code) => {
    const spec = await fixtureSpec('web', ['--exit', String(code)]);
    const error = await failure(converge({ specs: [spec], ...the(), signal: never }));
    expect(error.code).toBe('COMPONENT_FAILED');
    expect(error.message).toContain(`web ended before it was ready (exit code ${code})`);
    const lines = ((error.details?.lastLines ?? []) as string[]).filter((line) => line.startsWith('line'));
    expect(lines.slice(-19)).toEqual(Array.from({ length: 19 }, (_, i) => `line ${i + 12}`));
    const { logFile } = await the().runtime.inspect('web');
    expect(error.hint).toBe(`whole log: ${logFile}`);
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
      superviseWhile(work, { specs: [spec], ...the(), maxCrashes: 1, intervalMs: 20, signal: never }),
    );
    expect(error.message).toContain('web ended 2 times within 60 s (exit code 5)');
    expect(error.message).toContain('line 30');
    expect(aborted).toBe(true);
  });

  test('a killed main process is seen, told once, and started again', async () => {
    const spec = await fixtureSpec('web');
    await converge({ specs: [spec], ...the(), signal: never });
    const killed = await the().runtime.inspect('web');
    const seen: ComponentStatus[] = [];
    const onExit = async (status: ComponentStatus): Promise<void> => void seen.push(status);
    const work = async (): Promise<void> => {
      process.kill(killed.pid as number, 'SIGKILL');
      await until(() => the().events.some(({ type }) => type === 'component.restarted'));
    };
    await superviseWhile(work, { specs: [spec], ...the(), onExit, intervalMs: 400, signal: never });
    expect(seen).toMatchObject([{ id: 'web', state: 'exited', podName: killed.podName }]);
    const again = await the().runtime.inspect('web');
    expect([again.state, again.pid === killed.pid]).toEqual(['running', false]);
  });

  test('last lines are those of the current start', async () => {
    const { runtime } = the();
    const spec = await fixtureSpec('web', ['--say', 'hello']);
    await converge({ specs: [spec], ...the(), signal: never });
    const { pid } = await runtime.inspect('web');
    process.kill(pid as number, 'SIGKILL');
    await until(async () => (await runtime.inspect('web')).state === 'exited');
    expect((await runtime.lastLines('web', 10)).at(-1)).toBe('hello');
    await converge({ specs: [spec], ...the(), signal: never });
    expect(await runtime.lastLines('web', 10)).toEqual([expect.stringContaining('starts'), 'hello']);
  });
}
