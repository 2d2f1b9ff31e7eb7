/** Generation of powers of tau on worker threads, streamed into a file chunk by chunk. */
import { Worker } from 'node:worker_threads';
import { windowBits } from './powers.ts';

/** Points in a unit of work, which is also the unit of the hashes. */
export const CHUNK_POINTS = 1 << 14;

export interface GenerateJob {
  /** An existing file; chunk c is written at c · CHUNK_POINTS · 64. */
  path: string;
  tau: bigint;
  /** First chunk, and the one after the last. */
  from: number;
  to: number;
  threads: number;
  signal?: AbortSignal | undefined;
  /** Called after each chunk with the number of chunks done by this job. */
  onChunk?: (done: number) => void;
}

/** What a worker is started with, what it is sent (chunk numbers) and what it answers. */
export interface WorkerSetup {
  path: string;
  tau: bigint;
  bits: number;
}
export interface ChunkDone {
  chunk: number;
  sha256: string;
}

/** Writes the chunks and returns their sha256, in order. Stops all workers on failure and on abort. */
export async function generateChunks(job: GenerateJob): Promise<string[]> {
  const total = job.to - job.from;
  if (total <= 0) return [];
  job.signal?.throwIfAborted();
  const threads = Math.max(1, Math.min(job.threads, total));
  const bits = windowBits(Math.ceil(total / threads) * CHUNK_POINTS);
  const workers = Array.from({ length: threads }, () => startWorker({ path: job.path, tau: job.tau, bits }));
  try {
    return await runChunks(job, workers);
  } finally {
    for (const worker of workers) worker.removeAllListeners();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Hands one chunk at a time to each worker; rejects at the first failure. */
function runChunks(job: GenerateJob, workers: Worker[]): Promise<string[]> {
  const total = job.to - job.from;
  const hashes: string[] = Array(total);
  let next = job.from;
  let done = 0;
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  const abort = () => reject(job.signal?.reason);
  const proceed = (worker: Worker) => {
    if (next < job.to) worker.postMessage(next++);
  };
  job.signal?.addEventListener('abort', abort, { once: true });
  for (const worker of workers) {
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`a reference string worker ended early, with code ${code}`)));
    worker.on('message', (message: ChunkDone) => {
      hashes[message.chunk - job.from] = message.sha256;
      done += 1;
      job.onChunk?.(done);
      if (done === total) resolve(hashes);
      else proceed(worker);
    });
    proceed(worker);
  }
  return promise.finally(() => job.signal?.removeEventListener('abort', abort));
}

/** A thread of plain Node: options of the host process (a test runner's loader) are not for it. */
const startWorker = (setup: WorkerSetup): Worker =>
  new Worker(new URL('./worker.ts', import.meta.url), { workerData: setup, execArgv: [] });
