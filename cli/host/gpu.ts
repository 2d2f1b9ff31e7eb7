import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** One GPU as the driver reports it. */
export interface GpuFacts {
  uuid: string;
  name: string;
  vramBytes: number;
}

const ANSWER_MS = 10_000;

/** GPUs that the NVIDIA driver knows; none when there is no driver or no `nvidia-smi`. */
export async function gpuFacts(): Promise<GpuFacts[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=uuid,name,memory.total', '--format=csv,noheader,nounits'],
      { timeout: ANSWER_MS },
    );
    return parseGpus(stdout);
  } catch {
    return []; // no driver here: the expected case on a laptop
  }
}

/** Lines `GPU-…, NVIDIA L4, 23034`: memory in MiB. */
export function parseGpus(csv: string): GpuFacts[] {
  return csv.split('\n').flatMap((line) => {
    const [uuid, name, mib] = line.split(',').map((field) => field.trim());
    if (!uuid?.startsWith('GPU-') || name === undefined || !Number.isFinite(Number(mib))) return [];
    return [{ uuid, name, vramBytes: Number(mib) * 2 ** 20 }];
  });
}
