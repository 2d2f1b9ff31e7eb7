/** `scripts/test.ts` around a test run: the engine that it starts and stops, what it says at the end. vitest, tsc and biome are stand-ins. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noPrivateEngine, type PrivateEngine, privateEngine } from '../../fixtures/private-engine.ts';
import { type Programs, programs } from './programs.ts';

const ROOT = join(import.meta.dirname, '../../..');
const TREE = ['package.json', 'scripts/test.ts', 'scripts/testing', 'scripts/docker-engine', 'cli/host/engine.ts'];

interface Repository extends AsyncDisposable {
  machine: Programs;
  /** Runs `scripts/test.ts contract`; `interrupt` is called as soon as vitest runs. */
  run(
    env: Record<string, string>,
    interrupt?: (pid: number) => void,
  ): Promise<{ code: number | null; lines: string[] }>;
  /** What vitest was given. */
  vitestEnv(): Promise<Record<string, string>>;
}

/** As much of the kit as its test script needs, with another vitest: `body` is a shell script. */
async function repository(body: string): Promise<Repository> {
  const machine = await programs();
  const at = (path: string): string => join(machine.dir, path);
  for (const path of TREE) {
    await mkdir(join(at(path), '..'), { recursive: true });
    await cp(join(ROOT, path), at(path), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), at('node_modules'));
  await machine.add('tsc', 'true');
  await machine.add('../scripts/biome', 'true');
  const report = `for a; do case $a in --outputFile.json=*) echo '{"numPassedTests":5,"numPendingTests":1}' >"\${a#*=}" ;; esac; done`;
  await machine.add('vitest', [`env -0 >${at('env')}`, report, body].join('\n'));
  return {
    machine,
    run: async (env, interrupt) => {
      const child = spawn(process.execPath, [at('scripts/test.ts'), 'contract'], {
        env: { ...withoutEngine(), PATH: `${machine.bin}:${process.env['PATH']}`, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      const closed = once(child, 'close') as Promise<[number | null]>;
      if (interrupt) {
        while (!existsSync(at('running'))) await new Promise((resolve) => setTimeout(resolve, 20));
        interrupt(child.pid as number);
      }
      const [code] = await closed;
      return { code, lines: text.trim().split('\n') };
    },
    vitestEnv: async () => {
      const pairs = (await readFile(at('env'), 'utf8')).split('\0').map((line) => /^(\w+)=(.*)$/s.exec(line) ?? []);
      return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
    },
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  };
}

/** Of this test run itself. */
function withoutEngine(): NodeJS.ProcessEnv {
  const { DOCKER_HOST: _, DEVKIT_REQUIRE: __, TESTCONTAINERS_RYUK_DISABLED: ___, ...env } = process.env;
  return env;
}

test('without an engine that DEVKIT_REQUIRE asks for: one failure, named', async () => {
  await using repo = await repository('true');
  const { code, lines } = await repo.run({ DOCKER_HOST: 'unix:///nowhere/docker.sock', DEVKIT_REQUIRE: 'gpu,docker' });
  expect(lines.slice(-2)).toEqual([
    'DEVKIT_REQUIRE=docker, but there is no container engine: no container engine: there is no /nowhere/docker.sock',
    '0 passed, 1 failed',
  ]);
  expect(code).toBe(1);
});

test('without an engine that nobody asked for: the others run', async () => {
  await using repo = await repository('true');
  const { code, lines } = await repo.run({ DOCKER_HOST: 'unix:///nowhere/docker.sock' });
  expect(lines).toContain('container tests are left out: no container engine: there is no /nowhere/docker.sock');
  expect(lines.at(-1)).toBe('5 passed, 0 failed, 1 skipped');
  expect(code).toBe(0);
});

describe.skipIf(noPrivateEngine() !== undefined)('with an engine of its own', () => {
  const envOf = (engine: PrivateEngine): Record<string, string> => ({
    DEVKIT_DOCKER_DIR: engine.dir,
    DEVKIT_DOCKER_ARGS: '--iptables=false --ip6tables=false',
  });
  const runs = async (engine: PrivateEngine): Promise<boolean> => (await engine.script('status')).code === 0;

  test('starts it for the run, requires it there, and stops it', async () => {
    await using engine = await privateEngine();
    await using repo = await repository('true');
    const { code, lines } = await repo.run(envOf(engine));
    expect(lines.find((line) => line.startsWith('container tests use'))).toMatch(/ answers at .*started for this run$/);
    expect(lines.at(-1)).toBe('5 passed, 0 failed, 1 skipped');
    expect(code).toBe(0);
    expect(await repo.vitestEnv()).toMatchObject({ DOCKER_HOST: engine.host, DEVKIT_REQUIRE: 'docker' });
    expect(await runs(engine)).toBe(false);
  });

  test('leaves one running that ran before', async () => {
    await using engine = await privateEngine();
    await engine.start();
    await using repo = await repository('true');
    expect((await repo.run(envOf(engine))).code).toBe(0);
    expect(await runs(engine)).toBe(true);
  });

  test('what the tests leave is one failure, named', async () => {
    await using engine = await privateEngine();
    const body = JSON.stringify({ Name: 'devkit-a-1-postgres', Labels: { 'devkit.dir': '/a' } });
    const make = `require('node:http').request({ socketPath: '${engine.dir}/docker.sock', path: '/volumes/create', method: 'POST',
      headers: { 'Content-Type': 'application/json' } }, (r) => r.resume()).end('${body.replaceAll('"', '\\"')}')`;
    await using repo = await repository(`exec ${process.execPath} -e "${make}"`);
    const { code, lines } = await repo.run(envOf(engine));
    expect(lines.slice(-3)).toEqual([
      `left by the tests at ${engine.dir}/docker.sock:`,
      '  volume devkit-a-1-postgres',
      '5 passed, 1 failed, 1 skipped',
    ]);
    expect(code).toBe(1);
    expect(await runs(engine)).toBe(false);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops it too', async (signal, expected) => {
    await using engine = await privateEngine();
    await using repo = await repository('touch "$(dirname "$0")/../running"; exec sleep 100');
    // Ctrl-C reaches the whole group, a kill the script alone
    const { code } = await repo.run(envOf(engine), (pid) => process.kill(signal === 'SIGINT' ? -pid : pid, signal));
    expect(code).toBe(expected);
    expect(await runs(engine)).toBe(false);
  });
});
