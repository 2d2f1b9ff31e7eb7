/** Recursive aggregation, the smallest batch: one instance of each kind, every level verified inside the one above. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { QuickstartResult } from '../../cli/services/inputs.ts';
import { devkitJson, tempWorkspace } from '../fixtures/devkit.ts';

let workspace: Awaited<ReturnType<typeof tempWorkspace>>;
beforeAll(async () => {
  workspace = await tempWorkspace('recursive');
});
afterAll(() => workspace[Symbol.asyncDispose]());

test('a recursive batch is accepted by all verifiers, and L1 attests the batch itself', async () => {
  const result = await devkitJson<QuickstartResult>(
    ['quickstart', '--aggregation', 'recursive', '--slots', '2', '--messages', '1'],
    { cwd: workspace.dir },
  );
  expect(result).toMatchObject({ verdict: 'accepted', aggregation: 'recursive', executedOnL1: true });
  expect(result.checks.map(({ verifier, attests, verdict }) => [verifier, attests, verdict])).toEqual([
    ['bundle', 'batch', 'accepted'],
    ['api', 'batch', 'accepted'],
    ['l1', 'batch', 'accepted'],
  ]);
  expect(result.badCopies.map(({ verdict }) => verdict)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
}, 1_800_000);
