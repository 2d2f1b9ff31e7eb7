/** Stopping and logs, whatever the runtime. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { processTree, readProcess } from '../../../cli/host/proc.ts';
import { runAttached } from '../../../cli/services/attach.ts';
import { converge, superviseWhile } from '../../../cli/services/converge.ts';
import { down } from '../../../cli/services/down.ts';
import { devnetLogs } from '../../../cli/services/logs.ts';
import { sleep } from '../../../lib/deadline.ts';
import { failure, fixtureSpec, never, type TestDevnet, until } from './kit.ts';

export function stopping(the: () => TestDevnet, create: () => Promise<TestDevnet>): void {
  test('stopping kills what ignores the signal and what it left behind', async () => {
    const { runtime } = the();
    const spec = await fixtureSpec('web', ['--deaf', '--child'], { stop: { signal: 'SIGTERM', graceMs: 400 } });
    await converge({ specs: [spec], ...the(), signal: never });
    const tree = processTree((await runtime.inspect('web')).pid as number);
    expect(tree.length).toBeGreaterThan(1);
    const lines: string[] = [];
    const following = new AbortController();
    const followed = collect(runtime.logs('web', { follow: true }, following.signal), lines);
    await runtime.stop('web', never);
    expect(tree.map(({ pid }) => readProcess(pid))).toEqual(tree.map(() => undefined));
    await until(() => lines.includes('SIGTERM ignored'));
    following.abort();
    await followed;
    expect(await runtime.inspect('web')).toEqual({ id: 'web', state: 'missing' });
  });

  test('stopping what does not run, or never did, is no error', async () => {
    const { runtime } = the();
    await runtime.stop('web', never);
    await converge({ specs: [await fixtureSpec('web')], ...the(), signal: never });
    const { pid } = await runtime.inspect('web');
    process.kill(pid as number, 'SIGKILL');
    await runtime.stop('web', never);
    expect(await runtime.list()).toEqual([]);
  });

  test('supervising ends when another command takes the devnet down', async () => {
    const spec = await fixtureSpec('web');
    await converge({ specs: [spec], ...the(), signal: never });
    const work = async (signal: AbortSignal): Promise<void> => {
      await down({ ...the(), runtime: the().otherKit(), removeData: false, signal: never });
      await sleep(60_000, signal);
    };
    const options = { specs: [spec], ...the(), intervalMs: 20, downMarker: the().paths.downMarker, signal: never };
    const error = await failure(superviseWhile(work, options));
    expect(error.code).toBe('INTERRUPTED');
    expect((await the().runtime.inspect('web')).state).toBe('missing');
  });

  test('down stops each after what needs it, also without any file of the devnet', async () => {
    const needs = [{ component: 'a', condition: 'ready' as const }];
    const specs = [await fixtureSpec('a'), await fixtureSpec('b', [], { needs })];
    await converge({ specs, ...the(), signal: never });
    const pids = (await the().runtime.list()).map(({ pid }) => pid as number);
    await rm(join(the().paths.dir, 'containers'), { recursive: true, force: true });
    const result = await down({ ...the(), removeData: true, signal: never });
    expect(result).toMatchObject({ stopped: ['a', 'b'], swept: [], removed: true });
    const stopped = the().events.flatMap((event) => (event.type === 'component.stopped' ? [event.component] : []));
    expect(stopped).toEqual(['b', 'a']);
    expect(pids.map(readProcess)).toEqual([undefined, undefined]);
  });

  test('two devnets of one name in two workspaces do not know each other', async () => {
    await using other = await create();
    const specs: ComponentSpec[] = [await fixtureSpec('web')];
    await converge({ specs, ...the(), signal: never });
    await converge({ specs: [await fixtureSpec('web')], ...other, signal: never });
    await down({ ...other, removeData: false, signal: never });
    expect((await other.runtime.inspect('web')).state).toBe('missing');
    expect((await the().runtime.inspect('web')).state).toBe('running');
  });

  test('an attached component is stopped when its terminal is interrupted', async () => {
    const spec = await fixtureSpec('web', ['--say', 'hello']);
    const controller = new AbortController();
    const lines: string[] = [];
    const running = failure(runAttached(spec, { ...the(), signal: controller.signal }, (line) => lines.push(line)));
    await until(() => lines.includes('hello'));
    controller.abort(new Error('Ctrl-C'));
    expect((await running).message).toBe('Ctrl-C');
    expect((await the().runtime.inspect('web')).state).toBe('missing');
  });

  test('an attached component that another command stops says so', async () => {
    const spec = await fixtureSpec('web');
    const running = failure(runAttached(spec, { ...the(), signal: never }, () => {}));
    await until(() => the().events.some(({ type }) => type === 'component.ready'));
    await down({ ...the(), runtime: the().otherKit(), removeData: false, signal: never });
    expect(await running).toMatchObject({ code: 'INTERRUPTED', message: 'web was stopped by another command' });
  });
}

export function logs(the: () => TestDevnet): void {
  test('several components are followed until aborted', async () => {
    const specs = [
      await fixtureSpec('a', ['--say', 'hello from a']),
      await fixtureSpec('b', ['--say', 'hello from b']),
    ];
    await converge({ specs, ...the(), signal: never });
    const controller = new AbortController();
    const seen: string[] = [];
    const options = { ...the(), components: [], follow: true, signal: controller.signal };
    for await (const { component, line } of devnetLogs(options)) {
      if (line.startsWith('hello')) seen.push(`${component}: ${line}`);
      if (seen.length === 2) controller.abort();
    }
    expect(seen.sort()).toEqual(['a: hello from a', 'b: hello from b']);
  });

  test('following begins before the first start and goes on over a restart; no line twice', async () => {
    const { runtime } = the();
    const spec = await fixtureSpec('web', ['--say', 'hello']);
    const following = new AbortController();
    const lines: string[] = [];
    const followed = collect(runtime.logs('web', { follow: true, tail: 0 }, following.signal), lines);
    await converge({ specs: [spec], ...the(), signal: never });
    await until(() => lines.length === 2);
    process.kill((await runtime.inspect('web')).pid as number, 'SIGKILL');
    await until(async () => (await runtime.inspect('web')).state === 'exited');
    await converge({ specs: [spec], ...the(), signal: never });
    await until(() => lines.length >= 4);
    await sleep(300);
    following.abort();
    await followed;
    expect(lines.map((line) => line.replace(/ \S+ starts/, ' starts'))).toEqual(
      Array.from({ length: 2 }, () => ['fixture starts', 'hello']).flat(),
    );
  });

  test('the tail is the last lines', async () => {
    const { runtime } = the();
    await failure(converge({ specs: [await fixtureSpec('web', ['--exit', '0'])], ...the(), signal: never }));
    const lines: string[] = [];
    await collect(runtime.logs('web', { follow: false, tail: 3 }, never), lines);
    expect(lines).toEqual(['line 28', 'line 29', 'line 30']);
  });

  test('logs of a component that was never started name those that were', async () => {
    await the().runtime.start(await fixtureSpec('a'), never);
    const lines = devnetLogs({ ...the(), components: ['gatway'], follow: false, signal: never });
    const error = await failure(lines.next());
    expect([error.code, error.hint]).toEqual(['NOT_FOUND', 'there are: a']);
  });
}

async function collect(lines: AsyncIterable<string>, into: string[]): Promise<void> {
  for await (const line of lines) into.push(line);
}
