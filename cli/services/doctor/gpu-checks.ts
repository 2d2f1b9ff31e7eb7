/** GPU questions in layers: where a lower one fails, those above say so instead of guessing. */
import { formatBytes } from '../../../lib/units.ts';
import {
  architectureFor,
  CUDA_DRIVERS_SOURCE,
  cudaRuns,
  describeLease,
  driverOfCuda,
  GPU_IMAGES,
  type Gpu,
} from '../../core/devices.ts';
import type { Amount } from '../../core/requirements.ts';
import { describeGpuHolder } from '../../host/gpu/holders.ts';
import type { GpuFacts } from '../../host/gpu.ts';
import { amount, check, type DoctorCheck } from './check.ts';

const MIB = 2 ** 20;

/** Driver, memory, who holds it, architecture. */
export function deviceChecks(facts: GpuFacts, vramBytes: Amount): [driver: DoctorCheck, ...above: DoctorCheck[]] {
  const driver = driverCheck(facts);
  const above = ABOVE_DRIVER.map(({ id, title, needed }) => ({ id, title, needed: needed(vramBytes) }));
  if (driver.state === 'fail') return [driver, ...above.map((about) => notChecked(about, driver))];
  const usable = facts.driver.gpus.filter(({ mig }) => !mig);
  const memory = memoryCheck(facts.driver.gpus, vramBytes);
  return [driver, memory, freeCheck(facts, usable, vramBytes), architectureCheck(usable)];
}

const ABOVE_DRIVER: readonly { id: string; title: string; needed(vram: Amount): string }[] = [
  { id: 'gpu', title: 'GPU memory', needed: ({ least }) => formatBytes(least) },
  { id: 'gpu-free', title: 'GPU memory not in use', needed: ({ least }) => formatBytes(least) },
  { id: 'gpu-arch', title: 'GPU architecture', needed: () => `one of ${GPU_IMAGES.architectures.join(', ')}` },
];

/** The answer of a layer whose foundation is missing. */
export const notChecked = (
  about: Pick<DoctorCheck, 'id' | 'title' | 'needed'>,
  failed: Pick<DoctorCheck, 'title'>,
): DoctorCheck =>
  check(about, { state: 'warn', found: `not checked: ${failed.title} failed`, fix: `mend first: ${failed.title}` });

function driverCheck({ driver }: GpuFacts): DoctorCheck {
  const { cuda } = GPU_IMAGES;
  const [least, good] = [driverOfCuda('12.0') ?? '', driverOfCuda(cuda) ?? ''];
  const about = {
    id: 'gpu-driver',
    title: 'NVIDIA driver and GPUs',
    needed: `a GPU, driver ${least} or newer, better ${good} (CUDA ${cuda})`,
    source: `${CUDA_DRIVERS_SOURCE}; ${GPU_IMAGES.cudaSource}`,
  };
  if (driver.state === 'missing') {
    return check(about, {
      state: 'fail',
      found: driver.message,
      fix: 'use a machine with an NVIDIA GPU and its driver',
    });
  }
  if (driver.state === 'broken') {
    return check(about, {
      state: 'fail',
      found: driver.message,
      fix: 'install the driver again, or restart the machine',
    });
  }
  if (driver.gpus.length === 0) {
    return check(about, {
      state: 'fail',
      found: `${driver.message}; no GPU`,
      fix: 'attach an NVIDIA GPU to this machine',
    });
  }
  const runs = driver.version === undefined ? 'limited' : cudaRuns(cuda, driver.version);
  const found = `${driver.message}; ${driver.gpus.map(gpuText).join(', ')}`;
  const fix = `install driver ${good} or newer: images of CUDA ${cuda} may refuse to start with this one`;
  return check(about, { state: runs === 'yes' ? 'ok' : runs === 'limited' ? 'warn' : 'fail', found, fix });
}

const gpuText = ({ name, uuid, mig }: Gpu): string => `${name} (${uuid}${mig ? ', MIG on' : ''})`;

