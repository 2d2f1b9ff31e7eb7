/** The docker runtime against an Engine API that only answers: what is asked of the engine, and what its errors become. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DevnetPaths, devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec, ContainerForm } from '../../../cli/core/types.ts';
import { connectEngine, type Engine } from '../../../cli/runtimes/docker/engine.ts';
import { createDockerRuntime } from '../../../cli/runtimes/docker/index.ts';
import { containerName, networkName, volumeName } from '../../../cli/runtimes/docker/names.ts';
import { recordedContainers } from '../../../cli/runtimes/docker/record.ts';
import { removeVolumes } from '../../../cli/runtimes/docker/volumes.ts';
import { isEngineGone, type ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { sleep } from '../../../lib/deadline.ts';
import { type FakeEngine, fakeEngine } from '../../fakes/docker-engine.ts';
import { failure, fixtureSpec, never } from '../runtime/kit.ts';

const IMAGE = 'devkit/test:0123456789ab';
const mounts = [{ source: 'postgres', target: '/data' }];

let fake: FakeEngine;
let engine: Engine;
let paths: DevnetPaths;
let runtime: ManagedRuntime;
let workspace: string;

beforeEach(async () => {
  fake = await fakeEngine({ images: [IMAGE] });
  engine = await connectEngine({ env: { DOCKER_HOST: fake.host } });
  workspace = await mkdtemp(join(tmpdir(), 'devkit-docker-'));
  paths = devnetPaths(workspace, 'test');
  runtime = newRuntime();
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
  await rm(workspace, { recursive: true, force: true });
});

const newRuntime = (env: Record<string, string> = {}): ManagedRuntime =>
  createDockerRuntime({
    paths,
    engine,
    env,
    resolveImage: async (ref) => ('local' in ref ? IMAGE : ref.reference),
  });

const inContainer = async (change: Partial<ContainerForm> = {}): Promise<ComponentSpec> => {
  const spec = await fixtureSpec('web');
  return { ...spec, container: { ...(spec.container as ContainerForm), ...change } };
};

/** `POST /containers/<name>/start` and the like, of one component. */
const asked = (method: string): string[] =>
  fake.requests
    .filter((request) => request.method === method)
    .map(({ path }) => path.replace(/\b[0-9a-f]{12}\b|c+\d+/, 'ID'));

test('every request is made in the version of the engine', async () => {
  await runtime.start(await inContainer(), never);
  const versions = new Set(fake.requests.filter(({ path }) => path !== '/version').map(({ version }) => version));
  expect([...versions]).toEqual(['1.41']);
});

test('a start makes network, volume and container, each labelled, and notes it', async () => {
  const status = await runtime.start(await inContainer({ mounts }), never);
  expect(status).toMatchObject({ id: 'web', state: 'running', podName: expect.stringMatching(/^web-[0-9a-f]{8}$/) });
  const labels = { 'devkit.devnet': 'test', 'devkit.dir': paths.dir };
  expect(fake.networks.get(networkName(paths))?.Labels).toEqual(labels);
  expect(fake.volumes.get(volumeName(paths, 'postgres'))?.Labels).toEqual({ ...labels, 'devkit.schema': '1' });
  expect(fake.containers.get(containerName(paths, 'web'))?.Labels).toMatchObject({
    ...labels,
    'devkit.component': 'web',
    'devkit.needs': '[]',
    'devkit.stop': '{"signal":"SIGTERM","graceMs":5000}',
  });
  expect(recordedContainers(paths)).toEqual(['web']);
  await runtime.stop('web', never);
  expect([fake.containers.size, recordedContainers(paths)]).toEqual([0, []]);
  expect(await runtime.sweep(never)).toEqual([]);
  expect([fake.networks.size, fake.volumes.size]).toEqual([0, 1]);
  expect(await removeVolumes(engine, paths.dir)).toEqual([volumeName(paths, 'postgres')]);
});

test('components that start at the same time make one network', async () => {
  const ids = ['a', 'b', 'c', 'd'];
  await Promise.all(ids.map(async (id) => newRuntime().start({ ...(await inContainer()), id }, never)));
  expect(asked('POST').filter((path) => path === '/networks/create')).toHaveLength(1);
});

test('one that ended is started again as it is, with its name of before', async () => {
  const spec = await inContainer();
  const first = await runtime.start(spec, never);
  fake.exit(containerName(paths, 'web'), { exitCode: 3 });
  expect(await runtime.inspect('web')).toMatchObject({ state: 'exited', exitCode: 3 });
  const again = await newRuntime().start(spec, never);
  expect([again.state, again.podName]).toEqual(['running', first.podName]);
  expect(asked('POST').filter((path) => path === '/containers/create')).toHaveLength(1);
});

