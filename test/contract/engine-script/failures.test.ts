/** `scripts/docker-engine` where it cannot do its work, and the installation, with stand-ins for the machine's programs. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScript, type ScriptEnd } from '../../fixtures/private-engine.ts';
import { FAKE_DOCKERD, type Programs, programs } from './programs.ts';

const SCRIPT = join(import.meta.dirname, '../../../scripts/docker-engine');
const ROOT = 'echo 0';

const engine = (machine: Programs, command: string): Promise<ScriptEnd> =>
  runScript(SCRIPT, [command], {
    DEVKIT_DOCKER_DIR: join(machine.dir, 'engine'),
    DEVKIT_DOCKER_BINARIES: machine.bin,
  });

test.each([
  ['relative/path', /must be an absolute path/],
  ['/tmp/with space', /must be an absolute path/],
  [`/tmp/${'x'.repeat(70)}`, /is 75 characters long, 69 at most/],
])('DEVKIT_DOCKER_DIR=%s is refused', async (DEVKIT_DOCKER_DIR, message) => {
  expect(await runScript(SCRIPT, ['status'], { DEVKIT_DOCKER_DIR })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(message),
  });
});

test('an unknown command is refused', async () => {
  expect(await runScript(SCRIPT, ['restart'])).toMatchObject({
    code: 2,
    stderr: "docker-engine: unknown command 'restart': start, stop, status or env\n",
  });
});

test('without root it says what to run', async () => {
  await using machine = await programs();
  await machine.add('id', 'echo 1000');
  const { code, stderr } = await engine(machine, 'start');
  expect(code).toBe(3);
  expect(stderr).toBe(
    `docker-engine: starting an engine needs root: run 'sudo ${SCRIPT} start', or set DOCKER_HOST to an engine that runs\n`,
  );
  expect(existsSync(join(machine.dir, 'engine'))).toBe(false);
});

test('a dockerd that ends at once: its last 20 lines and the log file', async () => {
  await using machine = await programs();
  await machine.add('id', ROOT);
  await machine.add('iptables', '');
  await machine.add('dockerd', 'for i in $(seq 1 30); do echo "line $i of dockerd"; done; exit 1');
  const { code, stdout, stderr } = await engine(machine, 'start');
  const lines = stderr.trim().split('\n');
  expect(code).toBe(3);
  expect(stdout).toBe('');
  expect(lines).toHaveLength(22);
  expect(lines.slice(1, 3)).toEqual(['line 11 of dockerd', 'line 12 of dockerd']);
  expect(lines.at(-1)).toBe(
    `docker-engine: dockerd ended at once; full log: ${machine.dir}/engine/dockerd.log. Without an engine: --runtime process`,
  );
});

test('dockerd gets a socket, data and pid file of its own folder', async () => {
  await using machine = await programs();
  await machine.add('id', ROOT);
  await machine.add('iptables', '');
  await machine.add('dockerd', 'echo "$@"; exit 1');
  await engine(machine, 'start');
  const dir = join(machine.dir, 'engine');
  expect(await readFile(join(dir, 'dockerd.log'), 'utf8')).toBe(
    `--host unix://${dir}/docker.sock --data-root ${dir}/data --exec-root ${dir}/exec --pidfile ${dir}/docker.pid\n`,
  );
});

/** Hides files of the machine from one call: a mount namespace of its own. */
async function onOtherMachine(machine: Programs, hidden: readonly string[], release: string): Promise<ScriptEnd> {
  const osRelease = join(machine.dir, 'os-release');
  await writeFile(osRelease, release);
  await machine.add(
    'hide',
    [
      `mount --bind ${osRelease} "$(readlink -f /etc/os-release)"`,
      ...hidden.map((file) => `[ ! -e ${file} ] || mount --bind /dev/null ${file}`),
      `exec ${SCRIPT} start`,
    ].join('\n'),
  );
  return runScript('unshare', ['--mount', join(machine.bin, 'hide')], {
    DEVKIT_DOCKER_DIR: join(machine.dir, 'engine'),
    DEVKIT_DOCKER_BINARIES: machine.bin,
  });
}

const DOCKERD = ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd', '/usr/local/sbin/dockerd'];
const namespaces = process.getuid?.() === 0 && (await runScript('unshare', ['--mount', 'true'])).code === 0;

describe.skipIf(!namespaces)('a machine without dockerd', () => {
  test('that is not Debian: one line', async () => {
    await using machine = await programs();
    expect(await onOtherMachine(machine, DOCKERD, 'ID=fedora\n')).toEqual({
      code: 3,
      stdout: '',
      stderr:
        'docker-engine: no dockerd and iptables here, and this is not Debian or Ubuntu: ' +
        "install Docker with this system's packages, then run this again\n",
    });
  });

  test.each(['ID=debian\n', 'ID=ubuntu\nID_LIKE=debian\n', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n'])(
    '%j: apt installs it',
    async (release) => {
      await using machine = await programs();
      const calls = join(machine.dir, 'calls');
      await machine.add('dockerd.new', FAKE_DOCKERD);
      await machine.add('apt-cache', 'exit 100');
      await machine.add(
        'apt-get',
        `echo "$@" >>${calls}; case $1 in install) mv ${machine.bin}/dockerd.new ${machine.bin}/dockerd ;; esac`,
      );
      const { code, stderr } = await onOtherMachine(machine, DOCKERD, release);
      expect(stderr).toContain(`Docker 99.1 answers at unix://${machine.dir}/engine/docker.sock`);
      expect(code).toBe(0);
      expect(await readFile(calls, 'utf8')).toBe(
        'update -qq\ninstall -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 docker.io iptables\n',
      );
      // the stand-in is a script: the real program's command line begins with dockerd
      process.kill(Number(await readFile(join(machine.dir, 'engine', 'docker.pid'), 'utf8')));
    },
  );

  test('an apt that cannot install it: named, nothing started', async () => {
    await using machine = await programs();
    await machine.add('apt-cache', 'exit 0');
    await machine.add('apt-get', 'case $1 in install) echo "E: no network" >&2; exit 100 ;; esac');
    const { code, stderr } = await onOtherMachine(machine, DOCKERD, 'ID=debian\n');
    expect(code).toBe(3);
    expect(stderr).toContain('E: no network\ndocker-engine: apt could not install docker.io iptables docker-cli');
  });

  test('without curl the engine is asked by perl', async () => {
    await using machine = await programs();
    await machine.add('iptables', '');
    await machine.add('dockerd', FAKE_DOCKERD);
    const { code, stderr } = await onOtherMachine(machine, ['/usr/bin/curl', '/usr/local/bin/curl'], 'ID=debian\n');
    expect(stderr).toContain('Docker 99.1 answers at');
    expect(code).toBe(0);
    process.kill(Number(await readFile(join(machine.dir, 'engine', 'docker.pid'), 'utf8')));
  });
});
