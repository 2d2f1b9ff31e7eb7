/** Thread of `generateChunks`: gets chunk numbers, writes their points into the file, answers with their hashes. */
import { createHash } from 'node:crypto';
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { CHUNK_POINTS, type ChunkDone, type WorkerSetup } from './generate.ts';
import { BATCH, openPowers } from './powers.ts';

const setup = workerData as WorkerSetup;
const powers = await openPowers(setup);
const file = openSync(setup.path, 'r+');
const bytes = Buffer.alloc(CHUNK_POINTS * 64);

parentPort?.on('message', (chunk: number) => {
  const first = chunk * CHUNK_POINTS;
  for (let i = 0; i < CHUNK_POINTS; i += BATCH) powers(first + i, BATCH, bytes, i * 64);
  writeSync(file, bytes, 0, bytes.length, first * 64);
  fdatasyncSync(file);
  const done: ChunkDone = { chunk, sha256: createHash('sha256').update(bytes).digest('hex') };
  parentPort?.postMessage(done);
});
