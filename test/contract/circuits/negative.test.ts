/** Batches that are not what they claim: no witness exists, or none for the circuit above. States are recomputed so that only the rule itself fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import type { CircuitInputs, Program } from '../../../proving/types.ts';
import { entriesToOps, treeOpsToEntries } from '../../../systems/zksync/protocol/batch/entries.ts';
import { createHasher, fieldHex } from '../../../systems/zksync/protocol/batch/hash.ts';
import {
  type KeyedRecord,
  keyRecords,
  netWrites,
  recordHash,
  type StorageRecord,
  sortRecords,
} from '../../../systems/zksync/protocol/batch/log.ts';
import { planApplicator } from '../../../systems/zksync/protocol/batch/plan-applicator.ts';
import { planFilter } from '../../../systems/zksync/protocol/batch/plan-filter.ts';
import { planMessages } from '../../../systems/zksync/protocol/batch/plan-messages.ts';
import { planVm } from '../../../systems/zksync/protocol/batch/plan-vm.ts';
import { climb, createTree, leafHash, type TreeOp } from '../../../systems/zksync/protocol/batch/tree.ts';
import type { CircuitName } from '../../../systems/zksync/protocol/circuits.ts';
import { readArtifact } from '../../../systems/zksync/protocol/keys/programs.ts';
import { BEFORE, MESSAGES, RECORDS, read, write } from '../../unit/batch/sample.ts';
import { failureOf } from './failure.ts';

const poseidon2 = await openPoseidon2();
const hasher = createHasher(poseidon2);
afterAll(() => poseidon2[Symbol.dispose]());

const programs = new Map<CircuitName, Program>();
beforeAll(async () => {
  for (const name of ['vm', 'storage_filter', 'storage_applicator', 'l1_messages_hasher'] as const) {
    programs.set(name, (await readArtifact('linked', name))!);
  }
});

const failure = (name: CircuitName, inputs: CircuitInputs) => failureOf(programs.get(name)!, inputs);

/** Records as a cheating prover would have them: hashed as they are. */
const forge = (records: readonly StorageRecord[]): KeyedRecord[] => {
  const keyed = keyRecords(
    hasher,
    records.map((r) => ({ ...r, isWrite: true })),
  );
  return keyed.map((k, i) => {
    const record = { ...k, isWrite: records[i]!.isWrite };
    return { ...record, hash: recordHash(hasher, k.key, k.index, record) };
  });
};

describe('VM', () => {
  const inputs = (records: readonly StorageRecord[]) => planVm(hasher, forge(records), MESSAGES).chunks[0]!.inputs;

  test('has a witness for an honest chunk', async () => {
    expect(await failure('vm', inputs(RECORDS))).toBeUndefined();
  });

  test('has none for a read that changes the value', async () => {
    expect(await failure('vm', inputs([{ ...read(1n, 5n), written: 6n }]))).toBe('a read changes the value');
  });

  test('has none when a record is dropped', async () => {
    const honest = inputs(RECORDS);
    const dropped = { ...inputs(RECORDS.slice(0, -1)), end: honest.end };
    expect(await failure('vm', dropped)).toBe('end state');
  });

  test('has none when a value is changed', async () => {
    const changed = inputs([{ ...RECORDS[0]!, written: 7n }, ...RECORDS.slice(1)]);
    expect(await failure('vm', { ...changed, end: inputs(RECORDS).end })).toBe('end state');
  });

  test('has none for another start', async () => {
    expect(await failure('vm', { ...inputs(RECORDS), start: fieldHex(1n) })).toBe('start state');
  });
});

describe('StorageFilter', () => {
  const inputs = (records: readonly KeyedRecord[], sorted: readonly KeyedRecord[]) =>
    planFilter(hasher, records, sorted).chunks[0]!.inputs;
  const honest = keyRecords(hasher, RECORDS);
  const sorted = sortRecords(honest);

  test('has a witness for an honest chunk', async () => {
    expect(await failure('storage_filter', inputs(honest, sorted))).toBeUndefined();
  });

  test('has none for a read of a value that nobody wrote', async () => {
    const forged = forge([write(1n, 0n, 1n), read(1n, 2n)]);
    const text = await failure('storage_filter', inputs(forged, forged));
    expect(text).toBe('value read is not the value last written');
  });

  test('has none for keys out of order', async () => {
    expect(await failure('storage_filter', inputs(honest, [...sorted].reverse()))).toBeDefined();
  });

  test('has none for positions out of order in one key', async () => {
    const two = keyRecords(hasher, [read(1n, 4n), read(1n, 4n)]);
    expect(await failure('storage_filter', inputs(two, two))).toBeUndefined();
    expect(await failure('storage_filter', inputs(two, [two[1]!, two[0]!]))).toBeDefined();
  });

  test('has none for one record taken twice', async () => {
    const two = keyRecords(hasher, [read(1n, 4n), read(1n, 4n)]);
    expect(await failure('storage_filter', inputs(two, [two[0]!, two[0]!]))).toBeDefined();
  });

  test('has none for a chunk after the final one', async () => {
    const { inputs: empty, end } = planFilter(hasher, [], []).chunks[0]!;
    // an empty batch ends in its first state but for `done`
    const done = { ...empty, state: { ...(empty.state as object), done: true }, start: fieldHex(end) };
    expect(await failure('storage_filter', done)).toBe('nothing may follow the final chunk');
  });
});

