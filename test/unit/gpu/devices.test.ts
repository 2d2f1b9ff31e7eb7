import { expect, test } from 'vitest';
import {
  architectureFor,
  cudaRuns,
  deviceTable,
  type GpuField,
  type GpuLease,
  parseCmake,
  parseContainerToolkit,
  parseCudaOfDriver,
  parseDeviceChoice,
  parseGpuProcesses,
  parseGpus,
  parseNvcc,
} from '../../../cli/core/devices.ts';
import { containerOf } from '../../../cli/host/gpu/holders.ts';
import { gpu } from './machines.ts';

const T4 = '0, GPU-8d5b1c5e-0001, Tesla T4, 15360, 0, 14917, 535.161.07, 7.5, [N/A]';
const A100 = '0, GPU-8d5b1c5e-0002, NVIDIA A100-SXM4-80GB, 81920, 4, 81046, 550.54.15, 8.0, Disabled';
const H100_MIG = '1, GPU-8d5b1c5e-0003, NVIDIA H100 80GB HBM3, 81559, 1, 80994, 550.54.15, 9.0, Enabled';
const H200 = '0, GPU-8d5b1c5e-0004, NVIDIA H200, 143771, 0, 143156, 570.133.20, 9.0, Disabled';

test('each line of the driver becomes a GPU; what it does not tell is undefined', () => {
  const [t4, a100, h100, h200] = parseGpus([T4, A100, H100_MIG, H200].join('\n'));
  expect(t4).toEqual({
    index: 0,
    uuid: 'GPU-8d5b1c5e-0001',
    name: 'Tesla T4',
    totalMiB: 15_360,
    usedMiB: 0,
    freeMiB: 14_917,
    driverVersion: '535.161.07',
    computeCapability: '7.5',
    mig: false,
  });
  expect([a100?.totalMiB, a100?.mig, h100?.mig, h200?.totalMiB]).toEqual([81_920, false, true, 143_771]);
});

test('memory that the driver does not know is not taken for zero', () => {
  const [one] = parseGpus('0, GPU-1, NVIDIA GB10, [N/A], [Not Supported], N/A, 580.95.05, 12.1, [N/A]');
  expect([one?.totalMiB, one?.usedMiB, one?.freeMiB, one?.mig]).toEqual([undefined, undefined, undefined, false]);
});

test.each([
  '',
  'No devices were found\n',
  'Unable to determine the device handle for GPU0000:00:04.0: GPU is lost. Reboot the system to recover this GPU\n',
  'WARNING: infoROM is corrupted at gpu 0000:00:04.0\n',
  ', , ,\n',
  '[Unknown Error], [Unknown Error], NVIDIA L4, 1, 1, 1\n',
])('a line that is no GPU is left out: %j', (text) => {
  expect(parseGpus(`${text}${T4}\n`)).toHaveLength(1);
});

test('an older driver is asked for fewer fields', () => {
  const fields: GpuField[] = ['index', 'uuid', 'name', 'memory.total'];
  expect(parseGpus('0, GPU-1, Tesla V100, 16160', fields)[0]).toMatchObject({
    totalMiB: 16_160,
    computeCapability: undefined,
  });
});

test('processes that hold memory, also those whose name or memory is not told', () => {
  const text = [
    'GPU-1, 1234, /usr/bin/python3, 512',
    'GPU-1, 77, [Not Found], [N/A]',
    'GPU-2, 9, prog --list=a, b, 10',
    'junk',
  ].join('\n');
  expect(parseGpuProcesses(text)).toEqual([
    { uuid: 'GPU-1', pid: 1234, name: '/usr/bin/python3', usedMiB: 512 },
    { uuid: 'GPU-1', pid: 77, name: 'unknown program', usedMiB: undefined },
    { uuid: 'GPU-2', pid: 9, name: 'prog --list=a,b', usedMiB: 10 },
  ]);
});

