/** Devnets to measure: run the kit, sample what its processes use. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { devnetPaths } from '../cli/core/paths.ts';
import { createProcessRuntime } from '../cli/runtimes/process/index.ts';

const MAIN = join(import.meta.dirname, '../cli/main.ts');

/** As the launcher has it. */
const NODE_COMPILE_CACHE = join(import.meta.dirname, '../node_modules/.cache/node');

export interface Run {
  wallMs: number;
  stdout: string;
}

/** @throws when the command does not end with exit code 0 */
export function devkit(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Run> {
  const begin = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { NODE_COMPILE_CACHE, ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve({ wallMs: performance.now() - begin, stdout });
      else reject(new Error(`devkit ${args.join(' ')} ended with exit code ${code}`));
    });
  });
}

export async function tempDir(): Promise<AsyncDisposable & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-bench-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** A workspace whose devnet is taken down at the end. */
export async function benchWorkspace(): Promise<AsyncDisposable & { dir: string }> {
  const temp = await tempDir();
  return {
    dir: temp.dir,
    async [Symbol.asyncDispose]() {
      await devkit(['down', '--all', '--yes', '--quiet'], temp.dir);
      await temp[Symbol.asyncDispose]();
    },
  };
}

export interface Usage {
  cpuMs: number;
  pssBytes: number;
}

/** CPU time so far and memory now of everything that the devnet `default` of a workspace runs. */
export async function usageOf(workspace: string): Promise<Usage> {
  const runtime = createProcessRuntime({ paths: devnetPaths(workspace, 'default') });
  const usages = await Promise.all((await runtime.list()).map(({ id }) => runtime.usage(id)));
  return {
    cpuMs: usages.reduce((sum, usage) => sum + (usage?.cpuMs ?? 0), 0),
    pssBytes: usages.reduce((sum, usage) => sum + (usage?.pssBytes ?? 0), 0),
  };
}

/** Runs `work` and gives the highest memory that was seen meanwhile, looked at twice a second. */
export async function withPeakMemory<T>(
  workspace: string,
  work: () => Promise<T>,
): Promise<{ result: T; peakBytes: number }> {
  let peakBytes = 0;
  const done = new AbortController();
  const sampling = (async () => {
    while (!done.signal.aborted) {
      peakBytes = Math.max(peakBytes, (await usageOf(workspace).catch(() => ({ pssBytes: 0 }))).pssBytes);
      await sleep(500);
    }
  })();
  try {
    return { result: await work(), peakBytes };
  } finally {
    done.abort();
    await sampling;
  }
}
