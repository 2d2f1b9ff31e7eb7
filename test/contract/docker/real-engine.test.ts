/** What only a real engine can show: kills, limits, names, real refusals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec, ContainerForm } from '../../../cli/core/types.ts';
import { readProcess } from '../../../cli/host/proc.ts';
import { collectGarbage, devnetFootprint } from '../../../cli/runtimes/docker/gc.ts';
import { createDockerRuntime } from '../../../cli/runtimes/docker/index.ts';
import { containerName, networkName, volumeName } from '../../../cli/runtimes/docker/names.ts';
import { recordedContainers } from '../../../cli/runtimes/docker/record.ts';
import { removeVolumes } from '../../../cli/runtimes/docker/volumes.ts';
import { converge } from '../../../cli/services/converge.ts';
import { poll } from '../../../lib/deadline.ts';
import { describeDocker } from '../../fixtures/docker.ts';
import { failure, fixtureSpec, never, type TestDevnet, testDevnet } from '../runtime/kit.ts';
import { ensureTestImage } from './test-image.ts';

const NOTHING = { containers: [], networks: [], volumes: [] };

await describeDocker('containers', (engine) => {
  const { docker } = engine;
  let image: string;
  let devnet: TestDevnet;
  beforeAll(async () => {
    image = await ensureTestImage(engine);
  });
  beforeEach(async () => {
    devnet = await testDevnet((paths) =>
      createDockerRuntime({ paths, engine, resolveImage: async (ref) => ('local' in ref ? image : ref.reference) }),
    );
  });
  afterEach(async () => {
    const { dir } = devnet.paths;
    await devnet[Symbol.asyncDispose]();
    await removeVolumes(engine, dir);
    expect(await devnetFootprint(engine, dir)).toEqual(NOTHING);
  });

  /** A component that runs a script, and no server. */
  const script = async (id: string, code: string, change: Partial<ContainerForm> = {}): Promise<ComponentSpec> => {
    const spec = await fixtureSpec(id);
    return { ...spec, container: { ...(spec.container as ContainerForm), argv: ['-e', code], ...change } };
  };
  const linesOf = async (id: string): Promise<string[]> => {
    const { runtime } = devnet;
    await poll(async () => ((await runtime.inspect(id)).state === 'exited' ? true : undefined), {
      intervalMs: 50,
      timeoutMs: 30_000,
      signal: never,
    });
    return runtime.lastLines(id, 50);
  };

  test('a component that reaches its memory limit is named as such', async () => {
    const grow = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(16e6, 1)), 5)';
    await devnet.runtime.start(await script('greedy', grow, { limits: { memoryMiB: 96 } }), never);
    await linesOf('greedy');
    const status = await devnet.runtime.inspect('greedy');
    expect(status).toMatchObject({ state: 'exited', exitCode: 137, outOfMemory: true });
  });

  test('a hardened container: read-only root, nobody, no capabilities, a writable /tmp', async () => {
    const look = `
      const fs = require('node:fs');
      const write = (path) => { try { fs.writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; } };
      const status = fs.readFileSync('/proc/self/status', 'utf8');
      const field = (name) => new RegExp(name + ':\\\\s*(\\\\S+)').exec(status)[1];
      console.log(JSON.stringify([process.getuid(), write('/x'), write('/tmp/x'), field('CapEff'), field('NoNewPrivs'), process.env.POD_NAME]))`;
    const { podName } = await devnet.runtime.start(await script('web', look), never);
    expect(JSON.parse((await linesOf('web')).join(''))).toEqual([
      65_534,
      'EROFS',
      'written',
      '0000000000000000',
      '1',
      podName,
    ]);
  });

  test('components reach each other by their ids, and the machine by host.docker.internal', async () => {
    const web = await fixtureSpec('web');
    const port = web.ports[0]?.port;
    await converge({ specs: [web], ...devnet, signal: never });
    const ask = `fetch('http://web:${port}/').then((r) => r.text()).then(console.log)
      .then(() => require('node:dns').promises.lookup('host.docker.internal')).then(() => console.log('host found'))`;
    await devnet.runtime.start(await script('client', ask), never);
    expect(await linesOf('client')).toEqual(['ok', 'host found']);
  });

  test('ports are published on loopback only, logs are rotated, the stop has its grace', async () => {
    const spec = await fixtureSpec('web', [], { stop: { signal: 'SIGINT', graceMs: 90_000 } });
    await devnet.runtime.start(spec, never);
    const info = await docker.getContainer(containerName(devnet.paths, 'web')).inspect();
    const port = `${spec.ports[0]?.port}`;
    expect(info.NetworkSettings.Ports[`${port}/tcp`]).toEqual([{ HostIp: '127.0.0.1', HostPort: port }]);
    expect(info.HostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } });
    expect(info.HostConfig.RestartPolicy).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
    expect(info.Config).toMatchObject({ StopSignal: 'SIGINT', StopTimeout: 90 });
  });

  test('long lines come whole, in order, with every byte', async () => {
    const code = "process.stdout.write('é'.repeat(30000) + '\\n' + 'b'.repeat(16384) + '\\nlast')";
    await devnet.runtime.start(await script('web', code), never);
    const lines = await linesOf('web');
    expect(lines.map((line) => [line[0], line.length])).toEqual([
      ['é', 30_000],
      ['b', 16_384],
      ['l', 4],
    ]);
  });

  test('a volume keeps what is in it when its container is replaced', async () => {
    const form = { mounts: [{ source: 'kept', target: '/kept' }], user: '0:0', hardened: false };
    const first = await script('web', "require('node:fs').writeFileSync('/kept/x', 'here')", form);
    await devnet.runtime.start(first, never);
    await linesOf('web');
    await devnet.runtime.stop('web', never);
    await devnet.runtime.start(
      await script('web', "console.log(require('node:fs').readFileSync('/kept/x', 'utf8'))", form),
      never,
    );
    expect(await linesOf('web')).toEqual(['here']);
    await devnet.runtime.sweep(never);
    expect(await devnetFootprint(engine, devnet.paths.dir)).toEqual({
      ...NOTHING,
      volumes: [volumeName(devnet.paths, 'kept')],
    });
  });

  test('a port that another container has is named with it', async () => {
    const spec = await fixtureSpec('web');
    await converge({ specs: [spec], ...devnet, signal: never });
    const error = await failure(devnet.runtime.start({ ...spec, id: 'other' }, never));
    expect(error.code).toBe('PORT_TAKEN');
    expect(error.message).toContain(`is in use by container ${containerName(devnet.paths, 'web')}`);
    expect(error.hint).toContain(`cd ${devnet.paths.workspace} && devkit down --devnet ${devnet.paths.name}, or`);
  });

  test('a GPU on a machine without one is refused, and nothing is left', async ({ skip }) => {
    const info = (await docker.info()) as { Runtimes?: Record<string, unknown> };
    skip(info.Runtimes !== undefined && 'nvidia' in info.Runtimes, 'this engine has the NVIDIA runtime');
    const error = await failure(devnet.runtime.start(await script('prover', '', { gpus: ['GPU-1a'] }), never));
    expect([error.code, error.message]).toEqual([
      'HOST_UNFIT',
      'prover cannot be given a GPU: the engine has no driver for NVIDIA GPUs',
    ]);
    expect((await devnetFootprint(engine, devnet.paths.dir)).containers).toEqual([]);
  });

  test('a folder or an image that is not there', async () => {
    const { runtime } = devnet;
    const mounts = [{ source: join(devnet.paths.dir, 'nowhere'), target: '/x' }];
    const folder = await failure(runtime.start(await script('web', '', { mounts }), never));
    expect([folder.code, folder.message]).toEqual([
      'COMPONENT_FAILED',
      `web cannot be started: there is no ${mounts[0]?.source} to mount`,
    ]);
    const reference = 'devkit-test/nope:1';
    const missing = await failure(runtime.start(await script('web', '', { image: { reference } }), never));
    expect([missing.code, missing.hint]).toEqual(['NOT_FOUND', `docker pull ${reference}`]);
    expect((await devnetFootprint(engine, devnet.paths.dir)).containers).toEqual([]);
    expect(recordedContainers(devnet.paths)).toEqual([]);
  });

  test('a program that is not in the image ends at once and says so', async () => {
    const spec = await script('web', '', { entrypoint: ['/nope'] });
    const error = await failure(converge({ specs: [spec], ...devnet, signal: never }));
    expect(error.message).toMatch(/^web ended before it was ready \(exit code 127\)(.|\n)*exec \/nope failed/);
  });

  test("a stranger's container on the devnet's network keeps it, and is named", async () => {
    await devnet.runtime.start(await fixtureSpec('web'), never);
    const name = `${containerName(devnet.paths, 'stranger')}-test`;
    const stranger = await docker.createContainer({
      name,
      Image: image,
      Cmd: ['-e', 'setInterval(() => {}, 1000)'],
      HostConfig: { NetworkMode: networkName(devnet.paths) },
    });
    try {
      await stranger.start();
      await devnet.runtime.stop('web', never);
      const error = await failure(devnet.runtime.sweep(never));
      expect(error.message).toContain(name);
    } finally {
      await stranger.remove({ force: true });
    }
  });

  test('a kit killed between making and starting a container: the next one starts it, down removes it', async () => {
    const spec = await fixtureSpec('web');
    await killedKit(devnet.paths.workspace, spec, image, '/start');
    expect((await devnetFootprint(engine, devnet.paths.dir)).containers).toHaveLength(1);
    expect(recordedContainers(devnet.paths)).toEqual(['web']);
    expect(await devnet.runtime.inspect('web')).toEqual({ id: 'web', state: 'missing' });
    await converge({ specs: [spec], ...devnet, signal: never });
    await devnet.runtime.stop('web', never);
    await killedKit(devnet.paths.workspace, spec, image, '/start');
    expect((await devnet.runtime.list()).map(({ id }) => id)).toEqual(['web']);
  });

  test('a kit killed right after the start: the next one adopts the container', async () => {
    const spec = await fixtureSpec('web');
    await killedKit(devnet.paths.workspace, spec, image, 'after:/start');
    await poll(async () => ((await devnet.runtime.inspect('web')).state === 'running' ? true : undefined), {
      intervalMs: 50,
      timeoutMs: 20_000,
      signal: never,
    });
    const { pid } = await devnet.runtime.inspect('web');
    await converge({ specs: [spec], ...devnet, signal: never });
    expect((await devnet.runtime.inspect('web')).pid).toBe(pid);
    expect(readProcess(pid as number)).toBeDefined();
  });

  test('garbage is what belongs to a folder that is gone; the plan removes nothing', async () => {
    await using other = await testDevnet((paths) =>
      createDockerRuntime({ paths, engine, resolveImage: async () => image }),
    );
    const volume = { mounts: [{ source: 'data', target: '/data' }] };
    await devnet.runtime.start(await script('web', 'setInterval(() => {}, 1000)', volume), never);
    await other.runtime.start(await fixtureSpec('web'), never);
    const { paths } = devnet;
    await rm(paths.dir, { recursive: true });
    const mine = {
      containers: [containerName(paths, 'web')],
      networks: [networkName(paths)],
      volumes: [volumeName(paths, 'data')],
    };
    const options = { within: tmpdir() };
    const planned = await collectGarbage(engine, { ...options, plan: true });
    for (const kind of ['containers', 'networks', 'volumes'] as const) {
      expect(planned[kind]).toEqual(expect.arrayContaining(mine[kind]));
      expect(planned[kind].join()).not.toContain(containerName(other.paths, 'web'));
    }
    expect(await devnetFootprint(engine, paths.dir)).toEqual(mine);
    expect(await collectGarbage(engine, { within: join(paths.workspace, 'elsewhere') })).toEqual(NOTHING);
    expect(await collectGarbage(engine, { within: paths.workspace })).toEqual(mine);
    expect(await devnetFootprint(engine, paths.dir)).toEqual(NOTHING);
    expect((await other.runtime.inspect('web')).state).toBe('running');
  });
});

async function killedKit(workspace: string, spec: ComponentSpec, image: string, dieAt: string): Promise<void> {
  await mkdir(devnetPaths(workspace, 'test').dir, { recursive: true });
  const kit = join(import.meta.dirname, 'kit-that-dies.ts');
  const child = spawn(process.execPath, [kit, workspace, JSON.stringify(spec), image, dieAt], { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');
}
