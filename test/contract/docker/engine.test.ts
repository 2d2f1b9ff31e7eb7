/** Finding an engine: what is wrong where there is none, told apart. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { engineSockets } from '../../../cli/host/engine.ts';
import { connectEngine, spokenVersion } from '../../../cli/runtimes/docker/engine.ts';
import { fakeEngine } from '../../fakes/docker-engine.ts';
import { describeDocker } from '../../fixtures/docker.ts';
import { failure } from '../runtime/kit.ts';

let dir: string;
let socket: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-socket-'));
  socket = join(dir, 'docker.sock');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const refusal = (host: string): ReturnType<typeof failure> => failure(connectEngine({ env: { DOCKER_HOST: host } }));

test('an engine of 20.10 is spoken to in its own version', async () => {
  await using fake = await fakeEngine();
  const engine = await connectEngine({ env: { DOCKER_HOST: fake.host } });
  expect(engine).toMatchObject({ host: fake.host, version: '20.10.24', apiVersion: '1.41' });
  await engine.docker.info();
  expect(fake.requests.at(-1)).toMatchObject({ path: '/info', version: '1.41' });
});

test.each([
  ['1.41', '1.12', '1.41'],
  ['1.51', '1.24', '1.51'],
  ['1.60', '1.44', '1.51'],
  ['1.70', '1.53', '1.53'],
])('newest %s, oldest %s: %s is spoken', (newest, oldest, spoken) => {
  expect(spokenVersion(newest, oldest)).toBe(spoken);
});

test('an engine that is too old', async () => {
  await using fake = await fakeEngine({ version: '19.03.15', apiVersion: '1.40' });
  const error = await refusal(fake.host);
  expect(error.code).toBe('HOST_UNFIT');
  expect(error.message).toBe(
    `Docker 19.03.15 at ${fake.socket} is too old: it speaks API 1.40, 1.41 (20.10) is needed`,
  );
});

test('no socket, a stale socket, a stranger and a remote engine are refused, each in its own words', async () => {
  const errors = [await refusal(`unix://${socket}`)];
  await writeFile(socket, '');
  errors.push(await refusal(`unix://${socket}`));
  await rm(socket);
  const stranger = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => stranger.listen(socket, resolve));
  errors.push(await refusal(`unix://${socket}`));
  stranger.close();
  errors.push(await refusal('tcp://10.0.0.1:2375'));
  expect(errors.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'HOST_UNFIT'));
  expect(errors.map(({ message }) => message.replaceAll(socket, 'SOCKET'))).toEqual([
    'no container engine: there is no SOCKET',
    'SOCKET is there, but no engine listens: it is not running',
    'SOCKET: its answer is not that of a container engine',
    'remote engines are not supported yet: DOCKER_HOST is tcp://10.0.0.1:2375',
  ]);
  for (const { hint } of errors) expect(hint).toContain('--runtime process');
  expect(errors[0]?.hint).toContain('scripts/docker-engine start');
});

test.skipIf(process.getuid?.() !== 0)(
  'a socket that this account may not use names the group (asked as nobody)',
  async () => {
    await using fake = await fakeEngine();
    process.setegid?.(65_534);
    process.seteuid?.(65_534);
    try {
      const error = await refusal(fake.host);
      expect(error.message).toContain('may not be used by this account: add it to the docker group');
      expect(error.hint).toMatch(/^usermod -aG docker \S+ \(as root\), then log in again; .*--runtime process$/);
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  },
);

test("the system's socket comes first, then the user's, then the one of scripts/docker-engine", () => {
  expect(engineSockets({ XDG_RUNTIME_DIR: '/run/user/1' })).toEqual([
    '/var/run/docker.sock',
    '/run/user/1/docker.sock',
    '/var/lib/devkit-docker/docker.sock',
  ]);
});

await describeDocker('a real engine', (engine) => {
  test('answers in the version that was agreed on', async () => {
    const { ApiVersion } = await engine.docker.version();
    expect(spokenVersion(ApiVersion, undefined)).toBe(engine.apiVersion);
  });
});
