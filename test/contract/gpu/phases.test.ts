import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PlacementDevice } from '../../../cli/core/devices.ts';
import type { ComponentSpec, ComponentStatus } from '../../../cli/core/types.ts';
import { listLeases } from '../../../cli/host/gpu-lease.ts';
import { freePort } from '../../../cli/host/ports.ts';
import { signalProcess } from '../../../cli/host/proc.ts';
import {
  devicesOf,
  type PlacedOptions,
  placeSpecs,
  requireDevices,
  startableNow,
  steadySpecs,
  whilePlaced,
} from '../../../cli/services/devices.ts';
import type { PhaseJobs } from '../../../cli/services/phases.ts';
import { poll } from '../../../lib/deadline.ts';
import { never, type TestDevnet, testDevnet } from '../runtime/kit.ts';

const VRAM_MIB = 24_576;
const HOST = { ramMiB: 64_000, cpus: 16, diskBytes: 1e12 };
const card = (uuid: string, totalMiB: number): PlacementDevice => ({ uuid, name: 'card', totalMiB, usedMiB: 0 });
const ROUND = ['begin circuit-prover', 'end circuit-prover', 'begin compressor', 'end compressor'];
const ONE_CARD = { devices: [card('GPU-1', VRAM_MIB)], host: HOST };

let devnet: TestDevnet;
let jobs: PhaseJobs;
let specs: ComponentSpec[];

beforeEach(async () => {
  devnet = await testDevnet();
  jobs = { compressionQueued: 0, compressionActive: 0, proverQueued: 3 };
  specs = await Promise.all([specOf('circuit-prover'), specOf('compressor'), specOf('gateway', { vramMiB: 0 })]);
});
afterEach(() => devnet[Symbol.asyncDispose]());

async function specOf(id: string, { vramMiB = VRAM_MIB, args = [] as string[] } = {}): Promise<ComponentSpec> {
  const port = await freePort();
  const flags = ['--name', id, '--journal', journalFile(), '--port', String(port), '--finish-ms', '300'];
  return {
    id,
    program: 'node',
    argv: [join(import.meta.dirname, 'turn-fixture.ts'), ...flags, ...args],
    env: {},
    cwd: devnet.paths.workspace,
    ports: [{ name: 'http', port }],
    needs: id === 'gateway' ? [] : [{ component: 'gateway', condition: 'ready' }],
    ready: { kind: 'http', url: `http://127.0.0.1:${port}/` },
    resources: { vramMiB },
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
  };
}

const journalFile = (): string => join(devnet.paths.workspace, 'journal');
const leaseDir = (): string => join(devnet.paths.workspace, 'leases');
/** What the GPU components wrote, in order. */
const journal = (): string[] =>
  (existsSync(journalFile()) ? readFileSync(journalFile(), 'utf8') : '')
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('gateway'));

async function placed(table = ONE_CARD) {
  return placeSpecs(specs, { ...devnet, device: 'auto', table, signal: never });
}

async function options(change: Partial<PlacedOptions> = {}): Promise<PlacedOptions> {
  return {
    ...devnet,
    specs,
    placed: await placed(),
    leaseDir: leaseDir(),
    signal: never,
    tickMs: 20,
    intervalMs: 50,
    jobs: async () => jobs,
    ...change,
  };
}

const runs = async (id: string): Promise<boolean> => (await devnet.runtime.inspect(id)).state === 'running';
/** It runs far enough to have taken its GPU. */
const hasTurn = (id: string) => (): boolean => journal().at(-1) === `begin ${id}`;
const until = (condition: () => Promise<boolean> | boolean): Promise<true> =>
  poll(async () => (await condition()) || undefined, { intervalMs: 20, timeoutMs: 20_000, signal: never });

