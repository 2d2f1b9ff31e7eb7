import { describe, expect, test } from 'vitest';
import type { PlacementDevice } from '../../../cli/core/devices.ts';
import { type Assignment, type Demand, placeDevices, requirePlacement } from '../../../cli/core/placement.ts';
import type { HostRoom } from '../../../cli/core/placement-host.ts';
import { PROVER_PHASES } from '../../../cli/services/phases.ts';

const GB24 = 22_888;
const device = (uuid: string, totalMiB: number, change: Partial<PlacementDevice> = {}): PlacementDevice => ({
  uuid,
  name: `card ${uuid}`,
  totalMiB,
  usedMiB: 0,
  ...change,
});
const demand = (component: string, vramMiB = 0, ramMiB = 0): Demand => ({ component, resources: { vramMiB, ramMiB } });
const PROVER = demand('circuit-prover', GB24, 22_000);
const COMPRESSOR = demand('compressor', GB24, 4_000);
const GATEWAY = demand('gateway', 0, 200);
const BOTH = [PROVER, COMPRESSOR, GATEWAY];
const host: HostRoom = { ramMiB: 64_000, cpus: 16, diskBytes: 1e12 };
const phases = PROVER_PHASES;

describe('all at once', () => {
  test('on two GPUs each gets its own', () => {
    expect(placeDevices(BOTH, [device('GPU-b', 23_034), device('GPU-a', 23_034)], host, { phases })).toEqual({
      kind: 'fit',
      assignments: [
        { component: 'circuit-prover', device: 'GPU-a' },
        { component: 'compressor', device: 'GPU-b' },
        { component: 'gateway', device: 'cpu' },
      ],
    });
  });

  test('one GPU of 48 GB takes both', () => {
    const result = placeDevices(BOTH, [device('GPU-a', 46_068)], host, { phases });
    expect(result).toMatchObject({ kind: 'fit', assignments: [{ device: 'GPU-a' }, { device: 'GPU-a' }, {}] });
  });

  test('a component that wants a GPU alone gets it, and the other one goes elsewhere or nowhere', () => {
    const alone = { component: 'circuit-prover', resources: { vramMiB: 100, exclusiveGpu: true } };
    const two = placeDevices([alone, COMPRESSOR], [device('GPU-a', 80_000), device('GPU-b', 24_000)], host);
    expect(two).toMatchObject({ kind: 'fit', assignments: [{ device: 'GPU-a' }, { device: 'GPU-b' }] });
    expect(placeDevices([alone, COMPRESSOR], [device('GPU-a', 80_000)], host).kind).toBe('refused');
  });

  test('only the GPUs that were named are used', () => {
    const result = placeDevices([PROVER], [device('GPU-a', 80_000), device('GPU-b', 24_000)], host, {
      device: ['GPU-b'],
    });
    expect(result).toMatchObject({ kind: 'fit', assignments: [{ device: 'GPU-b' }] });
  });

  test('components without GPU demands need none', () => {
    expect(placeDevices([GATEWAY], [], host, { device: 'cpu' })).toEqual({
      kind: 'fit',
      assignments: [{ component: 'gateway', device: 'cpu' }],
    });
  });
});

describe('in turns', () => {
  test('one card of 24 GB: the circuit prover until a compression job is queued, then the compressor', () => {
    const result = placeDevices(BOTH, [device('GPU-a', 23_034, { usedMiB: 4 })], host, { phases });
    expect(result).toEqual({
      kind: 'phased',
      why: 'GPU memory: circuit-prover 22888 MiB + compressor 22888 MiB = 45776 MiB; 23030 MiB free on card GPU-a (GPU-a)',
      phases: [
        {
          components: ['circuit-prover', 'gateway'],
          assignments: [
            { component: 'circuit-prover', device: 'GPU-a' },
            { component: 'gateway', device: 'cpu' },
          ],
          until: 'compression-queued',
        },
        {
          components: ['compressor', 'gateway'],
          assignments: [
            { component: 'compressor', device: 'GPU-a' },
            { component: 'gateway', device: 'cpu' },
          ],
          until: 'compression-empty',
        },
      ],
    });
  });

  test('also where the memory of the machine, not of the GPU, is too small for both', () => {
    const result = placeDevices(BOTH, [device('GPU-a', 80_000)], { ...host, ramMiB: 24_000 }, { phases });
    expect(result).toMatchObject({
      kind: 'phased',
      why: 'memory: circuit-prover 22000 MiB + compressor 4000 MiB + gateway 200 MiB = 26200 MiB; this machine has 24000 MiB',
    });
  });

  test('not without rules that say who may take turns', () => {
    expect(placeDevices(BOTH, [device('GPU-a', 23_034)], host).kind).toBe('refused');
  });
});

