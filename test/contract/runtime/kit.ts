/** Shared by the tests of the process runtime: a devnet in a temporary workspace, and specs of the fixture. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import { type DevnetPaths, devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { freePort } from '../../../cli/host/ports.ts';
import { createProcessRuntime } from '../../../cli/runtimes/process/index.ts';
import type { ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { down } from '../../../cli/services/down.ts';

export const never = new AbortController().signal;

export interface TestDevnet extends AsyncDisposable {
  paths: DevnetPaths;
  runtime: ManagedRuntime;
  events: DevkitEvent[];
  emit(event: DevkitEvent): void;
}

/** Its folders can be entered by their owner only, so programs that run as nobody meet the hard case. */
export async function testDevnet(): Promise<TestDevnet> {
  const workspace = await mkdtemp(join(tmpdir(), 'devkit-runtime-'));
  const paths = devnetPaths(workspace, 'test');
  const runtime = createProcessRuntime({ paths });
  const events: DevkitEvent[] = [];
  return {
    paths,
    runtime,
    events,
    emit: (event) => events.push(event),
    [Symbol.asyncDispose]: async () => {
      await down({ paths, runtime, removeData: true, emit: () => {}, signal: never });
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

export async function fixtureSpec(
  id: string,
  args: string[] = [],
  change: Partial<ComponentSpec> = {},
): Promise<ComponentSpec> {
  const port = await freePort();
  return {
    id,
    program: 'node',
    argv: [join(import.meta.dirname, 'fixture.ts'), '--port', String(port), ...args],
    env: {},
    cwd: tmpdir(),
    ports: [{ name: 'http', port }],
    needs: [],
    ready: { kind: 'http', url: `http://127.0.0.1:${port}/` },
    resources: {},
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
    ...change,
  };
}

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
