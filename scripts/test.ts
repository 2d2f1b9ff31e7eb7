/** Types, lint, then every vitest project in one run; the last line is `N passed, N failed`. */
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $, argv, cd, echo } from 'zx';

cd(join(import.meta.dirname, '..'));
$.verbose = true;
$.stdio = 'inherit';

const projects = argv._.length > 0 ? argv._ : ['unit', 'contract', 'scenarios'];
await $`tsc --noEmit`;
await $`scripts/biome check .`;

const report = join(tmpdir(), `devkit-test-${process.pid}.json`);
const run =
  await $`vitest run ${projects.flatMap((p) => ['--project', p])} --reporter=default --reporter=json --outputFile.json=${report}`.nothrow();
const text = await readFile(report, 'utf8').catch(() => undefined);
await rm(report, { force: true });
const result = text === undefined ? undefined : (JSON.parse(text) as Record<string, number>);
const passed = result?.numPassedTests ?? 0;
// a file that fails to load has no failed test of its own
const failed = Math.max(result?.numFailedTests ?? 0, run.exitCode === 0 ? 0 : 1);
const skipped = (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
echo(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
