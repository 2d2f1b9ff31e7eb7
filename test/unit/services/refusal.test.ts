import { expect, test } from 'vitest';
import type { ComponentStatus } from '../../../cli/core/types.ts';
import type { ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { refusal } from '../../../cli/services/ensure-component.ts';

const LINES = [
  '{"level":"info","msg":"starting"}',
  '{"level":"fatal","msg":"/k/verification_basic_1_key.json: the key of vm is damaged"}',
];
const runtimeWith = (lines: string[]) => ({ lastLines: async () => lines }) as unknown as ManagedRuntime;
const ended = (exitCode?: number): ComponentStatus =>
  ({
    id: 'compressor',
    state: 'exited',
    ports: [],
    ...(exitCode === undefined ? {} : { exitCode }),
  }) as ComponentStatus;

test('a component that ended because of what it was given is quoted in one line, with the next command', async () => {
  const error = await refusal(ended(2), runtimeWith(LINES));
  expect(error?.message).toBe('compressor cannot start: /k/verification_basic_1_key.json: the key of vm is damaged');
  expect([error?.exitCode, error?.hint]).toEqual([4, expect.stringContaining('devkit up')]);
});

test.each([1, undefined])('an end with exit code %s may pass by itself: it is no refusal', async (exitCode) => {
  expect(await refusal(ended(exitCode), runtimeWith(LINES))).toBeUndefined();
});

test('without a reason in the log it is no refusal either', async () => {
  expect(await refusal(ended(2), runtimeWith(['not JSON "fatal"', '{"level":"info","msg":"x"}']))).toBeUndefined();
});
