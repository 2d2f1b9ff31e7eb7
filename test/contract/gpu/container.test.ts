import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectEngine, type Engine } from '../../../cli/runtimes/docker/engine.ts';
import { checkGpuInContainer } from '../../../cli/runtimes/docker/gpu-check.ts';
import { describeDocker } from '../../fixtures/docker.ts';
import { ensureTestImage } from '../docker/test-image.ts';

const never = new AbortController().signal;
const UUID = 'GPU-11111111-2222-3333-4444-555555555555';
const IMAGES = [
  { Id: 'sha256:old', Created: 1, Labels: { 'devkit.image': 'base' } },
  { Id: 'sha256:new', Created: 2, Labels: { 'devkit.image': 'base' } },
  { Id: 'sha256:app', Created: 9, Labels: { 'devkit.image': 'zksync' } },
  { Id: 'sha256:pg', Created: 9, Labels: { 'devkit.image': 'postgres' } },
];

interface GpuEngine extends AsyncDisposable {
  engine: Engine;
  created: { Image: string; HostConfig: Record<string, unknown> }[];
  removed: string[];
}

interface Behaviour {
  images?: readonly object[];
  info?: object;
  /** What the container prints. */
  prints?: string;
  exitCode?: number;
  startError?: string;
}

/** An engine that has GPUs: as much of its API as the check uses. */
async function gpuEngine({
  images = IMAGES,
  info = {},
  prints = '',
  exitCode = 0,
  startError,
}: Behaviour): Promise<GpuEngine> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-gpu-engine-'));
  const socket = join(dir, 'engine.sock');
  const created: GpuEngine['created'] = [];
  const removed: string[] = [];
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').replace(/\?.*/, '');
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const json = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (path === '/version') return json({ Version: '28.5.2', ApiVersion: '1.51', MinAPIVersion: '1.24' });
    if (path === '/images/json') return json(images);
    if (path === '/info') return json(info);
    if (path === '/containers/create') {
      created.push(JSON.parse(body) as (typeof created)[number]);
      return json({ Id: 'c1', Warnings: [] }, 201);
    }
    if (path === '/containers/c1/start') return startError ? json({ message: startError }, 500) : json(undefined, 204);
    if (path === '/containers/c1/wait') return json({ StatusCode: exitCode });
    if (path === '/containers/c1/logs') return void response.end(frame(prints));
    if (path === '/containers/c1' && request.method === 'DELETE') {
      removed.push('c1');
      return json(undefined, 204);
    }
    json({ message: `not in the fake: ${path}` }, 501);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    engine: await connectEngine({ env: { DOCKER_HOST: `unix://${socket}` } }),
    created,
    removed,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Two frames of a container without a terminal, broken where it pleases. */
function frame(text: string): Buffer {
  const parts = [text.slice(0, 5), text.slice(5)].filter(Boolean).map((part) => {
    const header = Buffer.alloc(8);
    header[0] = 1;
    header.writeUInt32BE(Buffer.byteLength(part), 4);
    return Buffer.concat([header, Buffer.from(part)]);
  });
  return Buffer.concat(parts);
}

const SEEN = { devices: ['/dev/nvidia0', '/dev/nvidiactl'], gpus: [`GPU 0: NVIDIA L4 (UUID: ${UUID})`] };

test('by the container toolkit: the newest base image, this GPU only, and what it saw', async () => {
  await using fake = await gpuEngine({ info: { Runtimes: { nvidia: {} } }, prints: `${JSON.stringify(SEEN)}\n` });
  expect(await checkGpuInContainer(fake.engine, UUID, never)).toEqual({
    state: 'ran',
    method: 'device-requests',
    ...SEEN,
  });
  expect(fake.created).toMatchObject([
    {
      Image: 'sha256:new',
      HostConfig: { DeviceRequests: [{ DeviceIDs: [UUID], Capabilities: [['gpu']] }], NetworkMode: 'none' },
    },
  ]);
  expect(fake.removed).toEqual(['c1']);
});

test('by CDI where the engine has no NVIDIA runtime', async () => {
  const info = { CDISpecDirs: ['/etc/cdi'], DiscoveredDevices: [{ Source: 'cdi', ID: `nvidia.com/gpu=${UUID}` }] };
  await using fake = await gpuEngine({ info, prints: JSON.stringify(SEEN) });
  expect(await checkGpuInContainer(fake.engine, UUID, never)).toMatchObject({ state: 'ran', method: 'cdi' });
  expect(fake.created[0]?.HostConfig['DeviceRequests']).toEqual([
    { Driver: 'cdi', DeviceIDs: [`nvidia.com/gpu=${UUID}`] },
  ]);
});

test('a start that is refused says why, and the container is removed', async () => {
  const startError = 'failed to create task: nvidia-container-cli: initialization error: driver rpc error';
  await using fake = await gpuEngine({ startError });
  expect(await checkGpuInContainer(fake.engine, UUID, never)).toEqual({ state: 'refused', reason: startError });
  expect(fake.removed).toEqual(['c1']);
});

test('a container that fails says its last line', async () => {
  await using fake = await gpuEngine({ exitCode: 1, prints: 'x\nno node here\n' });
  expect(await checkGpuInContainer(fake.engine, UUID, never)).toEqual({ state: 'refused', reason: 'no node here' });
});

test('without an image of ours nothing is run', async () => {
  await using fake = await gpuEngine({ images: [IMAGES[3]!] });
  expect(await checkGpuInContainer(fake.engine, UUID, never)).toEqual({ state: 'no-image' });
  expect(fake.created).toEqual([]);
});

await describeDocker('a GPU that the engine does not have', (engine) => {
  test('is refused in its words, and nothing is left', async () => {
    const image = await ensureTestImage(engine);
    const result = await checkGpuInContainer(engine, UUID, never, image);
    expect(result).toMatchObject({ state: 'refused', reason: expect.stringMatching(/device driver|CDI|nvidia/i) });
    const left = await engine.docker.listContainers({ all: true, filters: { label: ['devkit.gpu-check'] } });
    expect(left).toEqual([]);
  });
});
