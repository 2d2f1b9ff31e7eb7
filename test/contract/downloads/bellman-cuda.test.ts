/** `prover init-bellman-cuda`: real git with a local repository; cmake and nvcc are recorders on PATH. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findProgram } from '../../../cli/host/build-tools.ts';
import { devkit, type Run } from '../../unit/cli/support.ts';
import { type TestEcosystem, upstreamEcosystem } from './upstream-ecosystem.ts';

let eco: TestEcosystem;
let bin: string;
let record: string;

beforeEach(async () => {
  eco = await upstreamEcosystem();
  bin = join(eco.dir, 'bin');
  record = join(eco.dir, 'calls');
  await mkdir(bin);
  await writeFile(record, '');
});
afterEach(() => eco[Symbol.asyncDispose]());

/** A program on PATH that says its version and writes down how it was called. */
async function program(name: string, version: string, then = ''): Promise<void> {
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "${version}"; exit 0; fi\necho "${name} $*|$CUDACXX" >> ${record}\n${then}\n`;
  await writeFile(join(bin, name), script);
  await chmod(join(bin, name), 0o755);
}
const FAKE_CLONE = 'for last; do :; done; mkdir -p "$last"; touch "$last/CMakeLists.txt"';
const cmake = (version = '3.25.1', then = ''): Promise<void> => program('cmake', `cmake version ${version}`, then);
const nvcc = (): Promise<void> => program('nvcc', 'Cuda compilation tools, release 12.4, V12.4.131');
const git = (): Promise<void> => program('git', 'git version 2.39.5', FAKE_CLONE);

const run = (line: string, env: Record<string, string> = {}, signal?: AbortSignal): Promise<Run> =>
  devkit(line, { cwd: eco.dir, env: { PATH: `${bin}:/usr/bin:/bin`, ...env }, ...(signal ? { signal } : {}) });
const calls = async (): Promise<string[]> => (await readFile(record, 'utf8')).trim().split('\n').filter(Boolean);
/** Not one that ended and waits for its parent to notice. */
const isAlive = async (pid: number): Promise<boolean> => {
  const state = /\) (\w)/.exec(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))?.[1];
  return state !== undefined && state !== 'Z';
};
const savedDir = async (): Promise<unknown> => (await eco.read(eco.stackFile))['bellman_cuda_dir'];

test('clones, configures and builds, and names the folder in ZkStack.yaml; a second time nothing is cloned', async () => {
  await Promise.all([git(), cmake(), nvcc()]);
  const first = await run('prover init-bellman-cuda --clone');
  const dir = join(eco.dir, 'era-bellman-cuda');
  expect([first.exitCode, first.stdout]).toEqual([0, `bellman_cuda_dir: ${dir}\n`]);
  expect(await calls()).toEqual([
    `git clone --recurse-submodules https://github.com/matter-labs/era-bellman-cuda ${dir}.part|`,
    `cmake -B${dir}/build -S${dir}/ -DCMAKE_BUILD_TYPE=Release|`,
    `cmake --build ${dir}/build|`,
  ]);
  for (const line of ['✔ git 2.39.5', '✔ cmake 3.25.1', '✔ nvcc 12.4']) expect(first.stderr).toContain(line);
  expect(await savedDir()).toBe(dir);
  expect(await readFile(eco.stackFile, 'utf8')).toContain('# kept');

  const second = await run('prover init-bellman-cuda --clone --json');
  expect(JSON.parse(second.stdout)).toMatchObject({ bellmanCudaDir: dir, cloned: false });
  expect((await calls()).slice(3).map((line) => line.split(' ')[0])).toEqual(['cmake', 'cmake']);
});

test('takes a folder, through prover init too', async () => {
  await Promise.all([cmake(), nvcc()]);
  const dir = join(eco.dir, 'mine');
  await mkdir(dir);
  const none = await run('prover init-bellman-cuda --bellman-cuda-dir mine');
  expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining(`${dir} has no CMakeLists.txt`)]);
  await writeFile(join(dir, 'CMakeLists.txt'), '');
  const init = 'prover init --bellman-cuda --bellman-cuda-dir mine --setup-database=false --setup-keys=false';
  const { exitCode, stderr } = await run(`${init} --setup-compressor-key=false`);
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('bellman-cuda: build')]);
  expect(await savedDir()).toBe(dir);
  expect((await calls()).map((line) => line.split(' ')[0])).toEqual(['cmake', 'cmake']);
});

test('every program that is missing or too old is named, each on its own line, and nothing is begun', async () => {
  await cmake('3.18.4');
  const { exitCode, stderr } = await run('prover init-bellman-cuda --clone', { PATH: bin });
  expect(exitCode).toBe(3);
  expect(stderr.split('\n')).toEqual(
    expect.arrayContaining([
      '✖ git: git is not on PATH',
      '✖ cmake 3.18.4: cmake 3.18.4 is too old, 3.24 or newer is needed',
      '✖ nvcc: nvcc is not on PATH',
      'error: bellman-cuda cannot be built here: git is not on PATH; cmake 3.18.4 is too old, 3.24 or newer is needed; nvcc is not on PATH',
    ]),
  );
  expect(await calls()).toEqual([]);
  expect(await savedDir()).toBeUndefined();
});

