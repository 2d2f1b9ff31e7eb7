/** GPUs as plain data: what NVIDIA's programs print, turned into values; what CUDA and images ask for. No I/O. */
import { compareVersions } from './requirements.ts';

/** One GPU as the driver reports it. What the driver does not tell is undefined. */
export interface Gpu {
  index: number;
  uuid: string;
  name: string;
  totalMiB: number | undefined;
  usedMiB: number | undefined;
  freeMiB: number | undefined;
  driverVersion: string | undefined;
  /** `8.9` */
  computeCapability: string | undefined;
  /** Split into instances by its owner: left as it is, and not used. */
  mig: boolean;
}

/** A process that holds memory of a GPU. */
export interface GpuProcess {
  uuid: string;
  pid: number;
  name: string;
  usedMiB: number | undefined;
}

/** Fields asked of `nvidia-smi --query-gpu`, in this order. Drivers before 510 do not know `compute_cap`. */
export const GPU_FIELDS = [
  'index',
  'uuid',
  'name',
  'memory.total',
  'memory.used',
  'memory.free',
  'driver_version',
  'compute_cap',
  'mig.mode.current',
] as const;
export type GpuField = (typeof GPU_FIELDS)[number];

export const PROCESS_FIELDS = ['gpu_uuid', 'pid', 'process_name', 'used_memory'] as const;

/** Lines of `--format=csv,noheader,nounits`; lines that are no GPU (warnings, `No devices were found`) are left out. */
export function parseGpus(csv: string, fields: readonly GpuField[] = GPU_FIELDS): Gpu[] {
  return csv.split('\n').flatMap((line) => {
    const values = line.split(',').map((value) => known(value.trim()));
    const of = (field: GpuField): string | undefined => values[fields.indexOf(field)];
    const uuid = of('uuid');
    const index = integer(of('index'));
    if (!uuid?.startsWith('GPU-') || index === undefined) return [];
    return [
      {
        index,
        uuid,
        name: of('name') ?? 'NVIDIA GPU',
        totalMiB: integer(of('memory.total')),
        usedMiB: integer(of('memory.used')),
        freeMiB: integer(of('memory.free')),
        driverVersion: of('driver_version'),
        computeCapability: of('compute_cap'),
        mig: of('mig.mode.current') === 'Enabled',
      },
    ];
  });
}

/** Lines of `--query-compute-apps`; the name of a program may hold commas. */
export function parseGpuProcesses(csv: string): GpuProcess[] {
  return csv.split('\n').flatMap((line) => {
    const values = line.split(',').map((value) => value.trim());
    const [uuid, pidText] = values;
    const pid = integer(pidText);
    if (values.length < 4 || !uuid?.startsWith('GPU-') || pid === undefined) return [];
    const name = known(values.slice(2, -1).join(',')) ?? 'unknown program';
    return [{ uuid, pid, name, usedMiB: integer(known(values.at(-1))) }];
  });
}

/** `[N/A]`, `N/A`, `[Not Supported]`, `[Unknown Error]`, `[Insufficient Permissions]`, `[Not Found]`: not known. */
const known = (value: string | undefined): string | undefined =>
  value === undefined || value === '' || value === 'N/A' || /^\[.*\]$/.test(value) ? undefined : value;

const integer = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;

/** Newest CUDA that the driver runs: from the head of `nvidia-smi`, or of `nvidia-smi --version`. */
export const parseCudaOfDriver = (text: string): string | undefined =>
  /CUDA (?:UMD )?Version\s*:\s*(\d+\.\d+)/.exec(text)?.[1];

/** `12.4` of `Cuda compilation tools, release 12.4, V12.4.131`. */
export const parseNvcc = (text: string): string | undefined => /\brelease (\d+\.\d+)/.exec(text)?.[1];

/** `3.25.1` of `cmake version 3.25.1`. */
export const parseCmake = (text: string): string | undefined => /cmake version (\d+(?:\.\d+)+)/.exec(text)?.[1];

/** `1.14.6` of `NVIDIA Container Toolkit CLI version 1.14.6`. */
export const parseContainerToolkit = (text: string): string | undefined => /version (\d+(?:\.\d+)+)/.exec(text)?.[1];

/** Oldest Linux driver that a CUDA release came with. */
export const CUDA_DRIVERS: readonly { cuda: string; driver: string }[] = [
  { cuda: '12.0', driver: '525.60.13' },
  { cuda: '12.1', driver: '530.30.02' },
  { cuda: '12.2', driver: '535.54.03' },
  { cuda: '12.3', driver: '545.23.06' },
  { cuda: '12.4', driver: '550.54.14' },
  { cuda: '12.5', driver: '555.42.02' },
  { cuda: '12.6', driver: '560.28.03' },
  { cuda: '12.8', driver: '570.26' },
  { cuda: '12.9', driver: '575.51.03' },
  { cuda: '13.0', driver: '580.65.06' },
];
export const CUDA_DRIVERS_SOURCE = 'NVIDIA CUDA Toolkit release notes: toolkit driver versions, Linux x86_64';

