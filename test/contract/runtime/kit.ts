/** Shared by the tests of the runtimes: a devnet in a temporary workspace, and specs of the fixture. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DevkitError } from '../../../cli/core/errors.ts';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import { type DevnetPaths, devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { freePort } from '../../../cli/host/ports.ts';
import { createProcessRuntime } from '../../../cli/runtimes/process/index.ts';
import type { ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { down } from '../../../cli/services/down.ts';
import { poll } from '../../../lib/deadline.ts';

export const never = new AbortController().signal;

export interface TestDevnet extends AsyncDisposable {
  paths: DevnetPaths;
  runtime: ManagedRuntime;
  events: DevkitEvent[];
  emit(event: DevkitEvent): void;
  /** The runtime as another command of the kit has it. */
  otherKit(): ManagedRuntime;
}

/** Its folders can be entered by their owner only, so programs that run as nobody meet the hard case. */
export async function testDevnet(
  createRuntime: (paths: DevnetPaths) => ManagedRuntime = (paths) => createProcessRuntime({ paths }),
): Promise<TestDevnet> {
  const workspace = await mkdtemp(join(tmpdir(), 'devkit-runtime-'));
  const paths = devnetPaths(workspace, 'test');
  const runtime = createRuntime(paths);
  const events: DevkitEvent[] = [];
  return {
    paths,
    runtime,
    events,
    emit: (event) => events.push(event),
    otherKit: () => createRuntime(paths),
    [Symbol.asyncDispose]: async () => {
      await down({ paths, runtime, removeData: true, emit: () => {}, signal: never });
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

/** Runs as a process and, on any image with Node, as a container. */
export async function fixtureSpec(
  id: string,
  args: string[] = [],
  change: Partial<ComponentSpec> = {},
): Promise<ComponentSpec> {
  const port = await freePort();
  const portArgs = ['--port', String(port)];
  return {
    id,
    program: 'node',
    argv: [join(import.meta.dirname, 'fixture.ts'), ...portArgs, ...args],
    env: {},
    cwd: tmpdir(),
    ports: [{ name: 'http', port }],
    needs: [],
    ready: { kind: 'http', url: `http://127.0.0.1:${port}/` },
    resources: {},
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
    container: {
      image: { local: 'test' },
      argv: ['/fixture/fixture.ts', '--host', '0.0.0.0', ...portArgs, ...args],
      mounts: [{ source: import.meta.dirname, target: '/fixture', readOnly: true }],
      network: 'devnet',
      hardened: true,
    },
    ...change,
  };
}

/** The error of something that must fail. */
export const failure = (promise: Promise<unknown>): Promise<DevkitError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error) => error as DevkitError,
  );

/** Polls every 20 ms. */
export const until = (what: () => Promise<boolean> | boolean): Promise<true> =>
  poll(async () => ((await what()) ? true : undefined), { intervalMs: 20, timeoutMs: 30_000, signal: never });

export async function rpc(port: number, method: string, params: unknown[] = []): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (error) throw new Error(error.message);
  return result;
}
