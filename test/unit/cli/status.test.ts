import { expect, test } from 'vitest';
import type { z } from 'zod';
import { statusCommand } from '../../../cli/commands/lifecycle.ts';
import { makeStyle } from '../../../cli/output/style.ts';
import type { statusResult } from '../../../cli/services/results.ts';

type Shown = z.infer<typeof statusResult>;
type Component = Shown['components'][number];

const stateOf = (component: Omit<Component, 'id' | 'ports'>): string => {
  const data = {
    devnet: 'x',
    workspace: '/w',
    state: 'partial',
    components: [{ id: 'prover', ports: [{ name: 'http', port: 80 }], ...component }],
    total: { rssBytes: 0, processes: 0 },
  } as Shown;
  const line = statusCommand.render?.(data, makeStyle(false)).find((text) => text.startsWith('  prover'));
  return /prover\s+(.*?)\s+http 80/.exec(line ?? '')?.[1] ?? '';
};

test.each([
  ['out of memory', { state: 'exited', exitCode: 137, outOfMemory: true }],
  ['exited (2)', { state: 'exited', exitCode: 2 }],
  ['exited (SIGKILL)', { state: 'exited', signal: 'SIGKILL' }],
  ['exited', { state: 'exited' }],
  ['not ready', { state: 'running', ready: false }],
  ['running', { state: 'running', ready: true }],
  ['not started', { state: 'missing' }],
] as const)('status says %s', (text, component) => {
  expect(stateOf(component)).toBe(text);
});