test('one that Docker is about to start again is stopped first', async () => {
  const spec = await inContainer();
  await runtime.start(spec, never);
  fake.exit(containerName(paths, 'web'), { exitCode: 137, outOfMemory: true, restarting: true });
  expect(await runtime.inspect('web')).toMatchObject({ state: 'exited', exitCode: 137, outOfMemory: true });
  fake.requests.length = 0;
  expect((await runtime.start(spec, never)).state).toBe('running');
  expect(asked('POST')).toEqual(['/containers/ID/stop', '/containers/ID/start']);
});

test('one that ended is kept when the engine refuses to start it again (it may be about to stop)', async () => {
  const spec = await inContainer();
  const first = await runtime.start(spec, never);
  fake.exit(containerName(paths, 'web'), { exitCode: 143 });
  fake.fail({ method: 'POST', path: /start$/, status: 500, message: 'failed to update store', times: 1 });
  expect((await failure(runtime.start(spec, never))).code).toBe('COMPONENT_FAILED');
  expect((await runtime.start(spec, never)).podName).toBe(first.podName);
});

test('another image under the same tag replaces the container', async () => {
  const spec = await inContainer();
  const first = await runtime.start(spec, never);
  expect((await runtime.start(spec, never)).podName).toBe(first.podName);
  const other = { ...spec, container: { ...(spec.container as ContainerForm), image: { reference: 'b:2' } } };
  fake.images.add('b:2');
  expect((await runtime.start(other, never)).podName).not.toBe(first.podName);
  expect(fake.containers.size).toBe(1);
});

test("overrides of the kit's environment are passed on, and do not replace what runs", async () => {
  const spec = await inContainer();
  const first = await newRuntime({ ZKSYNC_API_PORT: '1', PATH: '/bin', RUST_LOG: 'debug' }).start(spec, never);
  const [container] = fake.containers.values();
  expect(container?.created['Env']).toEqual([`POD_NAME=${first.podName}`, 'RUST_LOG=debug', 'ZKSYNC_API_PORT=1']);
  expect((await newRuntime({ RUST_LOG: 'info' }).start(spec, never)).podName).toBe(first.podName);
});

test('an end that Docker mended before anybody looked is still told, until the next start', async () => {
  const spec = await inContainer();
  await runtime.start(spec, never);
  const container = fake.containers.get(containerName(paths, 'web'));
  if (!container) throw new Error('no container');
  container.State = { ...container.State, StartedAt: new Date(Date.now() + 500).toISOString() };
  container.RestartCount = 1;
  expect((await runtime.inspect('web')).state).toBe('exited');
  expect((await runtime.list())[0]?.state).toBe('running');
  await runtime.start(spec, never);
  expect((await runtime.inspect('web')).state).toBe('running');
  expect((await newRuntime().inspect('web')).state).toBe('running');
});

const PORT_TEXT = (port: number): string =>
  `driver failed programming external connectivity on endpoint x (abc): Error starting userland proxy: listen tcp4 127.0.0.1:${port}: bind: address already in use`;

test('a port that is taken when the container starts: it is removed, and the port named', async () => {
  const spec = await inContainer();
  const port = spec.ports[0]?.port as number;
  fake.fail({ method: 'POST', path: /start$/, status: 500, message: PORT_TEXT(port) });
  const error = await failure(runtime.start(spec, never));
  expect(error.code).toBe('PORT_TAKEN');
  expect(error.message).toBe(`port ${port} (web http) is in use by another program`);
  expect([fake.containers.size, recordedContainers(paths)]).toEqual([0, []]);
});

test('a port that is taken before: nothing is made, not even a network', async () => {
  const spec = await inContainer();
  const server = createServer().listen(spec.ports[0]?.port, '127.0.0.1');
  await once(server, 'listening');
  const error = await failure(runtime.start(spec, never));
  server.close();
  expect([error.code, error.message.includes(`(pid ${process.pid})`)]).toEqual(['PORT_TAKEN', true]);
  await sleep(50);
  expect(asked('POST')).toEqual([]);
});

const START_ERRORS: [what: string, message: string, code: string, says: string][] = [
  [
    'no GPU driver',
    'could not select device driver "" with capabilities: [[gpu]]',
    'HOST_UNFIT',
    'web cannot be given a GPU: the engine has no driver for NVIDIA GPUs',
  ],
  [
    'a full disk',
    'write /var/lib/docker/tmp/x: no space left on device',
    'HOST_UNFIT',
    'Docker cannot start web: its disk is full',
  ],
  [
    'a program that is not in the image',
    'OCI runtime create failed: exec: "nodde": executable file not found in $PATH',
    'COMPONENT_FAILED',
    'web cannot be started: OCI runtime create failed: exec: "nodde": executable file not found in $PATH',
  ],
];
test.each(START_ERRORS)('%s', async (_, message, code, says) => {
  fake.fail({ method: 'POST', path: /start$/, status: 500, message });
  const error = await failure(runtime.start(await inContainer(), never));
  expect([error.code, error.message]).toEqual([code, says]);
  expect(fake.containers.size).toBe(0);
});

