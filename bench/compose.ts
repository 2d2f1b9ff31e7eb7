/** Docker Compose on the exported file of a devnet, to measure beside the kit. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ComponentSpec } from '../cli/core/types.ts';
import { askProbe } from '../cli/runtimes/ready/probe.ts';
import { poll } from '../lib/deadline.ts';

const PLUGIN = join(import.meta.dirname, '../scripts/compose-plugin');

/** Its containers are gone at the end, however the measurement ends. */
export interface ComposeProject extends AsyncDisposable {
  /** e.g. `2.40.3`. */
  version: string;
  /** Runs a command on the file and gives its wall time. @throws when it does not end with exit code 0 */
  run(...args: string[]): Promise<number>;
}

/** @throws when there is no Compose v2 and none can be fetched */
export async function openCompose(file: string): Promise<ComposeProject> {
  const run = promisify(execFile);
  const program = (await run(PLUGIN)).stdout.trim();
  const version = (await run(program, ['version', '--short'])).stdout.trim();
  const timedRun = (...args: string[]): Promise<number> => timed(program, ['-f', file, ...args]);
  return {
    version,
    run: timedRun,
    async [Symbol.asyncDispose]() {
      await timedRun('down');
    },
  };
}

function timed(program: string, args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - begin);
      else reject(new Error(`${program} ${args.join(' ')} ended with exit code ${code}:\n${stderr}`));
    });
  });
}

/** Wall time until every component's probe has answered, asked as the kit asks: after 20 ms, then less often, at most every 250 ms. */
export async function untilAllAnswer(specs: readonly ComponentSpec[], signal: AbortSignal): Promise<number> {
  const begin = performance.now();
  await Promise.all(
    specs.map(({ ready }) =>
      poll(async () => ((await askProbe(ready, 2_000, signal)) === undefined ? true : undefined), {
        intervalMs: 20,
        maxIntervalMs: 250,
        signal,
      }),
    ),
  );
  return performance.now() - begin;
}
