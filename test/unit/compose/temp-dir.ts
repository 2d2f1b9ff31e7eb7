import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder that is removed at the end. */
export async function tempDir(): Promise<AsyncDisposable & { dir: string }> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'devkit-compose-')));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
