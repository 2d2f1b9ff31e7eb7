import {
  GPU_FIELDS,
  type Gpu,
  type GpuProcess,
  PROCESS_FIELDS,
  parseCudaOfDriver,
  parseGpuProcesses,
  parseGpus,
} from '../../core/devices.ts';
import { type Answer, ask, type RunOptions } from './run.ts';

/** What the NVIDIA driver says of itself and of the GPUs. `missing`: no `nvidia-smi`; `broken`: it cannot reach its driver. */
export interface DriverFacts {
  state: 'missing' | 'broken' | 'present';
  /** One line for people. */
  message: string;
  version?: string;
  /** Newest CUDA that it runs. */
  cuda?: string;
  gpus: Gpu[];
}

/** Under WSL the program lies beside the libraries of Windows. */
const SMI = ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
const FORMAT = '--format=csv,noheader,nounits';

/** Asks `nvidia-smi`; without it there is no driver. Changes nothing. */
export async function driverFacts(options: RunOptions): Promise<DriverFacts> {
  const answer = await ask(SMI, [`--query-gpu=${GPU_FIELDS.join(',')}`, FORMAT], options);
  if (answer.kind === 'missing')
    return { state: 'missing', message: 'no NVIDIA driver: there is no nvidia-smi', gpus: [] };
  const gpus = await gpusOf(answer, options);
  if (gpus === undefined) {
    const [line = 'nvidia-smi failed'] = (answer.kind === 'failed' ? answer.text : '').split('\n').filter(Boolean);
    return { state: 'broken', message: line, gpus: [] };
  }
  const version = gpus.find(({ driverVersion }) => driverVersion !== undefined)?.driverVersion;
  const cuda = await cudaOfDriver(options);
  const known = [
    version === undefined ? 'driver' : `driver ${version}`,
    ...(cuda === undefined ? [] : [`CUDA ${cuda}`]),
  ];
  return {
    state: 'present',
    message: known.join(', '),
    ...(version === undefined ? {} : { version }),
    ...(cuda === undefined ? {} : { cuda }),
    gpus,
  };
}

/** Undefined when the driver does not answer. */
async function gpusOf(answer: Answer, options: RunOptions): Promise<Gpu[] | undefined> {
  if (answer.kind === 'ok') return parseGpus(answer.text);
  if (answer.kind === 'missing') return undefined;
  if (/No devices were found/i.test(answer.text)) return [];
  // an older driver knows fewer fields, and then answers none of them
  if (!/not a valid field/i.test(answer.text)) return undefined;
  const fields = GPU_FIELDS.filter((field) => !answer.text.includes(`"${field}"`));
  if (fields.length === GPU_FIELDS.length || !fields.includes('uuid')) return undefined;
  const again = await ask(SMI, [`--query-gpu=${fields.join(',')}`, FORMAT], options);
  return again.kind === 'ok' ? parseGpus(again.text, fields) : undefined;
}

/** `--version` is quick, but older drivers do not know it; the table has it in its head. */
async function cudaOfDriver(options: RunOptions): Promise<string | undefined> {
  for (const args of [['--version'], []]) {
    const answer = await ask(SMI, args, options);
    const cuda = answer.kind === 'ok' ? parseCudaOfDriver(answer.text) : undefined;
    if (cuda !== undefined) return cuda;
  }
  return undefined;
}

/** Processes that hold GPU memory; none when the driver does not tell. */
export async function gpuProcesses(options: RunOptions): Promise<GpuProcess[]> {
  const answer = await ask(SMI, [`--query-compute-apps=${PROCESS_FIELDS.join(',')}`, FORMAT], options);
  return answer.kind === 'ok' ? parseGpuProcesses(answer.text) : [];
}
