/** Upstream's programs as processes: from the stack or from PATH, with a recorder in their place. */
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { createProcessRuntime } from '../../../cli/runtimes/process/index.ts';
import type { ManagedRuntime } from '../../../cli/runtimes/runtime.ts';
import { readStack } from '../../../cli/services/stack.ts';
import type { ZksyncDevnet } from '../../../systems/zksync/index.ts';
import { type UpstreamOptions, upstreamProverSpecs } from '../../../systems/zksync/upstream.ts';
import { isStart, parseStart, type StartRecord } from '../../fixtures/recorder/record.ts';
import { upstreamDevnet } from '../../fixtures/upstream-devnet.ts';

const RECORDER = resolve(import.meta.dirname, '../../fixtures/recorder/recorder.mjs');
const PORTS = {
  ZKSYNC_PROVER_GATEWAY_PORT: '24322',
  ZKSYNC_PROVER_GATEWAY_PROMETHEUS_LISTENER_PORT: '24310',
  ZKSYNC_PROVER_PROMETHEUS_PORT: '24315',
  ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: '24321',
};
const { signal } = new AbortController();

let dir: string;
let devnet: ZksyncDevnet;
let runtime: ManagedRuntime;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upstream-binaries-'));
  devnet = await upstreamDevnet(dir, PORTS);
  runtime = createProcessRuntime({ paths: devnetPaths(dir, 'default') });
});
afterEach(async () => {
  for (const { id } of await runtime.list()) await runtime.stop(id, signal);
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function program(path: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await copyFile(RECORDER, path);
  await chmod(path, 0o755);
}

/** The stack file of the workspace, and the component's spec as it makes it. */
async function specOf(id: string, stackText: string, options: Partial<UpstreamOptions> = {}): Promise<ComponentSpec> {
  await writeFile(join(dir, 'devkit.yaml'), stackText);
  const stack = await readStack({ paths: devnetPaths(dir, 'default'), cwd: dir }, { env: {} });
  const specs = upstreamProverSpecs(devnet, { tag: stack.tag, binaries: stack.binaries, ...options });
  return specs.find((spec) => spec.id === id)!;
}

async function launch(spec: ComponentSpec): Promise<StartRecord> {
  await runtime.start(spec, signal);
  for await (const line of runtime.logs(spec.id, { follow: true }, AbortSignal.timeout(30_000))) {
    if (isStart(line)) return parseStart(line);
  }
  throw new Error(`${spec.id} said nothing`);
}

test('a program of the stack gets the arguments of zkstack, with paths of this machine', async () => {
  await program(join(dir, 'bin', 'cp'));
  const spec = await specOf('circuit-prover', 'version: 1\nbinaries:\n  circuit-prover: bin/cp\n', {
    lightWvgCount: 15,
    heavyWvgCount: 1,
  });
  const record = await launch(spec);
  const configs = join(dir, 'ecosystem', 'chains', 'era', 'configs');
  expect(record.argv).toEqual([
    `--config-path=${configs}/general.yaml`,
    `--secrets-path=${configs}/secrets.yaml`,
    '--light-wvg-count=15',
    '--heavy-wvg-count=1',
  ]);
  expect(record.cwd).toBe(join(dir, 'ecosystem', 'prover'));
  expect(record.env['POD_NAME']).toMatch(/^default-circuit-prover-[0-9a-f]{8}$/);
  expect(record.env).not.toHaveProperty('ZKSYNC_PROVER_SETUP_DATA_PATH');
  expect(record.env).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
});

test('the compressor is told where bellman-cuda is, and which GPU is its own', async () => {
  await program(join(dir, 'compressor'));
  const devices = ['GPU-11111111-2222-3333-4444-555555555555'];
  const spec = await specOf('compressor', 'version: 1\nbinaries:\n  compressor: compressor\n', {
    bellmanCudaDir: '/opt/bellman-cuda',
    devices,
  });
  expect((await launch(spec)).env).toMatchObject({
    BELLMAN_CUDA_DIR: '/opt/bellman-cuda',
    CUDA_VISIBLE_DEVICES: devices[0],
    ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: '24321',
  });
});

test("without an entry in the stack, upstream's name is looked up on PATH", async () => {
  await program(join(dir, 'release', 'zksync_prover_fri_gateway'));
  vi.stubEnv('PATH', `${join(dir, 'release')}:${process.env['PATH']}`);
  const record = await launch(await specOf('gateway', 'version: 1\n'));
  expect(record.argv.map((word) => word.split('=')[0])).toEqual(['--config-path', '--secrets-path']);
});

test('it ends by SIGTERM', async () => {
  await program(join(dir, 'gw'));
  const spec = await specOf('gateway', 'version: 1\nbinaries:\n  gateway: gw\n');
  await launch(spec);
  await runtime.stop('gateway', signal);
  const lines: string[] = [];
  for await (const line of runtime.logs('gateway', { follow: false }, signal)) lines.push(line);
  expect(lines.at(-1)).toBe('{"record":"stop","signal":"SIGTERM"}');
});

test('a program that is not there: its path and the line of the stack', async () => {
  const spec = await specOf('gateway', 'version: 1\nbinaries:\n  gateway: bin/none\n');
  await expect(runtime.start(spec, signal)).rejects.toMatchObject({
    code: 'HOST_UNFIT',
    message: `there is no program ${dir}/bin/none, named in ${dir}/devkit.yaml:3 (binaries.gateway)`,
  });
});

test('one that cannot be executed: the command that makes it so', async () => {
  await writeFile(join(dir, 'gw'), '#!/bin/sh\n', { mode: 0o644 });
  const spec = await specOf('gateway', 'version: 1\nbinaries:\n  gateway: gw\n');
  await expect(runtime.start(spec, signal)).rejects.toMatchObject({
    code: 'HOST_UNFIT',
    message: `${dir}/gw cannot be executed, named in ${dir}/devkit.yaml:3 (binaries.gateway)`,
    hint: `chmod +x ${dir}/gw`,
  });
});

test('a folder is no program', async () => {
  await mkdir(join(dir, 'gw'));
  const spec = await specOf('gateway', 'version: 1\nbinaries:\n  gateway: gw\n');
  await expect(runtime.start(spec, signal)).rejects.toMatchObject({
    code: 'HOST_UNFIT',
    message: expect.stringContaining(`${dir}/gw is not a program but a folder`),
  });
});

test('one that is nowhere: what to write into the stack', async () => {
  vi.stubEnv('PATH', join(dir, 'empty'));
  await expect(runtime.start(await specOf('gateway', 'version: 1\n'), signal)).rejects.toMatchObject({
    code: 'HOST_UNFIT',
    message: 'the program zksync_prover_fri_gateway is not on PATH',
    hint: expect.stringContaining('binaries:'),
  });
});
