import { describe, expect, it } from 'vitest';
import {
  createHandover,
  createPlaces,
  planProver,
  threadsFor,
} from '../../../systems/zksync/components/circuit-prover/stages.ts';

const GIB = 2 ** 30;
const forever = new AbortController().signal;

describe('planProver', () => {
  it('runs one one-thread proof a core when memory allows', () => {
    expect(planProver({ cores: 2, memoryBytes: 8 * GIB, aggregation: 'linked' })).toEqual({
      jobs: 2,
      threadsPerJob: 1,
      threadsAlone: 2,
    });
  });

  it('runs fewer, wider proofs when memory is short', () => {
    expect(planProver({ cores: 16, memoryBytes: 16 * GIB, aggregation: 'recursive' })).toEqual({
      jobs: 4,
      threadsPerJob: 4,
      threadsAlone: 16,
    });
  });

  it('always runs one', () => {
    expect(planProver({ cores: 4, memoryBytes: GIB, aggregation: 'recursive' }).jobs).toBe(1);
  });
});

it('threadsFor gives all cores to a proof that is alone and shares otherwise', () => {
  const plan = { jobs: 2, threadsPerJob: 1, threadsAlone: 2 };
  expect(threadsFor(plan, { proving: 0, behind: 0 })).toBe(2);
  expect(threadsFor(plan, { proving: 1, behind: 0 })).toBe(1);
  expect(threadsFor(plan, { proving: 0, behind: 1 })).toBe(1);
});

describe('places', () => {
  it('gives a freed place to the one who waited longest', async () => {
    const places = createPlaces(1);
    await places.take(forever);
    const order: string[] = [];
    const first = places.take(forever).then(() => order.push('first'));
    const second = places.take(forever).then(() => order.push('second'));
    places.give();
    await first;
    expect(order).toEqual(['first']);
    places.give();
    await second;
    expect(order).toEqual(['first', 'second']);
  });

  it('does not lose a place to one who stopped waiting', async () => {
    const places = createPlaces(1);
    await places.take(forever);
    const stop = new AbortController();
    const given = places.take(stop.signal);
    stop.abort(new Error('stopping'));
    await expect(given).rejects.toThrow('stopping');
    places.give();
    await expect(places.take(forever)).resolves.toBeUndefined();
  });
});

describe('hand-over', () => {
  it('passes items in order to those who wait and those who come later', async () => {
    const handover = createHandover<number>();
    const early = handover.take(forever);
    handover.put(1);
    handover.put(2);
    expect(await early).toBe(1);
    expect(await handover.take(forever)).toBe(2);
  });

  it('gives back what nobody took', () => {
    const handover = createHandover<number>();
    handover.put(1);
    handover.put(2);
    expect(handover.drain()).toEqual([1, 2]);
    expect(handover.size).toBe(0);
  });

  it('ends a wait when aborted', async () => {
    const stop = new AbortController();
    const taken = createHandover<number>().take(stop.signal);
    stop.abort(new Error('stopping'));
    await expect(taken).rejects.toThrow('stopping');
  });
});
