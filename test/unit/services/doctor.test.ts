import { expect, test } from 'vitest';
import type { HostFacts } from '../../../cli/host/facts.ts';
import { type DoctorOptions, type DoctorReport, doctor, unfitError } from '../../../cli/services/doctor.ts';
import { REQUIREMENTS } from '../../../systems/zksync/requirements.ts';
import { gpuMachine, NO_DRIVER } from '../gpu/machines.ts';

const GIB = 2 ** 30;
const facts: HostFacts = {
  platform: 'linux',
  arch: 'x64',
  kernel: '6.1',
  cores: 2,
  cpuModel: 'x',
  load1: 0,
  ramBytes: 8 * GIB,
  ramAvailableBytes: 6 * GIB,
  diskFreeBytes: 50 * GIB,
  diskPath: '/w',
  node: '24.21.0',
  root: false,
  engine: { socket: '/s', state: 'missing', message: 'no container engine: there is no /s' },
  packages: { postgres: '18' },
};

const report = (change: Partial<HostFacts> = {}, options: Partial<DoctorOptions> = {}): Promise<DoctorReport> =>
  doctor({
    for: 'reference',
    needed: REQUIREMENTS.reference,
    workspace: '/w',
    ports: { postgres: 5432 },
    gpu: gpuMachine({ driver: NO_DRIVER }),
    holderOf: () => undefined,
    ...options,
    facts: { ...facts, ...change },
  });

const states = ({ checks }: DoctorReport): Record<string, string> =>
  Object.fromEntries(checks.filter((check) => check.state !== 'ok').map((check) => [check.id, check.state]));

test('a laptop without Docker and GPU is fit for the reference variant', async () => {
  const result = await report();
  expect([result.fit, states(result)]).toEqual([true, {}]);
});

test.each([
  ['too little memory', { ramBytes: GIB }, { ram: 'fail' }],
  ['little memory left', { ramAvailableBytes: GIB }, { 'ram-free': 'warn' }],
  ['one core', { cores: 1 }, { cores: 'warn' }],
  ['a full disk', { diskFreeBytes: 0 }, { disk: 'fail' }],
  ['an old Node', { node: '20.20.2' }, { node: 'fail' }],
  ['a missing package', { packages: { postgres: undefined } }, { 'package-postgres': 'fail' }],
  ['macOS', { platform: 'darwin' }, { platform: 'warn' }],
] as const)('%s is noticed, with a fix', async (_what, change, expected) => {
  const result = await report(change);
  expect(states(result)).toEqual(expected);
  expect(result.checks.filter((check) => check.state !== 'ok').every((check) => check.fix)).toBe(true);
});

test('ports in use are a warning that names the holder', async () => {
  const result = await report({}, { holderOf: () => 'postgres (pid 7)' });
  expect(result.checks.find((check) => check.id === 'ports')).toMatchObject({
    state: 'warn',
    found: 'in use: 5432 (postgres) by postgres (pid 7)',
  });
});

test('of many ports in use the first three are named', async () => {
  const ports = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, 3000 + i]));
  const result = await report({}, { ports, holderOf: (port) => (port < 3012 ? 'x (pid 7)' : undefined) });
  expect(result.checks.find((check) => check.id === 'ports')?.found).toBe(
    '12 of 20 in use: 3000 (p0) by x (pid 7), 3001 (p1) by x (pid 7), 3002 (p2) by x (pid 7) and 9 more',
  );
});

test('a disk that is too full is refused before anything is made, with what is needed and what was found', async () => {
  const error = unfitError(await report({ diskFreeBytes: 100 * 2 ** 20 }));
  expect(error.exitCode).toBe(3);
  expect(error.message).toBe(
    'this machine is not fit for reference: free disk space at /w: found 100 MiB, needed 1 GiB, better 3 GiB',
  );
  expect(error.hint).toBe('free some space, or use a workspace on another disk');
});

test("the laptop is not fit for upstream's prover, and the error says why", async () => {
  const result = await report({}, { for: 'upstream', needed: REQUIREMENTS.upstream });
  expect(states(result)).toMatchObject({
    cores: 'fail',
    ram: 'fail',
    disk: 'fail',
    engine: 'warn',
    'gpu-driver': 'fail',
  });
  const error = unfitError(result);
  expect(error.code).toBe('HOST_UNFIT');
  expect(error.message).toContain('CPU cores: found 2, needed 16');
});

test('a GPU machine is fit for upstream', async () => {
  const change: Partial<HostFacts> = {
    cores: 32,
    ramBytes: 126 * GIB,
    diskFreeBytes: 1000 * GIB,
    engine: { socket: '/s', state: 'reachable', message: 'Docker 28' },
  };
  const result = await report(change, {
    for: 'upstream',
    needed: REQUIREMENTS.upstream,
    gpu: gpuMachine(),
    runContainer: async () => ({ state: 'ran', method: 'device-requests', devices: ['/dev/nvidia0'], gpus: [] }),
  });
  expect([result.fit, states(result)]).toEqual([true, { gpu: 'warn' }]);
});
