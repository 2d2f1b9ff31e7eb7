/** What people read when the engine cannot make an image: the real client against a server on a unix socket that plays the engine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Dockerode from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import type { Engine } from '../../../cli/runtimes/docker/engine.ts';
import { pullBase } from '../../../cli/runtimes/docker/images/base.ts';
import { ensureImages, localImageTag } from '../../../cli/runtimes/docker/images/index.ts';
import { devkit } from '../../unit/cli/support.ts';

const ARCH = process.arch === 'x64' ? 'amd64' : 'arm64';

let dir: string;
let server: Server;
let engine: Engine;
let baseTag: string;
/** Answers of the server; the default knows the base image and nothing else. */
let onBuild: (request: IncomingMessage, response: ServerResponse) => void;
let onPull: (response: ServerResponse) => void;
let arch: string;
const sockets: import('node:net').Socket[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-faults-'));
  baseTag = await localImageTag('base');
  server = createServer(answer).on('connection', (socket) => sockets.push(socket));
  const socketPath = join(dir, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const docker = new Dockerode({ socketPath });
  engine = { docker, host: `unix://${socketPath}`, version: '20.10.24', apiVersion: '1.41' };
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  arch = ARCH;
  onBuild = (_, response) => response.writeHead(500).end('{"message":"not asked for"}');
  onPull = (response) => response.writeHead(500).end('{"message":"not asked for"}');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = decodeURIComponent(request.url ?? '');
  response.setHeader('connection', 'close');
  if (url.startsWith('/build?')) onBuild(request, response);
  else if (url.startsWith('/images/create?')) onPull(response);
  else if (url === '/version') response.end(JSON.stringify({ Os: 'linux', Arch: arch }));
  else if (url === `/images/${baseTag}/json`) {
    response.end(JSON.stringify({ Id: 'sha256:1', Size: 1, Config: { Labels: { 'devkit.base': 'host' } } }));
  } else response.writeHead(404).end('{"message":"No such image"}');
}

/** Takes the whole context, then says these lines. */
function says(...lines: object[]): typeof onBuild {
  return (request, response) => {
    request.resume().once('end', () => response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
  };
}

const build = (signal = AbortSignal.timeout(30_000), emit: (event: DevkitEvent) => void = () => {}) =>
  ensureImages(engine, ['anvil'], { signal, emit });

describe('a build', () => {
  test('that fails names its step and what the engine said last', async () => {
    onBuild = says(
      { stream: 'Step 1/7 : ARG BASE_IMAGE\n' },
      { stream: 'Step 3/7 : COPY bin/ /usr/local/bin/\n' },
      { error: 'COPY failed: file not found in build context: stat bin/: file does not exist' },
    );
    const events: DevkitEvent[] = [];
    const error = await build(undefined, (event) => events.push(event)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HOST_UNFIT', hint: 'devkit images build anvil --force' });
    expect((error as Error).message).toMatchInlineSnapshot(`
      "image anvil could not be built: Step 3/7 : COPY bin/ /usr/local/bin/: COPY failed: file not found in build context: stat bin/: file does not exist
        Step 1/7 : ARG BASE_IMAGE
        Step 3/7 : COPY bin/ /usr/local/bin/"
    `);
    expect(events.map(({ type }) => type)).toEqual(['step.started', 'step.failed']);
  });

  test.each([
    ['while it reads the context', 500],
    ['in a step', 200],
  ])('says that the disk is full, found %s', async (_, status) => {
    const message = 'write /var/lib/docker/overlay2/1/diff/x: no space left on device';
    onBuild =
      status === 200
        ? says({ error: message })
        : (request, response) =>
            request.resume().once('end', () => response.writeHead(500).end(JSON.stringify({ message })));
    await expect(build()).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: 'image anvil: the disk of the container engine is full',
      hint: expect.stringContaining('devkit images prune'),
    });
  });

  test('says that the base is gone', async () => {
    onBuild = says({ error: `pull access denied for devkit/base, repository does not exist or may require login` });
    await expect(build()).rejects.toMatchObject({
      message: `image anvil: the engine has no image ${baseTag} to build it on`,
      hint: 'devkit images build base',
    });
  });

  test('says that the engine went away', async () => {
    onBuild = (request) => request.once('data', () => request.socket.destroy());
    await expect(build()).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: expect.stringContaining(`the engine at ${engine.host} does not answer any more`),
    });
  });

  test('ends at once when it is aborted', async () => {
    const stop = new AbortController();
    onBuild = (request) => request.once('data', () => stop.abort(new Error('enough')));
    await expect(build(stop.signal)).rejects.toThrow('enough');
  });

  test('is refused on an engine of another kind of machine', async () => {
    arch = ARCH === 'amd64' ? 'arm64' : 'amd64';
    await expect(build()).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: expect.stringMatching(
        /runs linux on \w+, this machine is linux on \w+: images can only be made for the same/,
      ),
    });
  });
});

describe('pulling the base', () => {
  const pull = (silenceMs?: number) => {
    const options = { signal: AbortSignal.timeout(30_000), ...(silenceMs === undefined ? {} : { silenceMs }) };
    return pullBase(engine, 'node:24-bookworm-slim', options);
  };

  test('gives up on a registry that says nothing', async () => {
    onPull = () => {};
    expect(await pull(50)).toBe('no answer for 0.05 s');
  });

  test('does not give up while there is progress', async () => {
    onPull = (response) => {
      let lines = 0;
      const timer = setInterval(() => {
        response.write('{"status":"Downloading"}\n');
        if (++lines < 8) return;
        clearInterval(timer);
        response.end();
      }, 25);
    };
    expect(await pull(150)).toBeUndefined();
  });

  test.each([
    [
      'Get https://registry.example/v2/: dial tcp: lookup registry.example: no such host',
      'its registry has no address here',
    ],
    [
      'Get https://registry.example/v2/: dial tcp 10.0.0.1:443: connect: connection refused',
      'its registry refuses connections',
    ],
    [
      'Get https://registry.example/v2/: net/http: request canceled (Client.Timeout exceeded)',
      'its registry cannot be reached',
    ],
    [
      'toomanyrequests: You have reached your pull rate limit',
      'toomanyrequests: You have reached your pull rate limit',
    ],
  ])('%s', async (message, reason) => {
    onPull = (response) => response.writeHead(500).end(JSON.stringify({ message }));
    expect(await pull()).toBe(reason);
  });

  test('an engine that goes away is not taken for a missing registry', async () => {
    onPull = (response) => response.socket?.destroy();
    await expect(pull()).rejects.toMatchObject({ message: expect.stringContaining('does not answer any more') });
  });

  test('a full disk is not taken for a missing registry', async () => {
    onPull = (response) => response.end('{"error":"write /var/lib/docker/tmp/x: no space left on device"}\n');
    await expect(pull()).rejects.toMatchObject({
      message: 'pulling node:24-bookworm-slim: the disk of the container engine is full',
    });
  });
});

describe('the commands', () => {
  test.each(['images build', 'images list', 'images prune'])('%s without an engine exits 3', async (line) => {
    const run = await devkit(line, { cwd: dir, env: { DOCKER_HOST: `unix://${dir}/none.sock` } });
    expect({ exitCode: run.exitCode, stdout: run.stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(run.stderr).toContain(`${dir}/none.sock`);
  });

  test('images build takes only flags that it has', async () => {
    const run = await devkit('images build --registry', { cwd: dir });
    expect(run.exitCode).toBe(2);
  });
});