describe('StorageApplicator', () => {
  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  const before = { root: tree.root, nextIndex: tree.nextIndex };
  const leavesBefore = tree.leaves();
  const ops = tree.clone().apply(netWrites(hasher, RECORDS));
  const inputs = (list: readonly TreeOp[]) => planApplicator(hasher, list, before).chunks[0]!.inputs;

  /** Roots recomputed from what the ops claim, so that only the rule itself can fail. */
  const forged = (list: readonly TreeOp[]): CircuitInputs =>
    inputs(
      list.map((op) => {
        const after = leafHash(hasher, { key: op.key, value: op.newValue, nextKey: op.newNextKey });
        return { ...op, root: climb(hasher, after, op.index, op.path) };
      }),
    );
  const first = (kind: TreeOp['kind']): number => ops.findIndex((op) => op.kind === kind);
  const changed = (index: number, change: (op: TreeOp) => TreeOp): CircuitInputs =>
    forged(ops.slice(0, index + 2).map((op, i) => (i === index ? change(op) : op)));

  test('has a witness for an honest chunk with every kind of op', async () => {
    expect(new Set(ops.map((op) => op.kind)).size).toBe(4);
    expect(await failure('storage_applicator', inputs(ops))).toBeUndefined();
  });

  test('has none when the value read is not the one in the tree', async () => {
    const wrong = changed(first('update'), (op) => ({ ...op, net: { ...op.net, initial: op.net.initial + 1n } }));
    expect(await failure('storage_applicator', wrong)).toBe('leaf is not the one updated');
  });

  test('has none when the leaf shown is not in the tree', async () => {
    const wrong = changed(first('update'), (op) => {
      const net = { ...op.net, initial: 77n };
      return { ...op, value: 77n, net };
    });
    expect(await failure('storage_applicator', wrong)).toBe('path does not lead to the root');
  });

  test('has none when the value written is changed', async () => {
    const wrong = {
      ...changed(first('update'), (op) => ({ ...op, net: { ...op.net, final: 9n } })),
      end: inputs(ops).end,
    };
    expect(await failure('storage_applicator', wrong)).toBeDefined();
  });

  test('has none for an append without its link', async () => {
    const at = first('append');
    const list = [...ops.slice(0, at - 1), ops[at]!];
    expect(await failure('storage_applicator', forged(list))).toBe('an append follows its link and nothing else does');
  });

  test('has none for a link without its append', async () => {
    const list = ops.slice(0, first('link') + 1);
    expect(await failure('storage_applicator', forged(list))).toBe('an append follows its link and nothing else does');
  });

  test('has none for an append at a wrong index', async () => {
    const wrong = changed(first('append'), (op) => ({ ...op, index: op.index + 1 }));
    expect(await failure('storage_applicator', wrong)).toBe('append at a wrong index');
  });

  test('has none for an append with another successor', async () => {
    const wrong = changed(first('append'), (op) => ({ ...op, nextKey: op.nextKey + 1n, newNextKey: op.nextKey + 1n }));
    expect(await failure('storage_applicator', wrong)).toBe('append with another next key');
  });

  test('has none for an insert whose key had a value', async () => {
    const at = first('link');
    const net = { ...ops[at]!.net, initial: 1n };
    const list = ops.slice(0, at + 2).map((op, i) => (i < at ? op : { ...op, net }));
    expect(await failure('storage_applicator', forged(list))).toBe('value read from an absent key is not 0');
  });

  test('has none for an insert of 0', async () => {
    const at = first('link');
    const net = { ...ops[at]!.net, final: 0n };
    const list = ops
      .slice(0, at + 2)
      .map((op, i) => (i < at ? op : { ...op, net, newValue: op.kind === 'append' ? 0n : op.newValue }));
    expect(await failure('storage_applicator', forged(list))).toBe('insert of 0');
  });

  /** The predecessor of a key that is there, shown as if it were the low leaf of that key. */
  const existing = (): { index: number; leaf: (typeof leavesBefore)[number]; key: bigint; path: bigint[] } => {
    const key = leavesBefore[0]!.nextKey;
    const successor = createTree(hasher, { leaves: leavesBefore });
    const shown = successor.apply([{ key: key - 1n, initial: 0n, final: 0n }])[0]!;
    return { index: shown.index, leaf: leavesBefore[shown.index]!, key, path: shown.path };
  };

  test('has none for an existing key claimed absent', async () => {
    const { index, leaf, key, path } = existing();
    const net = { key, initial: 0n, final: 0n };
    const op: TreeOp = {
      kind: 'absent',
      index,
      ...leaf,
      newValue: leaf.value,
      newNextKey: leaf.nextKey,
      path,
      root: before.root,
      net,
    };
    expect(await failure('storage_applicator', inputs([op]))).toBeDefined();
    // the same op for a key that is absent has a witness
    const absent = { ...op, net: { ...net, key: key - 1n } };
    expect(await failure('storage_applicator', inputs([absent]))).toBeUndefined();
  });

  test('has none for a key shown absent that was written or read as a value', async () => {
    const at = first('absent');
    const net = ops[at]!.net;
    const shown = (change: Partial<typeof net>) => forged([{ ...ops[at]!, net: { ...net, ...change } }]);
    expect(await failure('storage_applicator', shown({ final: 5n }))).toBe('absent key written');
    expect(await failure('storage_applicator', shown({ initial: 5n }))).toBe('value read from an absent key is not 0');
  });

  test('has none for an append of another key than linked', async () => {
    const wrong = changed(first('append'), (op) => ({ ...op, net: { ...op.net, key: op.net.key + 1n } }));
    expect(await failure('storage_applicator', wrong)).toBe('append of another key than linked');
  });

  test('has none for an append over a leaf that is there', async () => {
    const at = first('append');
    const used = ops[first('update')]!;
    const wrong = changed(at, (op) => ({ ...op, index: used.index }));
    expect(await failure('storage_applicator', wrong)).toBe('append at a wrong index');
  });

  test('has none for an insert of an existing key', async () => {
    const { index, leaf, key, path } = existing();
    const net = { key, initial: 0n, final: 5n };
    const link: TreeOp = { kind: 'link', index, ...leaf, newValue: leaf.value, newNextKey: key, path, root: 0n, net };
    const append = {
      ...ops[first('append')]!,
      key,
      nextKey: leaf.nextKey,
      newNextKey: leaf.nextKey,
      newValue: 5n,
      net,
    };
    expect(await failure('storage_applicator', forged([link, append]))).toBeDefined();
  });

  test('entries made from the ops give the ops back', () => {
    expect(entriesToOps(hasher, treeOpsToEntries(ops), netWrites(hasher, RECORDS), before)).toEqual(ops);
  });
});