describe('refused with the arithmetic', () => {
  const refusal = (result: ReturnType<typeof placeDevices>): string[] =>
    result.kind === 'refused' ? [result.arithmetic, ...result.lines] : [result.kind];

  test('a card that is too small', () => {
    expect(refusal(placeDevices(BOTH, [device('GPU-a', 15_360)], host, { phases }))).toEqual([
      'GPU memory: circuit-prover 22888 MiB + compressor 22888 MiB = 45776 MiB; 15360 MiB free on card GPU-a (GPU-a)',
      'card GPU-a (GPU-a): 15360 MiB, 0 MiB in use by others, 15360 MiB free',
    ]);
  });

  test('a card that another program or devnet holds', () => {
    const devices = [
      device('GPU-a', 23_034, { usedMiB: 4_000 }),
      device('GPU-b', 23_034, { unusable: "leased by devnet 'b' in /b (compressor, pid 9)" }),
    ];
    expect(refusal(placeDevices([PROVER], devices, host)).slice(1)).toEqual([
      'card GPU-a (GPU-a): 23034 MiB, 4000 MiB in use by others, 19034 MiB free',
      "card GPU-b (GPU-b): 23034 MiB, not used: leased by devnet 'b' in /b (compressor, pid 9)",
    ]);
  });

  test('no GPU although one was asked for, even if nothing would use it', () => {
    expect(refusal(placeDevices([GATEWAY], [], host, { device: 'gpu' }))).toEqual([
      '--device gpu: this machine has no GPU that can be used',
    ]);
    expect(() => requirePlacement(placeDevices([GATEWAY], [], host, { device: 'gpu' }))).toThrow(
      expect.objectContaining({ code: 'HOST_UNFIT', exitCode: 3 }),
    );
  });

  test('a UUID that this machine does not have', () => {
    expect(refusal(placeDevices([PROVER], [device('GPU-a', 80_000)], host, { device: ['GPU-x'] }))[0]).toBe(
      '--device GPU-x: this machine has no GPU-x',
    );
  });

  test('--device cpu for something that needs a GPU', () => {
    expect(refusal(placeDevices([PROVER], [device('GPU-a', 80_000)], host, { device: 'cpu' }))).toEqual([
      'GPU memory: circuit-prover 22888 MiB; no GPU can be used',
      '--device cpu rules GPUs out',
    ]);
  });

  test('too little disk and too few CPUs', () => {
    const greedy = { component: 'a', resources: { cpus: 32, diskBytes: 2 ** 31 } };
    expect(refusal(placeDevices([greedy], [], { ...host, diskBytes: 2 ** 30 }))[0]).toBe(
      'CPUs: a needs 32; this machine has 16; disk: a 2 GiB; free are 1 GiB',
    );
  });
});

