import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createHealth } from '../../../systems/zksync/components/server/health.ts';
import { runTask, type Task, type TaskRunner } from '../../../systems/zksync/components/server/tasks.ts';

/** A runner whose waits end at once; it stops after `rounds` of them. */
function runner(rounds: number) {
  const stop = new AbortController();
  const waits: number[] = [];
  const health = createHealth(['tree']);
  const subscription = {
    wait: async (ms: number) => {
      waits.push(ms);
      if (waits.length >= rounds) stop.abort(new Error('enough'));
      return false;
    },
    close: () => {},
  };
  const context: TaskRunner = {
    waker: { connected: true, subscribe: () => subscription },
    health,
    log: pino({ level: 'silent' }),
    signal: stop.signal,
    pollMs: 50,
  };
  return { context, waits, health };
}

const task = (run: Task['run'], essential?: true): Task => ({
  component: 'tree',
  ...(essential && { essential }),
  topics: [],
  idleMs: 10_000,
  run,
});

test('a task that has nothing to do waits its full time', async () => {
  const { context, waits } = runner(2);
  await runTask(
    task(async () => 'idle'),
    context,
  );
  expect(waits).toEqual([10_000, 10_000]);
});

test('a task that may have more to do runs again without waiting', async () => {
  const { context, waits } = runner(1);
  let left = 3;
  await runTask(
    task(async () => (left-- > 0 ? 'again' : 'idle')),
    context,
  );
  expect([left, waits.length]).toEqual([-1, 1]);
});

test('without notifications no wait is longer than the polling interval', async () => {
  const { context, waits } = runner(1);
  await runTask(
    task(async () => 'idle'),
    { ...context, waker: { ...context.waker, connected: false } },
  );
  expect(waits).toEqual([50]);
});

test('a failing task is tried again, less and less often', async () => {
  const { context, waits } = runner(5);
  await runTask(
    task(async () => {
      throw new Error('no');
    }),
    context,
  );
  expect(waits).toEqual([100, 250, 500, 1000, 1000]);
});

test('an essential task makes its component ready with its first success', async () => {
  const { context, health } = runner(2);
  const seen: unknown[] = [];
  let calls = 0;
  await runTask(
    task(async () => {
      seen.push(health.get('tree')?.status);
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return 'idle';
    }, true),
    context,
  );
  expect(seen).toEqual(['not_ready', 'not_ready']);
});
