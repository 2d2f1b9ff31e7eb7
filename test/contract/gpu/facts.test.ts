import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type EngineFacts, engineFacts } from '../../../cli/host/engine.ts';
import { driverFacts } from '../../../cli/host/gpu/driver.ts';
import { type GpuFacts, type GpuFactsOptions, gpuFacts } from '../../../cli/host/gpu.ts';
import { type FakeAnswers, type FakeMachine, fakeMachine } from './fake-programs.ts';

const ENGINE: EngineFacts = { socket: '/nowhere', state: 'missing', message: 'none' };
const LINES = {
  T4: '0, GPU-00000000-0000-0000-0000-000000000001, Tesla T4, 15360, 0, 14917, 535.161.07, 7.5, [N/A]\n',
  A100: '0, GPU-00000000-0000-0000-0000-000000000002, NVIDIA A100-SXM4-40GB, 40960, 4, 40326, 550.54.15, 8.0, Disabled\n',
  L4x2:
    '0, GPU-00000000-0000-0000-0000-000000000003, NVIDIA L4, 23034, 1, 22564, 550.90.07, 8.9, [N/A]\n' +
    '1, GPU-00000000-0000-0000-0000-000000000004, NVIDIA L4, 23034, 14210, 8355, 550.90.07, 8.9, [N/A]\n',
  H100: '0, GPU-00000000-0000-0000-0000-000000000005, NVIDIA H100 80GB HBM3, 81559, 1, 80994, 560.35.03, 9.0, Disabled\n',
  H200: '0, GPU-00000000-0000-0000-0000-000000000006, NVIDIA H200, 143771, 0, 143156, 570.133.20, 9.0, Enabled\n',
};
const HEAD = (cuda: string): string =>
  `Sat Nov 21 10:00:00 2026\n+---------+\n| NVIDIA-SMI 550.90.07   Driver Version: 550.90.07   CUDA Version: ${cuda}     |\n|---------+\n`;
const UNKNOWN_VERSION = { when: '--version', stderr: 'Invalid combination of input arguments.', exitCode: 1 };

const smi = (gpus: string, processes = ''): FakeAnswers => [
  { when: '--query-gpu=index,uuid,name,memory.total', stdout: gpus },
  { when: '--query-compute-apps=gpu_uuid,pid,process_name,used_memory', stdout: processes },
  { when: '--version', stdout: 'NVIDIA-SMI version  : 550.90.07\nCUDA Version        : 12.4\n' },
];

async function factsOn(machine: FakeMachine, change: Partial<GpuFactsOptions> = {}): Promise<GpuFacts> {
  return gpuFacts({
    engine: ENGINE,
    env: machine.env,
    cdiDirs: [join(machine.dir, 'cdi')],
    leaseDir: join(machine.dir, 'leases'),
    ...change,
  });
}

test.each([
  ['T4', LINES.T4, [['Tesla T4', 15_360, '7.5', false]]],
  ['A100', LINES.A100, [['NVIDIA A100-SXM4-40GB', 40_960, '8.0', false]]],
  [
    'two L4',
    LINES.L4x2,
    [
      ['NVIDIA L4', 23_034, '8.9', false],
      ['NVIDIA L4', 23_034, '8.9', false],
    ],
  ],
  ['H100', LINES.H100, [['NVIDIA H100 80GB HBM3', 81_559, '9.0', false]]],
  ['H200 with MIG on', LINES.H200, [['NVIDIA H200', 143_771, '9.0', true]]],
])('%s is read', async (_name, lines, expected) => {
  await using machine = await fakeMachine({ 'nvidia-smi': smi(lines) });
  const driver = await driverFacts({ env: machine.env });
  expect(driver).toMatchObject({ state: 'present', cuda: '12.4' });
  expect(driver.gpus.map((gpu) => [gpu.name, gpu.totalMiB, gpu.computeCapability, gpu.mig])).toEqual(expected);
});

test('a laptop without anything', async () => {
  await using machine = await fakeMachine({});
  const facts = await factsOn(machine);
  expect(facts.driver).toEqual({
    state: 'missing',
    message: 'no NVIDIA driver: there is no nvidia-smi',
    gpus: [],
  });
  expect(facts).toMatchObject({ holders: [], leases: [], bellmanCuda: {} });
  expect([facts.nvcc, facts.cmake, facts.containers.toolkit]).toEqual([undefined, undefined, undefined]);
});

test.each([
  ['NVIDIA-SMI has failed because it couldn`t communicate with the NVIDIA driver. Make sure it runs.', 9],
  ['Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.90', 18],
])('a driver that does not answer is broken, with its own words: %s', async (stdout, exitCode) => {
  await using machine = await fakeMachine({ 'nvidia-smi': [{ when: '--query', stdout, exitCode }] });
  expect(await driverFacts({ env: machine.env })).toEqual({
    state: 'broken',
    message: stdout.split('\n')[0],
    gpus: [],
  });
});

test('a driver without a GPU is there', async () => {
  await using machine = await fakeMachine({
    'nvidia-smi': [
      { when: '--query', stdout: 'No devices were found', exitCode: 6 },
      UNKNOWN_VERSION,
      { when: '  ', stdout: HEAD('12.4') },
    ],
  });
  expect(await driverFacts({ env: machine.env })).toMatchObject({ state: 'present', gpus: [], cuda: '12.4' });
});

