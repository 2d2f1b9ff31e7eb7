/**
 * The numbers of the main job: `npm run bench:main` (`-- --recursive` adds the recursive batch). Takes some minutes on a machine that does
 * nothing else; prints Markdown and writes it to docs/benchmarks.md.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchSealResult, ProveResult, QuickstartResult, StageTime } from '../cli/services/inputs.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { benchWorkspace, devkit, tempDir, usageOf, withPeakMemory } from './devnet.ts';
import { describeMachine, load, seconds, table } from './machine.ts';

const MIB = 2 ** 20;
const IDLE_MS = 20_000;
const SIZES = [32, 64, 128, 256];
const cores = cpus().length;

const lines: string[] = [
  '# Benchmarks',
  '',
  'Repeat with `npm run bench:main -- --recursive` on a machine that does nothing else. Wall clock in seconds; CPU seconds are user + system of',
  'the kit and of everything it runs, and the steadier number on a shared machine.',
  '',
  `Machine: ${describeMachine()}. Date: ${new Date().toISOString().slice(0, 10)}. One-minute load before the start: ${load()}.`,
  '',
];
const say = (...text: string[]): void => {
  lines.push(...text);
  for (const line of text) console.log(line);
};

await quickstartLinked();
await startup();
if (process.argv.includes('--recursive')) await quickstartRecursive();
await writeFileAtomic(join(import.meta.dirname, '../docs/benchmarks.md'), `${lines.join('\n')}\n`);

async function quickstartLinked(): Promise<void> {
  say('## quickstart, linked, 32 slots', '');
  await using coldCache = await tempDir();
  {
    await using workspace = await benchWorkspace();
    const cold = await quickstart(workspace.dir, [], { DEVKIT_CACHE_DIR: coldCache.dir });
    reportQuickstart(`cold caches (limit 60 s)`, cold);
  }
  await using workspace = await benchWorkspace();
  const warm = await quickstart(workspace.dir, [], { DEVKIT_CACHE_DIR: coldCache.dir });
  reportQuickstart('new workspace, warm caches (limit 40 s)', warm);
  await idle(workspace.dir);
  await growth(workspace.dir, { DEVKIT_CACHE_DIR: coldCache.dir });
}

async function quickstartRecursive(): Promise<void> {
  say('## quickstart, recursive, smallest batch (one instance of each kind)', '');
  await using workspace = await benchWorkspace();
  const run = await quickstart(workspace.dir, ['--aggregation', 'recursive', '--slots', '2', '--messages', '1']);
  reportQuickstart('warm caches', run);
}

interface QuickstartRun {
  wallMs: number;
  peakBytes: number;
  load: string;
  result: QuickstartResult;
}

async function quickstart(
  dir: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<QuickstartRun> {
  const before = load();
  const { result, peakBytes } = await withPeakMemory(dir, () => devkit(['quickstart', '--json', ...args], dir, env));
  return { wallMs: result.wallMs, peakBytes, load: before, result: JSON.parse(result.stdout) as QuickstartResult };
}

function reportQuickstart(title: string, run: QuickstartRun): void {
  const { stages } = run.result;
  say(
    `**${title}**: ${seconds(run.wallMs)} s, peak memory ${Math.round(run.peakBytes / MIB)} MiB (sum of PSS), load before ${run.load}, ` +
      `${run.result.records} records, ${run.result.messages} messages, proof file ${Math.round(run.result.proofBytes / 1024)} KiB.`,
    '',
    ...table(
      ['stage', 'wall s', 'CPU s'],
      stages.map(({ name, wallMs, cpuMs }) => [name, seconds(wallMs), seconds(cpuMs ?? 0)]),
    ),
    '',
    `First job to verdict: wall ÷ (CPU ÷ ${cores} cores) = ${proveRatio(stages)} (limit 1.25).`,
    '',
  );
}

function proveRatio(stages: readonly StageTime[]): string {
  const proving = stages.filter(({ name }) => name === 'prove' || name === 'verify');
  const wall = proving.reduce((sum, { wallMs }) => sum + wallMs, 0);
  const cpu = proving.reduce((sum, { cpuMs }) => sum + (cpuMs ?? 0), 0);
  return (wall / (cpu / cores)).toFixed(2);
}

async function idle(dir: string): Promise<void> {
  await sleep(5_000);
  const before = await usageOf(dir);
  await sleep(IDLE_MS);
  const after = await usageOf(dir);
  const share = (100 * (after.cpuMs - before.cpuMs)) / IDLE_MS;
  say(
    `**A running devnet with nothing to prove**: ${share.toFixed(1)} % of one core (limit 5 %), ${Math.round(after.pssBytes / MIB)} MiB (sum of PSS), over ${IDLE_MS / 1000} s.`,
    '',
  );
}

async function growth(dir: string, env: Record<string, string>): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const slots of SIZES) {
    await devkit(['tx', 'send', '--slots', String(slots), '--quiet'], dir, env);
    const sealed = JSON.parse((await devkit(['batch', 'seal', '--json'], dir, env)).stdout) as BatchSealResult;
    const { result, peakBytes } = await withPeakMemory(dir, () =>
      devkit(['prove', '--batch', String(sealed.batch.number), '--json'], dir, env),
    );
    const proven = JSON.parse(result.stdout) as ProveResult;
    const stage = (name: string): StageTime =>
      proven.stages.find((s) => s.name === name) ?? { name, wallMs: 0, cpuMs: 0 };
    const cells = ['prove', 'verify'].flatMap((name) => [seconds(stage(name).wallMs), seconds(stage(name).cpuMs ?? 0)]);
    rows.push([slots, proven.records, ...cells, Math.round(peakBytes / MIB), Math.round(proven.proofBytes / 1024)]);
  }
  say(
    '## Growth with the batch, linked',
    '',
    ...table(
      [
        'slots',
        'records',
        'prove wall s',
        'prove CPU s',
        'verify wall s',
        'verify CPU s',
        'peak PSS MiB',
        'proof file KiB',
      ],
      rows,
    ),
    '',
  );
}

async function startup(): Promise<void> {
  const main = join(import.meta.dirname, '../cli/main.ts');
  const help = medianMs([main, '--help']);
  const bare = medianMs(['-e', '0']);
  say(
    '## Start-up',
    '',
    `\`devkit --help\` ${help.toFixed(0)} ms, \`node -e 0\` ${bare.toFixed(0)} ms (medians of 15): ${(help / bare).toFixed(2)} × (limit 2.5).`,
    '',
  );
}

function medianMs(args: readonly string[]): number {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/node') };
  const times = Array.from({ length: 15 }, () => {
    const begin = performance.now();
    spawnSync(process.execPath, args, { env, stdio: 'ignore' });
    return performance.now() - begin;
  });
  return times.sort((a, b) => a - b)[7] ?? 0;
}
