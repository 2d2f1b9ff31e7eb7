/** One card of 24 GiB: circuit prover and compressor take turns, and a real batch ends proven. The card is a table; the programs are real. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DevkitEvent } from '../../cli/core/events.ts';
import type { ComponentSpec } from '../../cli/core/types.ts';
import { listLeases } from '../../cli/host/gpu-lease.ts';
import { sealBatch, waitForTree } from '../../cli/services/batch.ts';
import { openServiceContext, type ServiceContext } from '../../cli/services/context.ts';
import type { OpenDevnet } from '../../cli/services/devnet.ts';
import { proverUrl, withDatabase } from '../../cli/services/devnet.ts';
import { downDevnet } from '../../cli/services/down-devnet.ts';
import { proveBatch } from '../../cli/services/prove.ts';
import { setUpDevnet } from '../../cli/services/quickstart.ts';
import { measureStages } from '../../cli/services/stages.ts';
import { allSpecs, whileAllRun } from '../../cli/services/start.ts';
import { sendTo } from '../../cli/services/traffic.ts';
import { sleep } from '../../lib/deadline.ts';
import { statusCounts } from '../../systems/zksync/protocol/prover-db/reports.ts';

const VRAM_MIB = 24 * 1024;
const UUID = 'GPU-00000000-0000-0000-0000-000000000024';
const TURNS = ['circuit-prover', 'compressor'];

let dir: string;
let ctx: ServiceContext;
const events: DevkitEvent[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-phases-'));
  process.env['DEVKIT_LEASE_DIR'] = join(dir, 'leases');
  ctx = {
    ...openServiceContext({
      cwd: dir,
      workspace: dir,
      emit: (event) => events.push(event),
      signal: new AbortController().signal,
    }),
    deviceTable: {
      devices: [{ uuid: UUID, name: 'a card of 24 GiB', totalMiB: VRAM_MIB, usedMiB: 0 }],
      host: { ramMiB: 1e6, cpus: 64, diskBytes: 1e12 },
    },
  };
});
afterAll(async () => {
  await downDevnet(ctx, { removeData: true });
  await rm(dir, { recursive: true, force: true });
  delete process.env['DEVKIT_LEASE_DIR'];
});

/** As upstream's: both want the whole card. */
const onGpu = (spec: ComponentSpec): ComponentSpec =>
  TURNS.includes(spec.id) ? { ...spec, resources: { ...spec.resources, vramMiB: VRAM_MIB } } : spec;

/** Looks all the time at which of the two run. */
async function watchTurns(devnet: OpenDevnet, seen: Set<string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const all = await Promise.all(TURNS.map((id) => devnet.runtime.inspect(id)));
    const running = all.filter(({ state }) => state === 'running').map(({ id }) => id);
    if (running.length > 0) seen.add(running.join(' and '));
    await sleep(10, signal).catch(() => undefined);
  }
}

async function proveFresh(devnet: OpenDevnet, signal: AbortSignal): Promise<string> {
  await sendTo(devnet, { slots: 2, messages: 1, transfers: 0 }, signal);
  const batch = await sealBatch(devnet, signal);
  await waitForTree(devnet, batch, signal);
  const { verdict } = await proveBatch(devnet, batch, { stages: measureStages(devnet.runtime), signal });
  return verdict;
}

test('two batches are proven, one after the other, and the two never run at once', async () => {
  const devnet = await setUpDevnet(ctx, { aggregation: 'linked', crs: 'dev' });
  const seen = new Set<string>();
  const looked = new AbortController();
  const looking = watchTurns(devnet, seen, looked.signal);
  const leases: string[][] = [];
  const verdicts = await whileAllRun(devnet, (await allSpecs(devnet)).map(onGpu), async (signal) => {
    const first = await proveFresh(devnet, signal);
    leases.push((await listLeases()).map(({ uuid, component }) => `${component} ${uuid}`));
    return [first, await proveFresh(devnet, signal)];
  });
  looked.abort();
  await looking;
  expect(verdicts).toEqual(['accepted', 'accepted']);
  expect([...seen].sort()).toEqual(TURNS);
  expect(leases[0]).toContain(`compressor ${UUID}`);

  const turns = events.flatMap((event) =>
    (event.type === 'component.started' || event.type === 'component.stopped') && TURNS.includes(event.component)
      ? [`${event.type.slice('component.'.length)} ${event.component}`]
      : [],
  );
  const round = ['started circuit-prover', 'stopped circuit-prover', 'started compressor', 'stopped compressor'];
  expect(turns).toEqual([...round, ...round.slice(0, 3)]);
  // nothing was left in the hands of a component that was stopped
  const counts = await withDatabase(proverUrl(devnet), (pool) => statusCounts(pool));
  expect(counts.filter(({ status }) => ['in_progress', 'failed', 'queued'].includes(status))).toEqual([]);
});
