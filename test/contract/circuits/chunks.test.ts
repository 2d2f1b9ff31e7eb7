/** A batch with several instances of every kind: the circuits agree with the plan at every border. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { solveWitness } from '../../../proving/noir.ts';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { type Message, netWrites, type StorageRecord } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { type BasicPlan, planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { readArtifact } from '../../../systems/zksync/protocol/keys/programs.ts';
import { BEFORE, witnessInput, write } from '../../unit/batch/sample.ts';

const poseidon2 = await openPoseidon2();
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

/** 100 writes over 23 slots, so groups of one key lie across the borders of StorageFilter. */
function records(): StorageRecord[] {
  const values = new Map(BEFORE.map((record) => [record.slot, record.written]));
  return Array.from({ length: 100 }, (_, i) => {
    const slot = BigInt(1 + ((i * i) % 23));
    const read = values.get(slot) ?? 0n;
    values.set(slot, BigInt(i));
    return write(slot, read, BigInt(i), i >> 3);
  });
}
const MESSAGES: Message[] = Array.from({ length: 9 }, (_, i) => ({ tx: i, sender: BigInt(i), word: 1n << BigInt(i) }));

let plan: BasicPlan;
beforeAll(() => {
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  plan = planBasic(hasher, witnessInput(hasher, tree, records(), MESSAGES));
});

test('every instance has a witness', async () => {
  expect(new Set(plan.instances.filter((i) => i.sequence > 0).map((i) => i.circuitId))).toEqual(
    new Set([1, 9, 10, 13]),
  );
  for (const { name, inputs } of plan.instances) {
    expect(await solveWitness((await readArtifact('linked', name))!, inputs), name).toBeInstanceOf(Uint8Array);
  }
});

test('instances of a kind follow each other without a gap', () => {
  for (const [i, instance] of plan.instances.entries()) {
    if (instance.sequence > 0) expect(instance.start).toBe(plan.instances[i - 1]!.end);
  }
});