test('an older driver is asked again for what it knows, and CUDA is read from the head of its table', async () => {
  await using machine = await fakeMachine({
    'nvidia-smi': [
      { when: 'compute_cap', stdout: 'Field "compute_cap" is not a valid field to query.\n\n', exitCode: 2 },
      {
        when: '--query-gpu=index,uuid,name,memory.total,memory.used,memory.free,driver_version,mig.mode.current',
        stdout: '0, GPU-1, Tesla V100-SXM2-16GB, 16160, 0, 16160, 470.82.01, [N/A]\n',
      },
      UNKNOWN_VERSION,
      { when: '  ', stdout: HEAD('11.4') },
    ],
  });
  const driver = await driverFacts({ env: machine.env });
  expect(driver).toMatchObject({ state: 'present', version: '470.82.01', cuda: '11.4' });
  expect(driver.gpus[0]).toMatchObject({ totalMiB: 16_160, computeCapability: undefined });
});

test('a process that holds memory is named with what it belongs to', async () => {
  await using machine = await fakeMachine({
    'nvidia-smi': smi(LINES.L4x2, `GPU-00000000-0000-0000-0000-000000000004, ${process.pid}, node, 14209\n`),
  });
  const { holders } = await factsOn(machine);
  expect(holders).toMatchObject([{ pid: process.pid, name: 'node', usedMiB: 14_209 }]);
});

test('versions of the tools', async () => {
  await using machine = await fakeMachine({
    nvcc: [
      {
        when: '--version',
        stdout: 'nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 12.4, V12.4.131\n',
      },
    ],
    cmake: [{ when: '--version', stdout: 'cmake version 3.28.3\n' }],
    'nvidia-ctk': [{ when: '--version', stdout: 'NVIDIA Container Toolkit CLI version 1.17.4\ncommit: 9b69590\n' }],
  });
  const facts = await factsOn(machine);
  expect([facts.nvcc, facts.cmake, facts.containers.toolkit]).toEqual(['12.4', '3.28.3', '1.17.4']);
});

test('the CUDA compiler is found in its usual folder', async () => {
  await using machine = await fakeMachine({ nvcc: [{ when: '--version', stdout: 'release 12.2, V12.2.140' }] });
  const facts = await factsOn(machine, { env: { PATH: '/nowhere', CUDA_HOME: machine.dir } });
  expect(facts.nvcc).toBe('12.2');
});

test('CDI specifications are read as YAML and JSON; others and damaged ones describe nothing', async () => {
  await using machine = await fakeMachine({});
  const cdi = join(machine.dir, 'cdi');
  await mkdir(cdi);
  await writeFile(
    join(cdi, 'nvidia.yaml'),
    'cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: "0"\n- name: all\n',
  );
  await writeFile(join(cdi, 'more.json'), JSON.stringify({ kind: 'nvidia.com/gpu', devices: [{ name: 'GPU-1' }] }));
  await writeFile(join(cdi, 'other.yaml'), 'kind: vendor.com/net\ndevices: [{name: eth0}]\n');
  await writeFile(join(cdi, 'damaged.yaml'), 'kind: [');
  expect((await factsOn(machine)).containers.cdiDevices).toEqual([
    'nvidia.com/gpu=0',
    'nvidia.com/gpu=GPU-1',
    'nvidia.com/gpu=all',
  ]);
});

async function fakeEngine(socket: string, info: unknown): Promise<Server> {
  await rm(socket, { force: true });
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/info' ? info : { Version: '28.5.2', ApiVersion: '1.51' }));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}

test.each([
  [{ Runtimes: { runc: {}, nvidia: {} } }, { engineRuntime: true, engineCdi: false, cdiDevices: [] }],
  [
    { Runtimes: { runc: {} }, CDISpecDirs: null },
    { engineRuntime: false, engineCdi: false, cdiDevices: [] },
  ],
  [
    {
      Runtimes: { runc: {} },
      CDISpecDirs: ['/nowhere/cdi'],
      DiscoveredDevices: [
        { Source: 'cdi', ID: 'nvidia.com/gpu=all' },
        { Source: 'cdi', ID: 'x.y/z=1' },
      ],
    },
    { engineRuntime: false, engineCdi: true, cdiDevices: ['nvidia.com/gpu=all'] },
  ],
])('what the engine says of GPUs: %j', async (info, expected) => {
  await using machine = await fakeMachine({});
  const socket = join(machine.dir, 'engine.sock');
  const server = await fakeEngine(socket, info);
  const engine = await engineFacts({ DOCKER_HOST: `unix://${socket}` });
  expect((await factsOn(machine, { engine })).containers).toEqual(expected);
  server.close();
});

test('bellman-cuda counts when ZkStack.yaml names its folder and the library is built there', async () => {
  await using machine = await fakeMachine({});
  const ecosystemFile = join(machine.dir, 'ZkStack.yaml');
  const facts = async () => (await factsOn(machine, { ecosystemFile })).bellmanCuda;
  expect(await facts()).toEqual({});
  await writeFile(ecosystemFile, 'name: e\n');
  expect(await facts()).toEqual({ file: ecosystemFile });
  await writeFile(ecosystemFile, 'name: e\nbellman_cuda_dir: ./era-bellman-cuda\n');
  const dir = join(machine.dir, 'era-bellman-cuda');
  expect(await facts()).toEqual({ file: ecosystemFile, dir });
  await mkdir(join(dir, 'build', 'src'), { recursive: true });
  await writeFile(join(dir, 'build', 'src', 'libbellman-cuda.a'), '');
  expect(await facts()).toMatchObject({ library: join(dir, 'build', 'src', 'libbellman-cuda.a') });
});

test('a program that is asked and never answers is given up when the caller stops', async () => {
  await using machine = await fakeMachine({});
  await writeFile(join(machine.dir, 'bin', 'nvidia-smi'), '#!/bin/sh\nexec /bin/sleep 60\n', { mode: 0o755 });
  const signal = AbortSignal.timeout(200);
  await expect(driverFacts({ env: machine.env, signal })).rejects.toThrow(/timeout/i);
});
