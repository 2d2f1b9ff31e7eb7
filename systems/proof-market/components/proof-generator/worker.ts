/** The process that proves, under the memory limit that its driver sets: `node worker.ts <WorkerJob as JSON>`. */
import { writeFile } from 'node:fs/promises';
import type { WorkerJob } from '../../generator/driver.ts';
import { readJob } from '../../generator/job-files.ts';
import { proveStatement } from '../../protocol/proving/prove.ts';

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => controller.abort(new Error(`stopped by ${signal}`)));
}
const job = JSON.parse(process.argv[2] ?? '') as WorkerJob;
try {
  const proof = await proveStatement({
    ...(await readJob(job)),
    threads: job.threads,
    signal: controller.signal,
  });
  await writeFile(job.proofOut, proof);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