describe('L1MessagesHasher', () => {
  type Inputs = CircuitInputs & { slots: { kind: number; block: number[] }[] };
  const honest = planMessages(hasher, MESSAGES).chunks[0]!.inputs as Inputs;
  const changed = (index: number, change: Partial<Inputs['slots'][number]>): CircuitInputs => ({
    ...honest,
    slots: honest.slots.map((slot, i) => (i === index ? { ...slot, ...change } : slot)),
  });

  test('has a witness for an honest chunk', async () => {
    expect(await failure('l1_messages_hasher', honest)).toBeUndefined();
  });

  test('has none for another message', async () => {
    const block = honest.slots[0]!.block.with(15, 1);
    expect(await failure('l1_messages_hasher', changed(0, { block }))).toBe('end state');
  });

  test('has none for a wrong length', async () => {
    const block = honest.slots[2]!.block.with(15, 512);
    expect(await failure('l1_messages_hasher', changed(2, { block }))).toBe('length in the padding block');
  });

  test('has none for other padding', async () => {
    const block = honest.slots[2]!.block.with(3, 1);
    expect(await failure('l1_messages_hasher', changed(2, { block }))).toBe('padding block');
  });

  test('has none for two final blocks', async () => {
    expect(await failure('l1_messages_hasher', changed(3, honest.slots[2]!))).toBe(
      'nothing may follow the padding block',
    );
  });
});
