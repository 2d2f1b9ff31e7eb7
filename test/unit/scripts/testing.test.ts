/** What `scripts/test` asks a container engine: a server on a unix socket answers in its place. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findOrStartEngine, requires } from '../../../scripts/testing/engine.ts';
import { hasRyuk } from '../../../scripts/testing/engine-api.ts';
import { labelledThings, leftovers } from '../../../scripts/testing/leftovers.ts';

interface FakeApi extends AsyncDisposable {
  socket: string;
  /** Path (without query) + label asked for → answer; anything else is a 404. */
  answers: Record<string, unknown>;
  asked: string[];
}

async function fakeApi(answers: Record<string, unknown>): Promise<FakeApi> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-api-'));
  const socket = join(dir, 's');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const filters = url.searchParams.get('filters');
    const key = filters === null ? url.pathname : `${url.pathname} ${JSON.parse(filters).label}`;
    asked.push(key);
    response.statusCode = key in answers ? 200 : 404;
    response.end(JSON.stringify(answers[key] ?? { message: 'no such thing' }));
  }).listen(socket);
  await once(server, 'listening');
  return {
    socket,
    answers,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await rm(dir, { recursive: true });
    },
  };
}

const NOTHING = {
  '/containers/json devkit.dir': [],
  '/containers/json org.testcontainers': [],
  '/networks devkit.dir': [],
  '/networks org.testcontainers': [],
  '/volumes devkit.dir': { Volumes: null },
  '/volumes org.testcontainers': { Volumes: [] },
};

describe('what the tests left', () => {
  test('containers, networks and volumes of ours and of testcontainers, by name', async () => {
    await using api = await fakeApi({
      ...NOTHING,
      '/containers/json devkit.dir': [{ Id: 'c1', Names: ['/devkit-a-1-l1'], Labels: { 'devkit.dir': '/a' } }],
      '/containers/json org.testcontainers': [
        { Id: 'c2', Names: ['/happy_euler'], Labels: {} },
        { Id: 'c3', Names: ['/ryuk'], Labels: { 'org.testcontainers.ryuk': 'true' } },
      ],
      '/networks devkit.dir': [{ Id: 'n1', Name: 'devkit-a-1' }],
      '/volumes devkit.dir': { Volumes: [{ Name: 'devkit-a-1-postgres' }] },
    });
    expect(await labelledThings(api.socket)).toEqual([
      'container devkit-a-1-l1',
      'container happy_euler',
      'network devkit-a-1',
      'volume devkit-a-1-postgres',
    ]);
    expect(await leftovers(api.socket, ['container devkit-a-1-l1', 'network devkit-a-1'], 0)).toEqual([
      'container happy_euler',
      'volume devkit-a-1-postgres',
    ]);
  });

  test('is looked at again for a while', async () => {
    await using api = await fakeApi({ ...NOTHING, '/networks devkit.dir': [{ Name: 'going' }] });
    const looking = leftovers(api.socket, [], 20_000);
    while (!api.asked.includes('/volumes org.testcontainers')) await new Promise((resolve) => setTimeout(resolve, 5));
    api.answers['/networks devkit.dir'] = [];
    expect(await looking).toEqual([]);
  });
});

describe("testcontainers' clean-up program", () => {
  const RYUK = 'testcontainers/ryuk:0.14.0';

  test.each([
    ['its image is there', { [`/images/${RYUK}/json`]: { Id: 'x' } }, true],
    ['a registry has it', { [`/distribution/${RYUK}/json`]: { Descriptor: {} } }, true],
    ['neither', {}, false],
  ])('%s', async (_name, answers, expected) => {
    await using api = await fakeApi(answers);
    expect(await hasRyuk(api.socket)).toBe(expected);
  });

  test('is the one that testcontainers asks for', async () => {
    const source = await readFile(
      join(import.meta.dirname, '../../../node_modules/testcontainers/build/reaper/reaper.js'),
      'utf8',
    );
    expect(source).toContain(`"${RYUK}"`);
  });
});

describe('the engine of a test run', () => {
  test('DOCKER_HOST is taken, and a test that would be skipped for want of it fails', async () => {
    await using api = await fakeApi({ '/version': { Version: '20.10.24', ApiVersion: '1.41' } });
    const found = await findOrStartEngine({ DOCKER_HOST: `unix://${api.socket}`, DEVKIT_REQUIRE: 'gpu' });
    expect(found).toMatchObject({
      socket: api.socket,
      env: {
        DOCKER_HOST: `unix://${api.socket}`,
        DEVKIT_REQUIRE: 'gpu,docker',
        TESTCONTAINERS_RYUK_DISABLED: 'true',
      },
    });
  });

  test("the user's choice about the clean-up program stays", async () => {
    await using api = await fakeApi({ '/version': { Version: '20.10.24', ApiVersion: '1.41' } });
    const env = { DOCKER_HOST: `unix://${api.socket}`, TESTCONTAINERS_RYUK_DISABLED: 'false' };
    expect(await findOrStartEngine(env)).not.toHaveProperty('env.TESTCONTAINERS_RYUK_DISABLED');
    expect(api.asked).toEqual(['/version']);
  });

  test('no other one is started when DOCKER_HOST names one that is away', async () => {
    expect(await findOrStartEngine({ DOCKER_HOST: 'unix:///nowhere/docker.sock' })).toEqual({
      reason: 'no container engine: there is no /nowhere/docker.sock',
    });
  });
});

test.each([
  [undefined, false],
  ['', false],
  ['gpu', false],
  ['docker', true],
  ['gpu,docker', true],
])('DEVKIT_REQUIRE=%s requires docker: %s', (value, expected) => {
  expect(requires({ DEVKIT_REQUIRE: value }, 'docker')).toBe(expected);
});