test('a CUDA compiler that is not on PATH is handed to cmake', async () => {
  await Promise.all([git(), cmake(), nvcc()]);
  const cuda = join(eco.dir, 'cuda/bin');
  await mkdir(cuda, { recursive: true });
  await promisify(execFile)('mv', [join(bin, 'nvcc'), cuda]);
  const { exitCode } = await run('prover init-bellman-cuda --clone', { CUDA_HOME: join(eco.dir, 'cuda') });
  expect(exitCode).toBe(0);
  expect((await calls()).filter((line) => line.startsWith('cmake')).map((line) => line.split('|')[1])).toEqual([
    join(cuda, 'nvcc'),
    join(cuda, 'nvcc'),
  ]);
});

test('a build that fails shows its last lines and the whole log, and records nothing', async () => {
  await Promise.all([git(), nvcc()]);
  await cmake('3.28.0', 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line $i"; done; [ "$1" != --build ] || exit 2');
  const { exitCode, stderr } = await run('prover init-bellman-cuda --clone');
  expect(exitCode).toBe(4);
  const log = join(eco.dir, 'era-bellman-cuda/build/devkit-build.log');
  expect(stderr).toContain('error: cmake ended with exit code 2; its last lines:\n  line 11\n  line 12\n');
  expect(stderr).not.toContain('line 10\n');
  expect(stderr).toContain(`  line 30\n→ all of them: ${log}`);
  expect((await readFile(log, 'utf8')).split('\n')).toHaveLength(61);
  expect(await savedDir()).toBeUndefined();
});

test('Ctrl-C ends the build with its children', async () => {
  await Promise.all([git(), nvcc()]);
  const pids = join(eco.dir, 'pids');
  await cmake('3.25.1', `[ "$1" != --build ] || { sleep 300 & echo "$$ $!" > ${pids}; wait; }`);
  const stop = new AbortController();
  const ended = run('prover init-bellman-cuda --clone', {}, stop.signal).catch((error: Error) => error);
  const started = async (): Promise<number[]> => {
    const text = await readFile(pids, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim().split(' ').map(Number);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return started();
  };
  const running = await started();
  stop.abort(new Error('interrupted by the test'));
  await ended;
  expect(running).toHaveLength(2);
  await expect.poll(async () => Promise.all(running.map(isAlive)), { timeout: 4000 }).toEqual([false, false]);
});

test('real git clones a local repository; a clone that was cut off is begun anew', async () => {
  const real = await findProgram('git', ['/usr/bin', '/usr/local/bin']);
  if (real === undefined) throw new Error('this test needs git: apt-get install git');
  await Promise.all([cmake(), nvcc()]);
  const source = join(eco.dir, 'source');
  await mkdir(source);
  await writeFile(join(source, 'CMakeLists.txt'), 'project(x)\n');
  const call = (...args: string[]) =>
    promisify(execFile)(real, ['-C', source, '-c', 'user.name=x', '-c', 'user.email=x@localhost', ...args]);
  await call('init', '--quiet');
  await call('add', '.');
  await call('commit', '--quiet', '-m', 'first');
  await mkdir(join(eco.dir, 'era-bellman-cuda.part/half'), { recursive: true });
  const env = { DEVKIT_BELLMAN_CUDA_URL: source, HOME: eco.dir };
  const { exitCode, stderr } = await run('prover init-bellman-cuda --clone', env);
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`clone ${source}`)]);
  expect((await readdir(join(eco.dir, 'era-bellman-cuda'))).sort()).toEqual(['.git', 'CMakeLists.txt', 'build']);
  expect((await readdir(eco.dir)).filter((name) => name.endsWith('.part'))).toEqual([]);

  const nowhere = await upstreamEcosystem();
  try {
    const failed = await devkit('prover init-bellman-cuda --clone', {
      cwd: nowhere.dir,
      env: { ...env, PATH: `${bin}:/usr/bin:/bin`, DEVKIT_BELLMAN_CUDA_URL: join(nowhere.dir, 'none') },
    });
    expect([failed.exitCode, failed.stderr]).toEqual([4, expect.stringContaining('does not exist')]);
  } finally {
    await nowhere[Symbol.asyncDispose]();
  }
});

test('the reference variant needs none: nothing is looked for or built, a given folder is recorded', async () => {
  const reference = await upstreamEcosystem('reference');
  try {
    const options = { cwd: reference.dir, env: { PATH: bin } };
    const clone = await devkit('prover init-bellman-cuda --clone', options);
    expect([clone.exitCode, clone.stderr]).toEqual([0, expect.stringContaining('bellman-cuda is not needed')]);
    await devkit('prover init-bellman-cuda --bellman-cuda-dir mine', options);
    expect((await reference.read(reference.stackFile))['bellman_cuda_dir']).toBe(join(reference.dir, 'mine'));
    expect(await calls()).toEqual([]);
  } finally {
    await reference[Symbol.asyncDispose]();
  }
});
