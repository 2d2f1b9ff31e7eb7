/** `scripts/compose-plugin` and `scripts/debian-package`, with stand-ins for apt and for Compose itself. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScript, type ScriptEnd } from '../../fixtures/private-engine.ts';
import { type Programs, programs } from './programs.ts';

const SCRIPTS = join(import.meta.dirname, '../../../scripts');
const compose = (version: string): string => `[ "$1" = version ] && echo ${version}`;

const SYSTEM = ['/usr/local/lib', '/usr/local/libexec', '/usr/lib', '/usr/libexec'];
const systemPlugin = SYSTEM.some((dir) => existsSync(`${dir}/docker/cli-plugins/docker-compose`));

/** Only the stand-ins and what every machine has; nothing of the account that runs the tests. */
const plugin = (machine: Programs): Promise<ScriptEnd> =>
  runScript(join(SCRIPTS, 'compose-plugin'), [], {
    PATH: `${machine.bin}:/usr/bin:/bin`,
    HOME: machine.dir,
    DOCKER_CONFIG: join(machine.dir, 'docker'),
    DEVKIT_CACHE_DIR: join(machine.dir, 'cache'),
  });

test("the plugin of the account's Docker CLI is used", async () => {
  await using machine = await programs();
  await machine.add('../docker/cli-plugins/docker-compose', compose('2.40.3'));
  await machine.add('docker-compose', compose('v2.26.1'));
  expect(await plugin(machine)).toEqual({
    code: 0,
    stdout: `${machine.dir}/docker/cli-plugins/docker-compose\n`,
    stderr: '',
  });
});

describe.skipIf(systemPlugin)('without a plugin', () => {
  test.each(['v2.26.1', '2.40.3-3', '5.0.0'])('docker-compose %s on PATH is used', async (version) => {
    await using machine = await programs();
    await machine.add('docker-compose', compose(version));
    expect(await plugin(machine)).toMatchObject({ code: 0, stdout: `${machine.bin}/docker-compose\n` });
  });

  test('of those fetched before, the newest that runs is used', async () => {
    await using machine = await programs();
    await machine.add('docker-compose', compose('1.29.2'));
    await machine.add('../cache/compose/2.9.0/docker-compose', compose('2.9.0'));
    await machine.add('../cache/compose/2.26.1-4/docker-compose', compose('2.26.1'));
    await machine.add('../cache/compose/2.40.3-3/docker-compose', 'exit 1');
    expect(await plugin(machine)).toMatchObject({
      code: 0,
      stdout: `${machine.dir}/cache/compose/2.26.1-4/docker-compose\n`,
    });
  });
});

const debian = existsSync('/usr/bin/dpkg-deb') && /^ID="?debian"?$/m.test(await readFile('/etc/os-release', 'utf8'));
const codename = /^VERSION_CODENAME=(.*)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1];

/** A package as apt would download it. */
async function makePackage(machine: Programs, version: string, program: string): Promise<void> {
  const root = join(machine.dir, 'package');
  await mkdir(join(root, 'DEBIAN'), { recursive: true });
  await writeFile(
    join(root, 'DEBIAN', 'control'),
    `Package: docker-compose\nVersion: ${version}\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n`,
  );
  await machine.add('../package/usr/libexec/docker/cli-plugins/docker-compose', program);
  execFileSync('dpkg-deb', ['-b', root, join(machine.dir, 'compose.deb')], { stdio: 'ignore' });
}

/** apt-get on a machine whose own release comes from two archives; only `archive`'s `suite` has the package. */
const fakeApt = (machine: Programs, archive: string, suite: string): string =>
  [
    `conf=$2; shift 2; echo "$@" >>${machine.dir}/calls`,
    'case "$*" in',
    `'update --print-uris')`,
    `  echo "'http://first.example/debian/dists/${codename}/InRelease' a 0"`,
    `  echo "'http://second.example/debian/dists/${codename}/InRelease' b 0"`,
    `  echo "'http://second.example/debian/dists/${codename}-updates/InRelease' c 0" ;;`,
    `update*) sed -n 's/^Dir::Etc::sourcelist "\\(.*\\)";/\\1/p' $conf | xargs cat >${machine.dir}/source; cat ${machine.dir}/source >>${machine.dir}/sources ;;`,
    `download*) grep -q '${archive} ${suite} main' ${machine.dir}/source && cp ${machine.dir}/compose.deb . ;;`,
    'esac',
  ].join('\n');

describe.skipIf(!debian || systemPlugin)("Debian's package", () => {
  test('of a newer release is unpacked beside the machine, from the archive that it gets its own release from', async () => {
    await using machine = await programs();
    await makePackage(machine, '2.40.3-3', compose('2.40.3-3'));
    await machine.add('apt-get', fakeApt(machine, 'http://second.example/debian', 'trixie'));
    const program = `${machine.dir}/cache/compose/2.40.3-3/docker-compose`;
    expect(await plugin(machine)).toMatchObject({ code: 0, stdout: `${program}\n` });

    const sources = (await readFile(join(machine.dir, 'sources'), 'utf8')).trim().split('\n');
    expect(sources.map((line) => line.replace(/\[.*\] /, ''))).toEqual([
      'deb http://first.example/debian sid main',
      'deb http://second.example/debian sid main',
      'deb http://first.example/debian trixie main',
      'deb http://second.example/debian trixie main',
    ]);
    expect(await readdir(join(machine.dir, 'cache', 'compose'))).toEqual(['2.40.3-3']);

    await writeFile(join(machine.dir, 'calls'), '');
    expect(await plugin(machine)).toEqual({ code: 0, stdout: `${program}\n`, stderr: '' });
    expect(await readFile(join(machine.dir, 'calls'), 'utf8')).toBe('');
  });

  test('that does not run here is not kept', async () => {
    await using machine = await programs();
    await makePackage(machine, '2.40.3-3', 'echo "version GLIBC_2.99 not found" >&2; exit 1');
    await machine.add('apt-get', fakeApt(machine, 'http://first.example/debian', 'sid'));
    const { code, stdout, stderr } = await plugin(machine);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('compose-plugin: that of sid does not run here\n');
    expect(stderr).toContain(
      "compose-plugin: no Docker Compose v2 could be fetched from this machine's package sources\n",
    );
    expect(await readdir(join(machine.dir, 'cache', 'compose'))).toEqual([]);
  });

  test('cannot be fetched: what was asked for, and nothing is left', async () => {
    await using machine = await programs();
    await machine.add('apt-get', 'exit 100');
    const target = join(machine.dir, 'target');
    expect(
      await runScript(join(SCRIPTS, 'debian-package'), ['sid', 'docker.io', target], {
        PATH: `${machine.bin}:/usr/bin:/bin`,
        TMPDIR: machine.dir,
      }),
    ).toEqual({
      code: 3,
      stdout: '',
      stderr: "debian-package: could not get docker.io of sid from this machine's package sources\n",
    });
    expect((await readdir(machine.dir)).sort()).toEqual(['bin', 'target']);
  });
});