describe('one card of 24 GiB', () => {
  test('the prover runs until a compression job is queued, then the compressor, then the prover again', async () => {
    const stopped: ComponentStatus[] = [];
    const work = async (): Promise<string> => {
      await until(hasTurn('circuit-prover'));
      await wait(200);
      expect(await runs('compressor')).toBe(false);
      jobs = { compressionQueued: 1, compressionActive: 0, proverQueued: 3 };
      await until(hasTurn('compressor'));
      jobs = { compressionQueued: 0, compressionActive: 1, proverQueued: 3 };
      await wait(200);
      expect(await runs('circuit-prover')).toBe(false);
      jobs = { compressionQueued: 0, compressionActive: 0, proverQueued: 3 };
      await until(hasTurn('circuit-prover'));
      return 'proven';
    };
    const onStopped = async (status: ComponentStatus): Promise<void> => void stopped.push(status);
    expect(await whilePlaced(work, await options({ onStopped }))).toBe('proven');
    // each had ended by itself, its job finished, before the next one began
    expect(journal()).toEqual([...ROUND, 'begin circuit-prover']);
    expect(stopped.map(({ id, podName }) => [id, podName !== undefined])).toEqual([
      ['circuit-prover', true],
      ['compressor', true],
    ]);
    expect(await runs('gateway')).toBe(true);
  });

  test('a compressor that was left running by a kit that died finishes first', async () => {
    await devnet.runtime.start(specs[1]!, never);
    await until(hasTurn('compressor'));
    jobs = { compressionQueued: 0, compressionActive: 1, proverQueued: 3 };
    await whilePlaced(
      async () => {
        await until(() => runs('gateway'));
        await wait(300);
        jobs = { compressionQueued: 0, compressionActive: 0, proverQueued: 3 };
        await until(hasTurn('circuit-prover'));
      },
      await options(),
    );
    expect(journal()).toEqual(['begin compressor', 'end compressor', 'begin circuit-prover']);
  });

  test('what dies in its turn is started again, and only it', async () => {
    const work = async (): Promise<void> => {
      await until(hasTurn('circuit-prover'));
      const { pid, podName } = await devnet.runtime.inspect('circuit-prover');
      process.kill(pid!, 'SIGKILL');
      await until(() => journal().length === 2);
      const now = await devnet.runtime.inspect('circuit-prover');
      expect([now.state, now.podName === podName]).toEqual(['running', false]);
    };
    await whilePlaced(work, await options());
    expect(journal()).toEqual(['begin circuit-prover', 'begin circuit-prover']);
  });

  test('a component that cannot run in its turn ends the work with its reason', async () => {
    specs = [specs[0]!, await specOf('compressor', { args: ['--exit', '3'] }), specs[2]!];
    jobs = { compressionQueued: 1, compressionActive: 0, proverQueued: 0 };
    const work = (signal: AbortSignal): Promise<void> => wait(60_000, undefined, { signal });
    await expect(whilePlaced(work, await options({ maxCrashes: 1 }))).rejects.toMatchObject({
      code: 'COMPONENT_FAILED',
      message: expect.stringContaining('compressor'),
    });
  });

  test('a database that is away for a moment does not change the turn', async () => {
    let away = 0;
    const asked = async (): Promise<PhaseJobs> => {
      if (away-- > 0) throw Object.assign(new Error('Connection terminated'), { code: 'ECONNREFUSED' });
      return jobs;
    };
    await whilePlaced(
      async () => {
        await until(hasTurn('circuit-prover'));
        away = 10;
        await until(() => away <= 0);
        expect(await runs('circuit-prover')).toBe(true);
        jobs = { compressionQueued: 1, compressionActive: 0, proverQueued: 0 };
        await until(hasTurn('compressor'));
      },
      await options({ jobs: asked }),
    );
  });

  test('any other failure of the query is thrown', async () => {
    const asked = async (): Promise<PhaseJobs> => Promise.reject(new Error('no such table'));
    const work = (signal: AbortSignal): Promise<void> => wait(60_000, undefined, { signal });
    await expect(whilePlaced(work, await options({ jobs: asked }))).rejects.toThrow('no such table');
  });

  test('without somebody who gives turns only the first one is started, or the one that runs stays', async () => {
    const startable = async () => (await startableNow(await placed(), specs, devnet.runtime)).map(({ id }) => id);
    expect(await startable()).toEqual(['circuit-prover', 'gateway']);
    await devnet.runtime.start(specs[1]!, never);
    expect(await startable()).toEqual(['compressor', 'gateway']);
    expect(steadySpecs(await placed(), specs).map(({ id }) => id)).toEqual(['gateway']);
  });

  test('of two commands that wait at the same time one gives the turns, and the other takes over', async () => {
    const first = new AbortController();
    const begun = Promise.withResolvers<void>();
    const work = async (signal: AbortSignal): Promise<void> => {
      begun.resolve();
      await wait(60_000, undefined, { signal });
    };
    const waiting = whilePlaced(work, await options({ signal: first.signal })).catch(() => 'ended');
    await begun.promise;
    await whilePlaced(
      async () => {
        await until(hasTurn('circuit-prover'));
        jobs = { compressionQueued: 1, compressionActive: 0, proverQueued: 3 };
        await until(hasTurn('compressor'));
        first.abort();
        expect(await waiting).toBe('ended');
        jobs = { compressionQueued: 0, compressionActive: 0, proverQueued: 3 };
        await until(hasTurn('circuit-prover'));
      },
      await options(),
    );
    expect(journal()).toEqual([...ROUND, 'begin circuit-prover']);
  });
});

