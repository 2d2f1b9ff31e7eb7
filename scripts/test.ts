/** Types, lint, then every vitest project in one run, with a container engine if one can be had; the last line is `N passed, N failed`. */
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $, argv, cd, echo } from 'zx';
import { findOrStartEngine, requires, type TestEngine } from './testing/engine.ts';
import { labelledThings, leftovers } from './testing/leftovers.ts';

/** What is on its way out gets this long; testcontainers' clean-up program begins 10 s after the last test. */
const GRACE_MS = { removal: 3_000, ryuk: 20_000 };

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

cd(join(import.meta.dirname, '..'));
$.verbose = true;
$.stdio = 'inherit';

// Ctrl-C reaches vitest too: wait for its end, so that what was started here is stopped
let interrupted: NodeJS.Signals | undefined;
let child: { kill(signal: NodeJS.Signals): unknown } | undefined;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    interrupted = name;
    if (name === 'SIGTERM') child?.kill(name);
  });
}

const projects = argv._.length > 0 ? argv._ : ['unit', 'contract', 'scenarios', 'docker'];
await $`tsc --noEmit`;
await $`scripts/biome check .`;

const { passed, failed, skipped } = projects.some((name) => name !== 'unit') ? await withEngine() : await runVitest({});
echo(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = interrupted === 'SIGINT' ? 130 : interrupted ? 143 : failed > 0 || passed === 0 ? 1 : 0;

async function withEngine(): Promise<Counts> {
  const engine = await findOrStartEngine(process.env);
  if ('reason' in engine) {
    if (requires(process.env, 'docker')) {
      echo(`DEVKIT_REQUIRE=docker, but there is no container engine: ${engine.reason}`);
      return { passed: 0, failed: 1, skipped: 0 };
    }
    echo(`container tests are left out: ${engine.reason}`);
    return runVitest({});
  }
  await using running = engine;
  echo(`container tests use ${running.about}`);
  const before = await labelledThings(running.socket);
  const counts = interrupted ? { passed: 0, failed: 0, skipped: 0 } : await runVitest(running.env);
  return { ...counts, failed: counts.failed + (await countLeftovers(running, before)) };
}

/** 1 if the tests left a container, network or volume, and says which. */
async function countLeftovers(engine: TestEngine, before: readonly string[]): Promise<0 | 1> {
  const ryukDisabled = { ...process.env, ...engine.env }['TESTCONTAINERS_RYUK_DISABLED'];
  const graceMs = ryukDisabled === 'true' ? GRACE_MS.removal : GRACE_MS.ryuk;
  const left = await leftovers(engine.socket, before, graceMs).catch((error: Error) => [
    `what is left is not known: ${error.message}`,
  ]);
  if (left.length === 0) return 0;
  echo(`left by the tests at ${engine.socket}:\n${left.map((thing) => `  ${thing}`).join('\n')}`);
  return 1;
}

async function runVitest(env: Readonly<Record<string, string>>): Promise<Counts> {
  const report = join(tmpdir(), `devkit-test-${process.pid}.json`);
  const options = { env: { ...process.env, ...env }, nothrow: true };
  const started = $(
    options,
  )`vitest run ${projects.flatMap((p) => ['--project', p])} --reporter=default --reporter=json --outputFile.json=${report}`;
  child = started;
  const { exitCode } = await started;
  const text = await readFile(report, 'utf8').catch(() => undefined);
  await rm(report, { force: true });
  const result = text === undefined ? undefined : (JSON.parse(text) as Record<string, number>);
  return {
    passed: result?.numPassedTests ?? 0,
    // a file that fails to load has no failed test of its own
    failed: Math.max(result?.numFailedTests ?? 0, exitCode === 0 ? 0 : 1),
    skipped: (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0),
  };
}
