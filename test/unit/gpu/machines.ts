/** GPU machines as the host layer reports them, for tests of what is made of it. */
import type { Gpu } from '../../../cli/core/devices.ts';
import type { DriverFacts } from '../../../cli/host/gpu/driver.ts';
import type { GpuFacts } from '../../../cli/host/gpu.ts';

export const gpu = (change: Partial<Gpu> = {}): Gpu => ({
  index: 0,
  uuid: 'GPU-1',
  name: 'NVIDIA L4',
  totalMiB: 23_034,
  usedMiB: 4,
  freeMiB: 22_565,
  driverVersion: '550.54.14',
  computeCapability: '8.9',
  mig: false,
  ...change,
});

export const driver = (gpus: readonly Gpu[], version = '550.54.14'): DriverFacts => ({
  state: 'present',
  message: `driver ${version}`,
  version,
  gpus: gpus.map((one) => ({ ...one, driverVersion: version })),
});

export const NO_DRIVER: DriverFacts = {
  state: 'missing',
  message: 'no NVIDIA driver: there is no nvidia-smi',
  gpus: [],
};

/** One L4 with everything installed. */
export const gpuMachine = (change: Partial<GpuFacts> = {}): GpuFacts => ({
  driver: driver([gpu()]),
  holders: [],
  leases: [],
  nvcc: '12.4',
  cmake: '3.28.3',
  bellmanCuda: { file: '/e/ZkStack.yaml', dir: '/e/bc', library: '/e/bc/build/src/libbellman-cuda.a' },
  containers: { toolkit: '1.14.6', engineRuntime: true, engineCdi: false, cdiDevices: [] },
  ...change,
});
