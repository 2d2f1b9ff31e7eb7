/** Memory limits of children are real. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { poll } from '../../../../lib/deadline.ts';
import { runDriver } from '../../../../systems/proof-market/generator/driver.ts';
import { limitMemory } from '../../../../systems/proof-market/generator/limit.ts';
import { watchMemory } from '../../../../systems/proof-market/generator/memory-watch.ts';
import { runProgram } from '../../../../systems/proof-market/generator/run-program.ts';
import { openWorkspace } from './setup.ts';

const MIB = 2 ** 20;
const linux = process.platform === 'linux';
const signal = AbortSignal.timeout(60_000);

/** Takes this much memory and writes to all of it, in a shell's own process. */
const take = (bytes: number): string[] => ['/bin/sh', '-c', `head -c ${bytes} /dev/zero | tail -c ${bytes} | wc -c`];

test.runIf(linux).each(['prlimit', 'ulimit'])('a process under %s gets no more', async (by) => {
  const path = process.env['PATH'];
  const empty = await mkdtemp(join(tmpdir(), 'devkit-path-'));
  try {
    if (by === 'ulimit') process.env['PATH'] = empty;
    const small = await limitMemory(take(300 * MIB), 100 * MIB);
    const large = await limitMemory(take(300 * MIB), 1000 * MIB);
    process.env['PATH'] = path;
    expect(small.enforced).toMatch(new RegExp(`100 MiB \\(RLIMIT_DATA, by ${by}\\)`));
    const [refused, done] = [
      await runProgram({ argv: small.argv, signal }),
      await runProgram({ argv: large.argv, signal }),
    ];
    expect(refused.lines.join()).toMatch(/memory exhausted|cannot allocate/i);
    expect(done.lines).toEqual([String(300 * MIB)]);
  } finally {
    process.env['PATH'] = path;
    await rm(empty, { recursive: true, force: true });
  }
});

test('where the system has no such limit, it says so', async () => {
  expect(await limitMemory(['x'], MIB, { platform: 'darwin' })).toEqual({
    argv: ['x'],
    enforced: 'not enforced on darwin',
  });
});

test.runIf(linux)('without prlimit and shell, as in a small image, only the sum is watched', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '';
  try {
    const { argv, enforced } = await limitMemory(['x'], MIB, { shell: '/nowhere/sh' });
    expect(argv).toEqual(['x']);
    expect(enforced).toMatch(
      /^its processes are stopped when they have more than 1 MiB together .* no shell for more$/,
    );
  } finally {
    process.env['PATH'] = path;
  }
});

test.runIf(linux)('the sum over a process and its children is seen', async () => {
  const stop = new AbortController();
  const hold = 'const b = Buffer.alloc(60 * 2 ** 20, 1); setTimeout(() => b, 60000)';
  const two = `const { spawn } = require('node:child_process'); spawn(process.execPath, ['-e', ${JSON.stringify(hold)}]); ${hold}`;
  let watched: Promise<number> | undefined;
  const over: number[] = [];
  const run = runProgram({
    argv: [process.execPath, '-e', two],
    signal: stop.signal,
    onStart: (pid) => {
      watched = watchMemory(
        pid,
        130 * MIB,
        (bytes) => {
          over.push(bytes);
          stop.abort(new Error('too much'));
        },
        signal,
      );
    },
  });
  await expect(run).rejects.toThrow('too much');
  expect(await watched).toBeGreaterThan(130 * MIB);
  expect(over).toHaveLength(1);
});

test.runIf(linux).each([
  // refused by the kernel: more than the limit at once
  ['one process too large', 'Buffer.alloc(2 * 2 ** 30)', /more than the 1 GiB that it may have \(.*allocation failed/],
  // each below the limit, so only their sum is too large
  [
    'the sum too large',
    `const hold = 'const b = Buffer.alloc(400 * 2 ** 20, 1); setTimeout(() => b, 60000)';
     const start = () => require('node:child_process').spawn(process.execPath, ['-e', hold]).pid;
     const pids = [process.pid, start(), start(), start()];
     require('node:fs').writeFileSync(JSON.parse(process.argv.at(-1)).circuitInput + '.pids', JSON.stringify(pids));
     setTimeout(() => {}, 60000)`,
    /more than the 1 GiB that it may have \([\d.]+ GiB\)/,
  ],
])('a generator that takes more than its total ends without a proof, and says so: %s', async (_, script, message) => {
  await using space = await openWorkspace();
  const files = ['--proof_out', join(space.dir, 'out'), '--circuit_input', space.circuitInput];
  const errors: string[] = [];
  const code = await runDriver({
    name: 'proof-generator-mt',
    argv: [...files, '--public_input', space.publicInput, '--smp', '1', '--memory', '1G'],
    worker: [process.execPath, '-e', script, '--'],
    print: () => {},
    printError: (line) => errors.push(line),
    signal,
  });
  expect(code).toBe(1);
  expect(errors.join()).toMatch(message);
  // none of them is left
  const pids = JSON.parse(await readFile(`${space.circuitInput}.pids`, 'utf8').catch(() => '[]')) as number[];
  expect(pids).toHaveLength(script.includes('spawn') ? 4 : 0);
  for (const pid of pids)
    await poll(async () => (isAlive(pid) ? undefined : true), { intervalMs: 20, timeoutMs: 5_000, signal });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
