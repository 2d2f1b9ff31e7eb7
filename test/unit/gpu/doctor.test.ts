import { expect, test } from 'vitest';
import type { Gpu } from '../../../cli/core/devices.ts';
import type { EngineFacts } from '../../../cli/host/engine.ts';
import type { HostFacts } from '../../../cli/host/facts.ts';
import type { GpuFacts } from '../../../cli/host/gpu.ts';
import type { GpuCheckResult } from '../../../cli/runtimes/docker/gpu-check.ts';
import { type DoctorCheck, type DoctorReport, doctor } from '../../../cli/services/doctor.ts';
import { REQUIREMENTS } from '../../../systems/zksync/requirements.ts';
import { driver, gpu, gpuMachine, NO_DRIVER } from './machines.ts';

const GIB = 2 ** 30;
const ENGINE: EngineFacts = { socket: '/s', state: 'reachable', message: 'Docker 28' };
const NO_ENGINE: EngineFacts = { socket: '/s', state: 'missing', message: 'no container engine: there is no /s' };
const facts: HostFacts = {
  platform: 'linux',
  arch: 'x64',
  kernel: '6.1',
  cores: 32,
  cpuModel: 'x',
  load1: 0,
  ramBytes: 126 * GIB,
  ramAvailableBytes: 120 * GIB,
  diskFreeBytes: 1000 * GIB,
  diskPath: '/w',
  node: '24.21.0',
  root: false,
  engine: ENGINE,
  packages: {},
};
const RAN: GpuCheckResult = {
  state: 'ran',
  method: 'device-requests',
  devices: ['/dev/nvidia0', '/dev/nvidiactl'],
  gpus: ['GPU 0: NVIDIA L4 (UUID: GPU-1)'],
};

interface Given {
  engine?: EngineFacts;
  container?: GpuCheckResult;
}

async function reportOf(machine: GpuFacts, { engine = ENGINE, container = RAN }: Given = {}): Promise<DoctorReport> {
  return doctor({
    for: 'upstream',
    needed: REQUIREMENTS.upstream,
    workspace: '/w',
    ports: {},
    facts: { ...facts, engine },
    gpu: machine,
    holderOf: () => undefined,
    runContainer: async () => container,
  });
}

const IDS = ['gpu-driver', 'gpu', 'gpu-free', 'gpu-arch', 'cuda', 'cmake', 'bellman-cuda', 'gpu-containers'];
async function layers(machine: GpuFacts, given: Given = {}): Promise<Record<string, DoctorCheck>> {
  const { checks } = await reportOf(machine, given);
  const own = checks.filter(({ id }) => [...IDS, 'gpu-container-run'].includes(id));
  expect(own.map(({ id }) => id)).toEqual([...IDS, 'gpu-container-run']);
  // whatever is wrong comes with something to do
  expect(own.filter(({ state, fix }) => (state === 'ok') !== (fix === undefined))).toEqual([]);
  return Object.fromEntries(own.map((check) => [check.id, check]));
}

const states = (checks: Record<string, DoctorCheck>): Record<string, string> =>
  Object.fromEntries(Object.values(checks).flatMap(({ id, state }) => (state === 'ok' ? [] : [[id, state]])));

const card = (name: string, totalMiB: number, computeCapability: string): Gpu =>
  gpu({ name, totalMiB, freeMiB: totalMiB - 400, computeCapability });

test.each([
  ['T4', card('Tesla T4', 15_360, '7.5'), false, { gpu: 'fail', 'gpu-arch': 'warn' }],
  ['L4', gpu(), true, { gpu: 'warn' }],
  ['A100', card('NVIDIA A100-SXM4-80GB', 81_920, '8.0'), true, { 'gpu-arch': 'warn' }],
  ['H100', card('NVIDIA H100 80GB HBM3', 81_559, '9.0'), true, { 'gpu-arch': 'warn' }],
  ['L40S', card('NVIDIA L40S', 46_068, '8.9'), true, {}],
  ['V100', card('Tesla V100-SXM2-32GB', 32_510, '7.0'), false, { gpu: 'warn', 'gpu-arch': 'fail' }],
] as const)('%s: fit or not, and by which layer', async (_name, one, fit, expected) => {
  const machine = gpuMachine({ driver: driver([one]) });
  expect(states(await layers(machine))).toEqual(expected);
  expect((await reportOf(machine)).fit).toBe(fit);
});

test('without a driver the layers above it are not guessed', async () => {
  const checks = await layers(gpuMachine({ driver: NO_DRIVER }));
  expect(checks['gpu-driver']).toMatchObject({ state: 'fail', found: 'no NVIDIA driver: there is no nvidia-smi' });
  for (const id of ['gpu', 'gpu-free', 'gpu-arch', 'gpu-container-run']) {
    expect(checks[id]?.found).toBe('not checked: NVIDIA driver and GPUs failed');
  }
  expect(checks['cmake']?.found).toBe('3.28.3');
});

test('a driver without GPUs, and one that does not answer, fail', async () => {
  const none = await layers(gpuMachine({ driver: driver([]) }));
  expect(none['gpu-driver']).toMatchObject({ state: 'fail', found: 'driver 550.54.14; no GPU' });
  const message = 'Failed to initialize NVML: Driver/library version mismatch';
  const broken = await layers(gpuMachine({ driver: { state: 'broken', message, gpus: [] } }));
  expect(broken['gpu-driver']).toMatchObject({ state: 'fail', found: message });
});