describe('leases', () => {
  test('the GPU is held from the first moment to the last, also between two turns', async () => {
    const seen: string[][] = [];
    await whilePlaced(
      async () => {
        await until(hasTurn('circuit-prover'));
        jobs = { compressionQueued: 1, compressionActive: 0, proverQueued: 0 };
        await until(async () => {
          seen.push((await listLeases({ leaseDir: leaseDir() })).map(({ component }) => component));
          return hasTurn('compressor')();
        });
      },
      await options(),
    );
    expect(seen.every((names) => names.includes(`devkit ${process.pid}`))).toBe(true);
    // afterwards the component that still runs holds it
    const { pid } = await devnet.runtime.inspect('compressor');
    expect(await listLeases({ leaseDir: leaseDir() })).toMatchObject([{ component: 'compressor', pid }]);
    await devnet.runtime.stop('compressor', never);
    expect(await listLeases({ leaseDir: leaseDir() })).toEqual([]);
  });

  test('a second devnet cannot have the GPU until the first one is done', async () => {
    await using other = await testDevnet();
    const theirs = { ...(await options()), ...other, paths: { ...other.paths, name: 'second' } };
    await whilePlaced(
      async () => {
        await until(hasTurn('circuit-prover'));
        await expect(whilePlaced(async () => 'never', theirs)).rejects.toMatchObject({
          code: 'HOST_UNFIT',
          message: expect.stringMatching(/GPU GPU-1 is in use by devnet 'test' in .* \(circuit-prover, pid \d+\)/),
        });
      },
      await options(),
    );
    const { pid } = await devnet.runtime.inspect('circuit-prover');
    const [lease] = await listLeases({ leaseDir: leaseDir() });
    expect(signalProcess(pid!, lease!.startTicks, 'SIGKILL')).toBe(true);
    await until(async () => !(await runs('circuit-prover')));
    expect(await whilePlaced(async () => 'now', { ...theirs, specs: [specs[2]!] })).toBe('now');
  });
});

describe('placement of specs', () => {
  test('two cards: both at once, each on its own', async () => {
    const result = await placed({ devices: [card('GPU-1', VRAM_MIB), card('GPU-2', VRAM_MIB)], host: HOST });
    expect(Object.fromEntries(devicesOf(result))).toEqual({ 'circuit-prover': 'GPU-1', compressor: 'GPU-2' });
    await whilePlaced(
      async () => until(async () => (await runs('circuit-prover')) && (await runs('compressor'))),
      await options({ placed: result }),
    );
  });

  test('what --device asks for is looked for before anything is made', async () => {
    const none = { table: { devices: [], host: HOST }, signal: never };
    await expect(requireDevices('gpu', none)).rejects.toMatchObject({
      code: 'HOST_UNFIT',
      message: '--device gpu: this machine has no GPU that can be used',
    });
    await expect(requireDevices(['GPU-9'], { table: ONE_CARD, signal: never })).rejects.toThrow('has no GPU-9');
    await requireDevices('auto', none);
    await requireDevices(['GPU-1'], { table: ONE_CARD, signal: never });
  });

  test('specs without GPU demands are not weighed at all', async () => {
    specs = [specs[2]!];
    const table = { devices: [], host: { ramMiB: 0, cpus: 0, diskBytes: 0 } };
    expect(await placed(table)).toEqual({ kind: 'fit', assignments: [{ component: 'gateway', device: 'cpu' }] });
    await expect(placeSpecs(specs, { ...devnet, device: 'gpu', table, signal: never })).rejects.toMatchObject({
      code: 'HOST_UNFIT',
    });
  });
});
