/** `scripts/docker-engine` with a real dockerd in a folder of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectEngine } from '../../../cli/runtimes/docker/engine.ts';
import { runs } from '../../fixtures/pids.ts';
import { noPrivateEngine, type PrivateEngine, privateEngine } from '../../fixtures/private-engine.ts';

const answers = async (engine: PrivateEngine): Promise<boolean> => (await engine.script('status')).code === 0;
const mountsBelow = async (dir: string): Promise<string[]> =>
  (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(` ${dir}/`));

/** An image of nothing but `sleep` and its libraries. */
async function runSleep(engine: PrivateEngine): Promise<number> {
  const { docker } = await connectEngine({ env: { DOCKER_HOST: engine.host } });
  const libraries = execFileSync('ldd', ['/bin/sleep'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  const tar = spawn('tar', ['-chf', '-', '/bin/sleep', ...libraries], { stdio: ['ignore', 'pipe', 'ignore'] });
  const answer = await docker.importImage(tar.stdout, { repo: 'sleep', tag: 'test' });
  await once(answer.resume(), 'end');
  const container = await docker.createContainer({
    Image: 'sleep:test',
    Cmd: ['/bin/sleep', '1000'],
    HostConfig: { Init: true },
  });
  await container.start();
  return (await container.inspect()).State.Pid;
}

describe.skipIf(noPrivateEngine() !== undefined)('docker-engine', () => {
  test('starts an engine that outlives the script, says how to reach it, and stops it', async () => {
    await using engine = await privateEngine();
    expect(await engine.script('status')).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^no engine at unix:\/\//),
    });
    expect(await engine.script('env')).toMatchObject({ code: 3, stdout: '' });

    // resolves only when the script's output is closed: nothing that it started holds on to it
    const started = await engine.script('start');
    expect(started).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining(` answers at ${engine.host} `),
    });
    expect((await engine.script('env')).stdout).toBe(`export DOCKER_HOST=${engine.host}\n`);
    expect((await engine.script('status')).stdout).toMatch(
      /^Docker \d+\.\d+\S* answers at unix:\/\/\S+ \(pid \d+, log /,
    );

    const pid = await engine.pid();
    expect(await engine.script('start')).toMatchObject({ code: 0, stderr: expect.stringContaining('already answers') });
    expect(await engine.pid()).toBe(pid);

    expect((await engine.script('stop')).code).toBe(0);
    expect(await answers(engine)).toBe(false);
    expect(existsSync(join(engine.dir, 'docker.pid'))).toBe(false);
    expect(await engine.script('stop')).toMatchObject({ code: 0, stderr: expect.stringContaining('no engine runs') });
  });

  test('two callers at once start one engine', async () => {
    await using engine = await privateEngine();
    const both = await Promise.all([engine.script('start'), engine.script('start')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const said = both.map(({ stderr }) => (stderr.includes('already answers') ? 'found' : 'started'));
    expect(said.sort()).toEqual(['found', 'started']);
  });

  test('a killed engine is started again', async () => {
    await using engine = await privateEngine();
    await engine.start();
    await engine.kill();
    expect(await engine.script('status')).toMatchObject({ code: 3, stdout: expect.stringContaining('is left over') });
    await engine.start();
    expect(await answers(engine)).toBe(true);
  });

  test('stop after a kill ends the containers that went on, and leaves no mount', async () => {
    await using engine = await privateEngine();
    await engine.start();
    const pid = await runSleep(engine);
    await engine.kill();
    expect(runs(pid)).toBe(true);
    expect(await mountsBelow(engine.dir)).not.toEqual([]);

    await engine.stop();
    expect(runs(pid)).toBe(false);
    expect(await mountsBelow(engine.dir)).toEqual([]);
  });

  test('a pid file that names another program keeps nothing from starting, and that program is left alone', async () => {
    await using engine = await privateEngine();
    const other = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      await mkdir(join(engine.dir, 'exec', 'containerd'), { recursive: true });
      await writeFile(join(engine.dir, 'docker.pid'), String(other.pid));
      await writeFile(join(engine.dir, 'exec', 'containerd', 'containerd.pid'), String(other.pid));
      expect(await engine.script('stop')).toMatchObject({ code: 0, stderr: expect.stringContaining('no engine runs') });
      await engine.start();
      expect(await answers(engine)).toBe(true);
      expect(other.exitCode).toBeNull();
      expect(other.signalCode).toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });
});
