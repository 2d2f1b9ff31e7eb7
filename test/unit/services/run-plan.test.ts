import { expect, test } from 'vitest';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import type { Step } from '../../../cli/core/types.ts';
import type { ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { lineTime } from '../../../cli/services/logs.ts';
import { runPlan } from '../../../cli/services/run-plan.ts';
import { sleep } from '../../../lib/deadline.ts';

const step = (
  id: string,
  needs: string[],
  apply: (ctx: string[], signal: AbortSignal) => Promise<void>,
): Step<string[]> => ({
  id,
  title: `do ${id}`,
  needs,
  check: async (ctx) => (ctx.includes(`${id} done`) ? { state: 'done' } : { state: 'missing' }),
  apply: async (ctx, signal) => {
    ctx.push(`${id} begins`);
    await apply(ctx, signal);
    ctx.push(`${id} done`);
  },
});

const context = (events: DevkitEvent[] = [], signal = new AbortController().signal) => ({
  runtime: {} as ManagedRuntime, // these plans have no components
  emit: (event: DevkitEvent) => events.push(event),
  signal,
});

test('steps without a need between them run side by side, others in order', async () => {
  const gate = Promise.withResolvers<void>();
  const ctx: string[] = [];
  const steps = [
    step('c', ['a', 'b'], async () => {}),
    step('a', [], () => gate.promise),
    step('b', [], async () => gate.resolve()),
  ];
  const result = await runPlan({ steps, components: [], ctx }, context());
  expect(ctx.slice(0, 2)).toEqual(['a begins', 'b begins']);
  expect(ctx.slice(-2)).toEqual(['c begins', 'c done']);
  expect(result.applied.at(-1)).toBe('c');
});

test('a step that was done before is skipped, and says so', async () => {
  const events: DevkitEvent[] = [];
  const steps = [step('a', [], async () => {})];
  const result = await runPlan({ steps, components: [], ctx: ['a done'] }, context(events));
  expect(result).toEqual({ applied: [], skipped: ['a'] });
  expect(events).toEqual([{ type: 'step.skipped', step: 'a', title: 'do a', reason: 'already done' }]);
});

test('the first failure aborts what runs, keeps the rest from starting, and is thrown', async () => {
  const events: DevkitEvent[] = [];
  const ctx: string[] = [];
  const steps = [
    step('bad', [], () => Promise.reject(new Error('no disk'))),
    step('long', [], (_ctx, signal) => sleep(60_000, signal)),
    step('later', ['bad'], async () => {}),
  ];
  await expect(runPlan({ steps, components: [], ctx }, context(events))).rejects.toThrow('no disk');
  expect(ctx).toEqual(['bad begins', 'long begins']);
  expect(events.filter((event) => event.type === 'step.failed')).toEqual([
    { type: 'step.failed', step: 'bad', title: 'do bad', message: 'no disk' },
  ]);
});

test('an abort from outside is thrown as it is', async () => {
  const controller = new AbortController();
  const steps = [step('long', [], (_ctx, signal) => sleep(60_000, signal))];
  const running = runPlan({ steps, components: [], ctx: [] }, context([], controller.signal));
  controller.abort(new Error('Ctrl-C'));
  await expect(running).rejects.toThrow('Ctrl-C');
});

test.each([
  ['{"level":30,"time":1790000000000,"msg":"x"}', 1_790_000_000_000],
  ['2026-01-01 00:00:01.500 UTC [1] LOG: x', Date.UTC(2026, 0, 1, 0, 0, 1, 500)],
  ['2026-01-01T00:00:01Z x', Date.UTC(2026, 0, 1, 0, 0, 1)],
  ['eth_blockNumber', undefined],
])('the time of %j', (line, time) => {
  expect(lineTime(line)).toBe(time);
});