test('an engine that does not know the NVIDIA runtime', async () => {
  const message = 'Unknown runtime specified nvidia';
  fake.fail({ method: 'POST', path: /create$/, status: 400, message, times: 2 });
  fake.networks.set(networkName(paths), { Id: 'n', Name: networkName(paths), Labels: { 'devkit.dir': paths.dir } });
  const error = await failure(runtime.start(await inContainer({ gpus: 'all' }), never));
  expect([error.code, error.hint]).toEqual(['HOST_UNFIT', 'devkit doctor --for upstream   says what is missing']);
});

test('a local image that was not built, and one of a registry that is not there', async () => {
  fake.images.clear();
  const local = await failure(runtime.start(await inContainer(), never));
  expect([local.code, local.message, local.hint]).toEqual([
    'NOT_FOUND',
    `web cannot be started: the image ${IMAGE} was not built on this machine`,
    'devkit images build',
  ]);
  const image = { reference: 'ghcr.io/x/y:nope' };
  const remote = await failure(runtime.start(await inContainer({ image }), never));
  expect([remote.code, remote.hint]).toEqual(['NOT_FOUND', 'docker pull ghcr.io/x/y:nope']);
});

test('a name that is being given back is waited for', async () => {
  fake.fail({
    method: 'POST',
    path: /containers\/create$/,
    status: 409,
    message: 'Conflict. already in use',
    times: 1,
  });
  expect((await runtime.start(await inContainer(), never)).state).toBe('running');
});

test("somebody else's container, network or volume of the same name is left alone", async () => {
  const name = containerName(paths, 'web');
  await runtime.start(await inContainer(), never);
  const container = fake.containers.get(name);
  if (!container) throw new Error('no container');
  container.Labels = {};
  container.created['Labels'] = {};
  const error = await failure(runtime.start(await inContainer(), never));
  expect([error.code, error.message]).toEqual([
    'ALREADY_EXISTS',
    `there is a container ${name} that is not of this devnet`,
  ]);
  await failure(runtime.stop('web', never));
  await runtime.sweep(never);
  expect(fake.containers.has(name)).toBe(true);
  const volume = volumeName(paths, 'postgres');
  fake.volumes.set(volume, { Name: volume, Labels: {} });
  expect((await failure(runtime.start(await inContainer({ mounts }), never))).message).toContain(volume);
  expect(await removeVolumes(engine, paths.dir)).toEqual([]);
});

test('a volume of an older schema is refused with the way out', async () => {
  const volume = volumeName(paths, 'postgres');
  fake.volumes.set(volume, { Name: volume, Labels: { 'devkit.dir': paths.dir, 'devkit.schema': '0' } });
  const error = await failure(runtime.start(await inContainer({ mounts }), never));
  expect([error.code, error.message, error.hint]).toEqual([
    'CONFIG_INVALID',
    `volume ${volume} was made by an older devkit (schema 0, this one needs 1)`,
    'devkit down --all --devnet test --yes',
  ]);
  expect(fake.containers.size).toBe(0);
});

test('while the engine is away every call says so, and afterwards all is as before', async () => {
  const spec = await inContainer();
  const before = await runtime.start(spec, never);
  await fake.goAway();
  const calls = [
    () => runtime.inspect('web'),
    () => runtime.list(),
    () => runtime.start(spec, never),
    () => runtime.stop('web', never),
  ];
  for (const call of calls) {
    const error = await failure(call());
    expect([error.code, isEngineGone(error)]).toEqual(['HOST_UNFIT', true]);
    expect(error.message).toContain(`the engine at ${fake.host} does not answer any more`);
  }
  expect(recordedContainers(paths)).toEqual(['web']);
  await fake.comeBack();
  expect(await runtime.start(spec, never)).toEqual(before);
});

test('memory of a container whose processes are not to be seen here is what the engine measures', async () => {
  await runtime.start(await inContainer(), never);
  expect(await runtime.usage('web')).toMatchObject({ rssBytes: 3_000_000, processes: 2 });
  fake.exit(containerName(paths, 'web'), { exitCode: 0 });
  expect(await runtime.usage('web')).toBeUndefined();
});

test('a component without a container form is refused', async () => {
  const { container: _, ...spec } = await inContainer();
  const error = await failure(runtime.start(spec, never));
  expect([error.code, error.message]).toEqual(['USAGE', 'web cannot run in a container']);
});
