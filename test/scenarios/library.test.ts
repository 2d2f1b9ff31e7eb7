/** The kit as a library, as in the README: a devnet inside a test, gone when the test ends. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDevnet, DevkitError, type WatchTick } from '../../cli/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-library-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Commands of all processes that were started for this folder. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(join('/proc', pid, file), 'utf8').catch(() => '')),
    );
    if (`${command}${environment}`.includes(folder)) found.push(`${pid} ${command?.replaceAll('\0', ' ')}`);
  }
  return found;
}

test('a devnet of the library proves a batch, and its disposal leaves no process and no data', async () => {
  {
    await using devnet = await createDevnet({ dir });
    expect(await processesOf(dir)).not.toEqual([]);
    await expect(createDevnet({ dir, aggregation: 'recursive' })).rejects.toThrow(DevkitError);

    await devnet.sendTransactions({ slots: 2, messages: 1, transfers: 0 });
    const receipt = await devnet.prove();
    expect(receipt).toMatchObject({ verdict: 'accepted', batch: 1, messages: 1, aggregation: 'linked' });
    expect(await devnet.verifyBatch({ batch: 1 })).toMatchObject({ verdict: 'accepted' });

    const ticks: WatchTick[] = [];
    for await (const tick of devnet.watch({ batch: 1 })) ticks.push(tick);
    expect(ticks.map(({ state }) => state)).toEqual(['proven']);
    const status = await devnet.status();
    expect(status).toMatchObject({ state: 'running', proving: { variant: 'reference', aggregation: 'linked' } });
  }
  expect(await processesOf(dir)).toEqual([]);
  expect(existsSync(join(dir, '.devkit'))).toBe(false);
});
