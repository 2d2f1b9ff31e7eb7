/** Everything about GPUs of this machine, as plain data. Looks only; MIG and all other settings stay as they are. */
import { join } from 'node:path';
import { type GpuLease, parseCmake, parseNvcc } from '../core/devices.ts';
import type { EngineFacts } from './engine.ts';
import { type BellmanCudaFacts, bellmanCudaFacts } from './gpu/bellman.ts';
import { type ContainerGpuFacts, containerGpuFacts } from './gpu/containers.ts';
import { type DriverFacts, driverFacts, gpuProcesses } from './gpu/driver.ts';
import { describeOwner, type GpuHolder } from './gpu/holders.ts';
import { ask } from './gpu/run.ts';
import { listLeases } from './gpu-lease.ts';

export interface GpuFacts {
  driver: DriverFacts;
  holders: GpuHolder[];
  /** Of all devnets of this machine. */
  leases: GpuLease[];
  /** CUDA release of the compiler that is installed. */
  nvcc?: string;
  cmake?: string;
  bellmanCuda: BellmanCudaFacts;
  containers: ContainerGpuFacts;
}

export interface GpuFactsOptions {
  engine: EngineFacts;
  /** `ZkStack.yaml` of the ecosystem, when there is one. */
  ecosystemFile?: string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
  cdiDirs?: readonly string[];
  leaseDir?: string;
  signal?: AbortSignal;
}

export async function gpuFacts(options: GpuFactsOptions): Promise<GpuFacts> {
  const env = options.env ?? process.env;
  const run = { env, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  const cuda = env['CUDA_HOME'] ?? env['CUDA_PATH'] ?? '/usr/local/cuda';
  const [driver, processes, nvcc, cmake, bellmanCuda, containers, leases] = await Promise.all([
    driverFacts(run),
    gpuProcesses(run),
    ask(['nvcc', join(cuda, 'bin', 'nvcc')], ['--version'], run),
    ask(['cmake'], ['--version'], run),
    bellmanCudaFacts(options.ecosystemFile),
    containerGpuFacts({ ...run, engine: options.engine, ...(options.cdiDirs && { cdiDirs: options.cdiDirs }) }),
    listLeases(options.leaseDir === undefined ? {} : { leaseDir: options.leaseDir }),
  ]);
  const nvccVersion = nvcc.kind === 'ok' ? parseNvcc(nvcc.text) : undefined;
  const cmakeVersion = cmake.kind === 'ok' ? parseCmake(cmake.text) : undefined;
  return {
    driver,
    holders: processes.map((process) => describeOwner(process)),
    leases,
    ...(nvccVersion === undefined ? {} : { nvcc: nvccVersion }),
    ...(cmakeVersion === undefined ? {} : { cmake: cmakeVersion }),
    bellmanCuda,
    containers,
  };
}