/** Of the largest one; a GPU split by MIG cannot be used as a whole, and is left as it is. */
function memoryCheck(gpus: readonly Gpu[], needed: Amount): DoctorCheck {
  const sizes = gpus.filter(({ mig }) => !mig).map(({ totalMiB = 0 }) => totalMiB * MIB);
  const largest = Math.max(0, ...sizes);
  const result = amount('gpu', 'GPU memory', largest, needed, formatBytes, memoryFix(largest, needed));
  const found = gpus.map(({ name, totalMiB, mig }) => {
    const size = totalMiB === undefined ? 'unknown' : formatBytes(totalMiB * MIB);
    return `${name} ${size}${mig ? ', not used: MIG is on' : ''}`;
  });
  return { ...result, found: found.join('; ') };
}

const memoryFix = (largest: number, { least }: Amount): string =>
  largest < least
    ? 'use a machine with such an NVIDIA GPU, or --variant reference, which needs none'
    : 'nothing has to be done: circuit prover and compressor take turns on this GPU';

function freeCheck({ holders, leases }: GpuFacts, gpus: readonly Gpu[], { least, source }: Amount): DoctorCheck {
  const about = { id: 'gpu-free', title: 'GPU memory not in use', needed: formatBytes(least), source };
  const free = (gpu: Gpu): number => ((gpu.totalMiB ?? 0) - (gpu.usedMiB ?? 0)) * MIB;
  const lines = gpus.map((gpu) => {
    const by = [
      ...leases.filter(({ uuid }) => uuid === gpu.uuid).map((lease) => `leased by ${describeLease(lease)}`),
      ...holders.filter(({ uuid }) => uuid === gpu.uuid).map((holder) => `held by ${describeGpuHolder(holder)}`),
    ];
    const unnamed =
      by.length === 0 && (gpu.usedMiB ?? 0) > UNNAMED_MIB ? ['held by programs the driver does not name'] : [];
    return [
      `${gpu.name} ${formatBytes(free(gpu))} of ${formatBytes((gpu.totalMiB ?? 0) * MIB)}`,
      ...by,
      ...unnamed,
    ].join(', ');
  });
  const enough = gpus.some(
    (gpu) => (free(gpu) >= least || (gpu.usedMiB ?? 0) <= UNNAMED_MIB) && !leases.some(({ uuid }) => uuid === gpu.uuid),
  );
  return check(about, {
    state: enough ? 'ok' : 'warn',
    found: lines.join('; ') || 'no GPU without MIG',
    fix: 'end the programs that hold it, or take their devnet down',
  });
}

/** A driver that is idle counts a little memory as used. */
const UNNAMED_MIB = 512;

function architectureCheck(gpus: readonly Gpu[]): DoctorCheck {
  const { architectures, defaultArchitecture, architectureSource: source } = GPU_IMAGES;
  const about = {
    id: 'gpu-arch',
    title: 'GPU architecture',
    needed: `one of ${architectures.join(', ')}; images are built for ${defaultArchitecture} unless their tag says otherwise`,
    source,
  };
  const known = gpus.flatMap(({ name, computeCapability }) =>
    computeCapability === undefined
      ? []
      : [{ text: `${name} ${computeCapability}`, arch: architectureFor(computeCapability, architectures) }],
  );
  const found = known.map(({ text }) => text).join('; ') || 'the driver does not tell';
  if (known.some(({ arch }) => arch === defaultArchitecture)) return check(about, { state: 'ok', found });
  const arch = known.find((one) => one.arch !== undefined)?.arch;
  if (arch !== undefined)
    return check(about, { state: 'warn', found, fix: `use an image tag that is built for ${arch}` });
  if (known.length === 0) return check(about, { state: 'warn', found, fix: 'install driver 510 or newer' });
  return check(about, { state: 'fail', found, fix: 'use a GPU of these architectures (T4, A100, L4, H100)' });
}