test.each([
  ['550.54.14', 'ok'],
  ['535.161.07', 'warn'],
  ['515.105.01', 'fail'],
])('driver %s for images of CUDA 12.4: %s', async (version, state) => {
  const checks = await layers(gpuMachine({ driver: driver([gpu()], version) }));
  expect(checks['gpu-driver']?.state).toBe(state);
});

test('who holds GPU memory is named, with pid, container and devnet', async () => {
  const machine = gpuMachine({
    driver: driver([gpu({ usedMiB: 9_000 })]),
    holders: [
      { uuid: 'GPU-1', pid: 7, name: 'python3', usedMiB: 8_000, container: '0123456789ab' },
      { uuid: 'GPU-1', pid: 8, name: 'prover', usedMiB: 996, devnet: { dir: '/d', component: 'circuit-prover' } },
    ],
    leases: [{ uuid: 'GPU-1', dir: '/d', devnet: 'a', component: 'circuit-prover', pid: 8, startTicks: 1 }],
  });
  expect((await layers(machine))['gpu-free']).toMatchObject({
    state: 'warn',
    found:
      "NVIDIA L4 14 GiB of 22 GiB, leased by devnet 'a' in /d (circuit-prover, pid 8), " +
      'held by python3 (pid 7, 8000 MiB, container 0123456789ab), ' +
      'held by prover (pid 8, 996 MiB, circuit-prover of the devnet in /d)',
  });
});

test('a GPU that is split by MIG is left as it is and not counted', async () => {
  const machine = gpuMachine({ driver: driver([gpu({ name: 'NVIDIA H100', totalMiB: 81_559, mig: true })]) });
  expect((await layers(machine))['gpu']).toMatchObject({
    state: 'fail',
    found: 'NVIDIA H100 80 GiB, not used: MIG is on',
  });
});

test('tools for native builds are wanted only where containers get no GPU', async () => {
  const { nvcc: _, cmake: __, ...bare } = gpuMachine({ bellmanCuda: {} });
  expect(states(await layers(bare))).toEqual({ gpu: 'warn' });
  const containers = { engineRuntime: false, engineCdi: false, cdiDevices: [] };
  expect(states(await layers({ ...bare, containers }))).toEqual({
    gpu: 'warn',
    cuda: 'warn',
    cmake: 'warn',
    'bellman-cuda': 'warn',
    'gpu-containers': 'warn',
    'gpu-container-run': 'warn',
  });
});

test.each([
  ['12.6', 'warn', 'nvcc 12.6, made for driver 560.28.03 or newer; the driver is 550.54.14'],
  ['11.8', 'warn', 'nvcc 11.8; the driver is 550.54.14'],
  ['12.2', 'ok', 'nvcc 12.2, made for driver 535.54.03 or newer; the driver is 550.54.14'],
])('CUDA toolkit %s on driver 550: %s', async (nvcc, state, found) => {
  expect((await layers(gpuMachine({ nvcc }), { engine: NO_ENGINE }))['cuda']).toMatchObject({ state, found });
});

test('cmake and bellman-cuda say what is missing', async () => {
  const bellmanCuda = { file: '/e/ZkStack.yaml', dir: '/e/bc' };
  const checks = await layers(gpuMachine({ cmake: '3.22.1', bellmanCuda }), { engine: NO_ENGINE });
  expect(checks['cmake']).toMatchObject({ state: 'warn', found: '3.22.1', fix: 'install cmake 3.24 or newer' });
  expect(checks['bellman-cuda']).toMatchObject({
    found: '/e/bc is not built',
    fix: 'devkit prover init-bellman-cuda --clone',
  });
});

test('CDI is as good as the container toolkit; a toolkit the engine was not told of is not', async () => {
  const cdi = { engineRuntime: false, engineCdi: true, cdiDevices: ['nvidia.com/gpu=0', 'nvidia.com/gpu=all'] };
  expect((await layers(gpuMachine({ containers: cdi })))['gpu-containers']).toMatchObject({
    state: 'ok',
    found: 'CDI: nvidia.com/gpu=0, nvidia.com/gpu=all',
  });
  const untold = { toolkit: '1.14.6', engineRuntime: false, engineCdi: false, cdiDevices: [] };
  expect((await layers(gpuMachine({ containers: untold })))['gpu-containers']).toMatchObject({
    state: 'warn',
    found: 'container toolkit 1.14.6; the engine uses neither',
    fix: 'nvidia-ctk runtime configure --runtime=docker && systemctl restart docker',
  });
});

test.each<[string, GpuCheckResult, string, string]>([
  ['sees the GPU', RAN, 'ok', '/dev/nvidia0, /dev/nvidiactl, GPU 0: NVIDIA L4 (UUID: GPU-1)'],
  ['starts and sees nothing', { ...RAN, devices: [], gpus: [] }, 'fail', 'no /dev/nvidia* inside'],
  ['sees control devices only', { ...RAN, devices: ['/dev/nvidiactl'], gpus: [] }, 'fail', '/dev/nvidiactl'],
  [
    'is refused',
    { state: 'refused', reason: 'could not select device driver' },
    'fail',
    'could not select device driver',
  ],
  ['has no image', { state: 'no-image' }, 'warn', 'not run: no image of devkit is there'],
])('a container that %s', async (_what, container, state, found) => {
  expect((await layers(gpuMachine(), { container }))['gpu-container-run']).toMatchObject({ state, found });
});

test('without an engine no container is tried', async () => {
  const checks = await layers(gpuMachine(), { engine: NO_ENGINE });
  expect(checks['gpu-container-run']?.found).toBe('not checked: container engine failed');
});
