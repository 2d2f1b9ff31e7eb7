/** The kit as a library, as in the README: a devnet inside a test, gone when the test ends. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDevnet, createMarket, DevkitError, type WatchTick } from '../../cli/index.ts';
import { devnetFootprint } from '../../cli/runtimes/docker/gc.ts';
import { dockerEngine } from '../fixtures/docker.ts';
import { RUNTIMES } from '../fixtures/runtimes.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-library-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Processes that name the folder, and containers, networks and volumes that carry it. */
async function leftOf(folder: string): Promise<string[]> {
  const engine = await dockerEngine();
  const { containers, networks, volumes } = engine
    ? await devnetFootprint(engine, join(folder, '.devkit/devnets/default'))
    : { containers: [], networks: [], volumes: [] };
  return [...(await processesOf(folder)), ...containers, ...networks, ...volumes];
}

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

test.each(RUNTIMES)('a devnet of the library proves a batch (%s), and its disposal leaves nothing', async (runtime) => {
  {
    await using devnet = await createDevnet({ dir, runtime });
    expect(await leftOf(dir)).not.toEqual([]);
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
  expect(await leftOf(dir)).toEqual([]);
  expect(existsSync(join(dir, '.devkit'))).toBe(false);
});

test.each(RUNTIMES)(
  'a market of the library goes from bid to verified proof (%s), and its disposal leaves nothing',
  async (runtime) => {
    const signal = AbortSignal.timeout(300_000);
    {
      await using market = await createMarket({ dir, runtime, signal });
      await expect(market.client('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await market.flow()).toMatchObject({ verdict: 'accepted', outputs: { sum: '12', product: '11' } });
      const requester = await market.client('requester');
      expect(await requester.bids.list({ limit: 10 }, signal)).toHaveLength(2);
      expect(market.variables).toMatchObject({ MARKET_URL: market.url, NIL_USER: 'requester' });
      expect(await market.status()).toMatchObject({ state: 'running', proving: { variant: 'reference', crs: 'dev' } });
    }
    expect(await leftOf(dir)).toEqual([]);
    expect(existsSync(join(dir, '.devkit'))).toBe(false);
  },
);