test('versions are found in what the programs print', () => {
  const head = '| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |';
  expect(parseCudaOfDriver(head)).toBe('12.4');
  expect(parseCudaOfDriver('DRIVER version      : 570.133.20\nCUDA Version        : 12.8\n')).toBe('12.8');
  expect(parseCudaOfDriver('CUDA Version: N/A')).toBeUndefined();
  expect(parseNvcc('Cuda compilation tools, release 12.4, V12.4.131\n')).toBe('12.4');
  expect(parseCmake('cmake version 3.25.1\n\nCMake suite maintained')).toBe('3.25.1');
  expect(parseContainerToolkit('NVIDIA Container Toolkit CLI version 1.14.6\ncommit: 5605d19')).toBe('1.14.6');
});

test.each([
  ['12.4', '550.54.14', 'yes'],
  ['12.4', '570.133.20', 'yes'],
  ['12.4', '535.161.07', 'limited'],
  ['12.2', '535.161.07', 'yes'],
  ['12.4', '525.60.12', 'no'],
  ['12.4', '470.82.01', 'no'],
  ['12.7', '550.54.14', 'limited'],
  ['13.0', '570.133.20', 'no'],
  ['10.2', '550.54.14', 'no'],
] as const)('CUDA %s on driver %s: %s', (cuda, version, expected) => {
  expect(cudaRuns(cuda, version)).toBe(expected);
});

test.each([
  ['7.5', 75],
  ['8.0', 80],
  ['8.6', 80],
  ['8.9', 89],
  ['9.0', 90],
  ['7.0', undefined],
  ['12.0', undefined],
] as const)('compute capability %s runs images built for %s', (capability, arch) => {
  expect(architectureFor(capability, [75, 80, 89, 90])).toBe(arch);
});

test.each([
  ['auto', 'auto'],
  ['gpu', 'gpu'],
  ['GPU-1a, GPU-2b,GPU-1a', ['GPU-1a', 'GPU-2b']],
  ['0', undefined],
  ['', undefined],
  ['GPU-1,cpu', undefined],
] as const)('--device %s', (text, expected) => {
  expect(parseDeviceChoice(text)).toEqual(expected);
});

const lease: GpuLease = {
  uuid: 'GPU-1',
  dir: '/other',
  devnet: 'b',
  component: 'compressor',
  pid: 9,
  startTicks: 1,
};
const own = { dir: '/mine', pids: new Set([7]) };

test('what the devnet holds itself is not counted against it; what others hold is', () => {
  const gpus = [gpu({ usedMiB: 20_000 })];
  const mine = { uuid: 'GPU-1', pid: 7, name: 'prover', usedMiB: 18_000 };
  const theirs = { uuid: 'GPU-1', pid: 8, name: 'python', usedMiB: 1_500 };
  const used = (processes: (typeof mine)[]): number | undefined =>
    deviceTable({ gpus, processes, leases: [], own })[0]?.usedMiB;
  expect([used([]), used([mine]), used([mine, theirs])]).toEqual([20_000, 0, 2_000]);
});

test("another devnet's lease and MIG make a GPU unusable, and say why", () => {
  const table = deviceTable({
    gpus: [gpu(), gpu({ uuid: 'GPU-2', mig: true }), gpu({ uuid: 'GPU-3', totalMiB: undefined })],
    processes: [],
    leases: [lease],
    own,
  });
  expect(table.map(({ unusable }) => unusable)).toEqual([
    "leased by devnet 'b' in /other (compressor, pid 9)",
    'MIG is on, and is left as it is',
    'the driver does not tell its memory',
  ]);
  expect(deviceTable({ gpus: [gpu()], processes: [], leases: [{ ...lease, dir: '/mine' }], own })[0]?.unusable).toBe(
    undefined,
  );
});

test('the container of a process is read from its control group', () => {
  const id = 'ab'.repeat(32);
  expect(containerOf(`0::/system.slice/docker-${id}.scope\n`)).toBe('abababababab');
  expect(containerOf(`12:devices:/docker/${id}\n`)).toBe('abababababab');
  expect(containerOf('0::/user.slice/user-1000.slice\n')).toBeUndefined();
});