/** Oldest driver of a CUDA release; undefined for one that is not in the table. */
export const driverOfCuda = (cuda: string): string | undefined =>
  CUDA_DRIVERS.find((entry) => entry.cuda === cuda)?.driver;

/**
 * How a driver gets along with programs of a CUDA release. `limited`: only by NVIDIA's minor version compatibility (same major release,
 * no compiling of kernels at run time), and images that ask for the release by name refuse to start.
 */
export function cudaRuns(cuda: string, driver: string): 'yes' | 'limited' | 'no' {
  const own = driverOfCuda(cuda);
  if (own !== undefined && compareVersions(driver, own) >= 0) return 'yes';
  const [major] = cuda.split('.');
  const first = CUDA_DRIVERS.find((entry) => entry.cuda.startsWith(`${major}.`))?.driver;
  return first !== undefined && compareVersions(driver, first) >= 0 ? 'limited' : 'no';
}

/** What upstream's GPU images are built for. */
export const GPU_IMAGES = {
  /** CUDA release inside, newest of the two images. */
  cuda: '12.4',
  cudaSource: 'docker/circuit-prover-gpu: CUDA 12.4; docker/proof-fri-gpu-compressor: CUDA 12.2',
  /** Of one build; the others have to be asked for. */
  defaultArchitecture: 89,
  architectures: [75, 80, 89, 90],
  architectureSource: 'docker/circuit-prover-gpu: CUDA_ARCH 89 by default; CI builds 75;80;89;90 (T4, A100, L4, H100)',
} as const;

/**
 * Which of the architectures runs on a GPU of this compute capability: its own, or the nearest older one of the same major number
 * (machine code runs on later minor numbers). Undefined: none.
 */
export function architectureFor(computeCapability: string, built: readonly number[]): number | undefined {
  const [major = 0, minor = 0] = computeCapability.split('.').map(Number);
  const fitting = built.filter((arch) => Math.floor(arch / 10) === major && arch % 10 <= minor);
  return fitting.length === 0 ? undefined : Math.max(...fitting);
}

/** Which devices somebody asked for. `gpu`: as `auto`, but a machine without a usable GPU is an error. */
export type DeviceChoice = 'auto' | 'cpu' | 'gpu' | readonly string[];

/** `auto`, `cpu`, `gpu`, or UUIDs in a comma list; undefined when it is none of them. */
export function parseDeviceChoice(text: string): DeviceChoice | undefined {
  if (text === 'auto' || text === 'cpu' || text === 'gpu') return text;
  const uuids = text.split(',').map((part) => part.trim());
  return uuids.every((uuid) => /^GPU-[\w-]+$/.test(uuid)) ? [...new Set(uuids)] : undefined;
}

/** A GPU as placement sees it. */
export interface PlacementDevice {
  uuid: string;
  name: string;
  totalMiB: number;
  /** Held by programs that are not this devnet's. */
  usedMiB: number;
  /** Why it cannot be used at all, in words. */
  unusable?: string;
}

/** One devnet's hold on a GPU. */
export interface GpuLease {
  uuid: string;
  /** Folder of the devnet: its identity. */
  dir: string;
  devnet: string;
  component: string;
  pid: number;
  startTicks: number;
}

export interface DeviceTableInput {
  gpus: readonly Gpu[];
  processes: readonly GpuProcess[];
  leases: readonly GpuLease[];
  /** The devnet that is placed: what it holds itself does not stand in its way. */
  own: { dir: string; pids: ReadonlySet<number> };
}

/** Facts of the driver and leases of all devnets, as one devnet sees them. */
export function deviceTable({ gpus, processes, leases, own }: DeviceTableInput): PlacementDevice[] {
  return gpus.map((gpu) => {
    const { uuid, name, totalMiB = 0, mig } = gpu;
    const usedMiB = usedByOthers(
      gpu,
      processes.filter((one) => one.uuid === uuid),
      own.pids,
    );
    const foreign = leases.find((lease) => lease.uuid === uuid && lease.dir !== own.dir);
    const unusable = mig
      ? 'MIG is on, and is left as it is'
      : foreign
        ? `leased by ${describeLease(foreign)}`
        : totalMiB === 0
          ? 'the driver does not tell its memory'
          : undefined;
    return { uuid, name, totalMiB, usedMiB, ...(unusable === undefined ? {} : { unusable }) };
  });
}

/** The driver counts a container's or another user's memory in the sum only; ours is taken off where it is known. */
function usedByOthers(gpu: Gpu, processes: readonly GpuProcess[], own: ReadonlySet<number>): number {
  const ours = processes.filter(({ pid }) => own.has(pid));
  if (ours.length > 0 && ours.length === processes.length) return 0;
  const held = ours.reduce((sum, { usedMiB = 0 }) => sum + usedMiB, 0);
  return Math.max(0, (gpu.usedMiB ?? 0) - held);
}

export const describeLease = ({ devnet, dir, component, pid }: GpuLease): string =>
  `devnet '${devnet}' in ${dir} (${component}, pid ${pid})`;