/** Small deterministic random numbers (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function randomCase(seed: number) {
  const random = randomOf(seed);
  const names = ['circuit-prover', 'compressor', 'gateway', 'w1', 'w2', 'w3'].slice(0, 1 + random(6));
  const demands = names.map(
    (component): Demand => ({
      component,
      resources: {
        vramMiB: random(3) === 0 ? 0 : 1 + random(40),
        ramMiB: random(30),
        cpus: random(10),
        exclusiveGpu: random(8) === 0,
      },
    }),
  );
  const devices = Array.from({ length: random(5) }, (_, i) =>
    device(`GPU-${i}`, random(80), { usedMiB: random(10), ...(random(6) === 0 ? { unusable: 'leased' } : {}) }),
  );
  return { demands, devices, host: { ramMiB: 40 + random(80), cpus: 4 + random(8), diskBytes: 1 }, random };
}

const SEEDS = Array.from({ length: 2_000 }, (_, i) => i + 1);

/** What is wrong with these assignments; empty: nothing. */
function overcommitted(
  assignments: readonly Assignment[],
  demands: readonly Demand[],
  devices: readonly PlacementDevice[],
  room: HostRoom,
): string[] {
  const wrong: string[] = [];
  const of = (name: string): Demand['resources'] => demands.find(({ component }) => component === name)!.resources;
  const ram = assignments.reduce((sum, { component }) => sum + (of(component).ramMiB ?? 0), 0);
  if (ram > room.ramMiB) wrong.push('memory');
  if (assignments.some(({ component }) => (of(component).cpus ?? 0) > room.cpus)) wrong.push('cpus');
  for (const [uuid, own] of Map.groupBy(assignments, (one) => one.device)) {
    const resources = own.map(({ component }) => of(component));
    if (uuid === 'cpu') {
      if (resources.some(({ vramMiB = 0, exclusiveGpu }) => vramMiB > 0 || exclusiveGpu)) wrong.push('GPU work on cpu');
      continue;
    }
    const found = devices.find((one) => one.uuid === uuid);
    const vram = resources.reduce((sum, { vramMiB = 0 }) => sum + vramMiB, 0);
    if (!found || found.unusable || vram > Math.max(0, found.totalMiB - found.usedMiB))
      wrong.push(`${uuid} over-committed`);
    if (own.length > 1 && resources.some(({ exclusiveGpu }) => exclusiveGpu)) wrong.push(`${uuid} is not alone`);
  }
  return wrong;
}

describe('for any demands and devices', () => {
  test('nothing is ever over-committed, in no phase either, and every component runs', () => {
    const kinds = new Set<string>();
    for (const seed of SEEDS) {
      const { demands, devices, host: room } = randomCase(seed);
      const result = placeDevices(demands, devices, room, { phases });
      kinds.add(result.kind);
      if (result.kind === 'refused') continue;
      const turns = result.kind === 'fit' ? [result.assignments] : result.phases.map(({ assignments }) => assignments);
      expect(turns.flatMap((turn) => overcommitted(turn, demands, devices, room))).toEqual([]);
      const placed = new Set(turns.flat().map(({ component }) => component));
      expect([...placed].sort()).toEqual(demands.map(({ component }) => component).sort());
    }
    expect([...kinds].sort()).toEqual(['fit', 'phased', 'refused']);
  });

  test('the order of demands and devices changes nothing', () => {
    for (const seed of SEEDS) {
      const { demands, devices, host: room, random } = randomCase(seed);
      const shuffled = <T>(list: readonly T[]): T[] =>
        list
          .map((value) => ({ value, at: random(1000) }))
          .sort((a, b) => a.at - b.at)
          .map(({ value }) => value);
      const one = placeDevices(demands, devices, room, { phases });
      expect(placeDevices(shuffled(demands), shuffled(devices), room, { phases })).toEqual(one);
    }
  });

  test('what is refused fits in no way: every placement of all demands over-commits something', () => {
    for (const seed of SEEDS.slice(0, 600)) {
      const { demands, devices, host: room } = randomCase(seed);
      if (demands.length > 4 || placeDevices(demands, devices, room).kind !== 'refused') continue;
      const places = ['cpu', ...devices.map(({ uuid }) => uuid)];
      for (let code = 0; code < places.length ** demands.length; code++) {
        const assignments = demands.map(({ component }, i) => ({
          component,
          device: places[Math.floor(code / places.length ** i) % places.length]!,
        }));
        expect(overcommitted(assignments, demands, devices, room)).not.toEqual([]);
      }
    }
  });
});
