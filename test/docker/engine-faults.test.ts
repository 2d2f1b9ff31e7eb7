/** An engine that goes away and comes back, under a component of a devnet: a real one of the test's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { devnetPaths } from '../../cli/core/paths.ts';
import type { ComponentSpec } from '../../cli/core/types.ts';
import { connectEngine, type Engine } from '../../cli/runtimes/docker/engine.ts';
import { ensureImages } from '../../cli/runtimes/docker/images/index.ts';
import { createDockerRuntime } from '../../cli/runtimes/docker/index.ts';
import { isEngineGone, type ManagedRuntime } from '../../cli/runtimes/runtime.ts';
import { poll } from '../../lib/deadline.ts';
import { freePort } from '../fixtures/postgres.ts';
import { noPrivateEngine, type PrivateEngine, privateEngine } from '../fixtures/private-engine.ts';

const signal = AbortSignal.timeout(600_000);
/** Answers with the name that it was given, and ends gracefully. */
const PROGRAM = `require('node:http').createServer((_, r) => r.end(process.env.POD_NAME)).listen(Number(process.argv[1]));
process.on('SIGTERM', () => process.exit(0)); console.log('listening');`;

const gone = (work: Promise<unknown>): Promise<boolean> => work.then(() => false, isEngineGone);

function component(port: number): ComponentSpec {
  const url = `http://127.0.0.1:${port}/`;
  return {
    id: 'gateway',
    program: 'node',
    argv: [],
    env: {},
    cwd: '/',
    ports: [{ name: 'http', port }],
    needs: [],
    ready: { kind: 'http', url },
    resources: {},
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
    container: {
      image: { local: 'base' },
      argv: ['-e', PROGRAM, String(port)],
      mounts: [],
      network: 'devnet',
      hardened: true,
    },
  };
}

describe.skipIf(noPrivateEngine() !== undefined)('an engine that goes away', () => {
  let own: PrivateEngine;
  let engine: Engine;
  let workspace: string;
  let runtime: ManagedRuntime;
  let spec: ComponentSpec;
  beforeAll(async () => {
    own = await privateEngine();
    await own.start();
    engine = await connect();
    await ensureImages(engine, ['base'], { signal, emit: () => {}, offline: true });
    workspace = await mkdtemp(join(tmpdir(), 'devkit-engine-faults-'));
    runtime = createDockerRuntime({ paths: devnetPaths(workspace, 'default'), engine });
    spec = component(await freePort());
  });
  afterAll(async () => {
    // also when a test failed half way: only a running engine gives back its network
    await own.start();
    await own[Symbol.asyncDispose]();
    await rm(workspace, { recursive: true, force: true });
  });

  const connect = (): Promise<Engine> => connectEngine({ env: { DOCKER_HOST: own.host } });
  const answer = (): Promise<string> =>
    poll(
      () =>
        fetch(`http://127.0.0.1:${spec.ports[0]?.port}/`)
          .then((r) => r.text())
          .catch(() => undefined),
      {
        intervalMs: 50,
        timeoutMs: 30_000,
        signal,
      },
    );

  test('killed: a socket that nobody listens at is named, with what to do', async () => {
    await own.kill();
    await expect(connect()).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: `${own.dir}/docker.sock is there, but no engine listens: it is not running`,
      hint: expect.stringMatching(/^start it: .*--runtime process$/),
      details: { state: 'refused' },
    });
    await own.start();
    expect((await connect()).version).toBe(engine.version);
  });

  test('stopped: there is no socket', async () => {
    await own.stop();
    await expect(connect()).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: `no container engine: there is no ${own.dir}/docker.sock`,
      details: { state: 'missing' },
    });
    await own.start();
  });

  test.each(['killed', 'stopped'] as const)(
    '%s under a component: it is known to be away, then the component goes on under its name',
    async (how) => {
      const started = await runtime.start(spec, signal);
      const podName = started.podName;
      expect(podName).toMatch(/^gateway-[0-9a-f]{8}$/);
      expect(await answer()).toBe(podName);

      await (how === 'killed' ? own.kill() : own.stop());
      expect(await gone(runtime.inspect(spec.id))).toBe(true);
      expect(await gone(runtime.list())).toBe(true);
      expect(await gone(runtime.start(spec, signal))).toBe(true);

      await own.start();
      const after = await runtime.inspect(spec.id);
      expect(after.podName).toBe(podName);
      expect(await runtime.start(spec, signal)).toMatchObject({ state: 'running', podName });
      expect(await answer()).toBe(podName);
      expect((await runtime.inspect(spec.id)).state).toBe('running');

      await runtime.stop(spec.id, signal);
      expect((await runtime.inspect(spec.id)).state).toBe('missing');
    },
  );

  test('killed while its log is followed: the next start is followed too', async () => {
    await runtime.start(spec, signal);
    const lines = runtime.logs(spec.id, { follow: true }, signal)[Symbol.asyncIterator]();
    expect(await lines.next()).toMatchObject({ value: 'listening' });
    const next = lines.next();
    await own.kill();
    await own.start();
    await runtime.start(spec, signal);
    expect(await next).toMatchObject({ value: 'listening' });
    await lines.return?.();
    await runtime.sweep(signal);
    expect(await runtime.list()).toEqual([]);
  }, 60_000);
});
