/** A small batch in `linked` mode with real proofs, and everything a bundle can be wrong in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { type Bb, createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { openPoseidon2, type Poseidon2 } from '../../../proving/poseidon2.ts';
import type { ChildProof } from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { createHasher, fieldHex, TAG } from '../../../systems/zksync/protocol/batch/hash.ts';
import { type Message, netWrites } from '../../../systems/zksync/protocol/batch/log.ts';
import { createTree } from '../../../systems/zksync/protocol/batch/tree.ts';
import { planBasic } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import type { BundledProof, FinalProof } from '../../../systems/zksync/protocol/bundle/bundle.ts';
import {
  type BundleVerdict,
  checkFinalProof,
  type ExpectedBatch,
} from '../../../systems/zksync/protocol/bundle/check.ts';
import { checkProofFile, encodeProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { CRS_POINTS } from '../../../systems/zksync/protocol/circuits.ts';
import { loadCircuitSet, makeKeys } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { assembleFinalProof, type KindProofs } from '../../unit/batch/assemble.ts';
import { BEFORE, MESSAGES, RECORDS, witnessInput } from '../../unit/batch/sample.ts';
import { aggregate, expectedOf, type ProvedBatch, type Prover, proveBatch, proveOne, VERSION } from './pipeline.ts';

/** More than one VM and one L1MessagesHasher instance takes. */
const MANY: Message[] = [...MESSAGES, ...Array.from({ length: 7 }, (_, i) => ({ tx: i, sender: 7n, word: BigInt(i) }))];

let keysDir: string;
let poseidon2: Poseidon2;
let prover: Prover;
let batch: ProvedBatch;
let final: FinalProof;
/** First VM proof of another batch. */
let foreign: ChildProof;

beforeAll(async () => {
  keysDir = await mkdtemp(join(tmpdir(), 'devkit-linked-keys-'));
  const cache = cacheDir();
  const crs = await ensureCrs({ crs: 'dev', points: CRS_POINTS.linked.prove, cacheDir: cache });
  const bb = createBb({ crs, cacheDir: cache });
  await makeKeys({ keysDir, aggregation: 'linked', crs, bb, cacheDir: cache });
  poseidon2 = await openPoseidon2();
  const hasher = createHasher(poseidon2);
  prover = { hasher, set: await loadCircuitSet({ keysDir, aggregation: 'linked' }), bb, threads: 2 };

  const tree = createTree(hasher);
  tree.apply(netWrites(hasher, BEFORE));
  batch = await proveBatch(prover, witnessInput(hasher, tree.clone(), RECORDS, MANY));
  final = assembleFinalProof(batch);
  const other = planBasic(hasher, witnessInput(hasher, tree.clone(), RECORDS.slice(0, 1), MESSAGES));
  foreign = await proveOne(prover, other.instances[0]!);
}, 180_000);

afterAll(async () => {
  poseidon2[Symbol.dispose]();
  await rm(keysDir, { recursive: true, force: true });
});

function check(
  proof: FinalProof | Uint8Array,
  change: Partial<ExpectedBatch> = {},
  verify: Bb['verify'] = prover.bb.verify,
): Promise<BundleVerdict> {
  const expected = { ...batch.expected, ...change };
  const context = { circuitSet: prover.set, hasher: prover.hasher, expected, verify };
  return proof instanceof Uint8Array ? checkProofFile(proof, context) : checkFinalProof(proof, context);
}

/** The bundle with other proofs at some positions. */
const altered = (change: (proofs: BundledProof[]) => BundledProof[]): FinalProof => ({
  ...final,
  proofs: change(final.proofs.map((proof) => ({ ...proof, publicInputs: [...proof.publicInputs] }))),
});
const at = (index: number, change: (proof: BundledProof) => BundledProof): FinalProof =>
  altered((proofs) => proofs.with(index, change(proofs[index]!)));

/** Walking order: 0 compressor, 1 scheduler, 2 tip, 3 node, 4 leaf, 5 and 6 the VM proofs, 7 node of StorageFilter … */
const VM_NODE = 3;
const VM_LEAF = 4;
const VM = 5;

describe('an honest bundle', () => {
  test('is accepted, every proof counted', async () => {
    expect(await check(encodeProofFile(final, VERSION))).toEqual({ verdict: 'accepted', proofs: 17 });
  });

  test('lists the proofs in walking order', () => {
    expect(final.proofs.slice(0, 7).map((proof) => `${proof.circuit} ${proof.children}`)).toEqual([
      'compressor 1',
      'scheduler 1',
      'recursion_tip 4',
      'node 1',
      'leaf 2',
      'vm 0',
      'vm 0',
    ]);
  });
});

describe('a bundle is rejected', () => {
  const without = (index: number, count = 1) => altered((proofs) => proofs.toSpliced(index, count));
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(1000, bytes[1000]! ^ 1);
  const input = (index: number, which: number): FinalProof =>
    at(index, (proof) => ({ ...proof, publicInputs: proof.publicInputs.with(which, proof.publicInputs[which]! + 1n) }));

  test.each<[string, () => FinalProof, RegExp]>([
    ['with a child missing', () => without(VM), /children|child|place|missing/],
    ['with the last proof missing', () => without(16), /missing at the end/],
    ['with a child twice', () => altered((p) => p.with(VM + 1, p[VM]!)), /does not start where/],
    [
      'with two children swapped',
      () => altered((p) => p.with(VM, p[VM + 1]!).with(VM + 1, p[VM]!)),
      /does not start|spans/,
    ],
    [
      'with a valid child of another batch',
      () => at(VM, () => ({ ...foreign, children: 0 })),
      /does not start|not linked/,
    ],
    ['with a child of another kind', () => altered((p) => p.with(VM, p[9]!)), /wrong child|does not start/],
    ['with another start of a child', () => input(VM, 0), /does not start/],
    ['with other links of a leaf', () => input(VM_LEAF, 4), /not linked/],
    ['with another kind of a node', () => input(VM_NODE, 0), /not linked/],
    ['with other links of the tip', () => input(2, 2), /not linked/],
    ['with another block of the scheduler', () => input(1, 1), /another batch/],
    ['with another keyset of the tip', () => input(2, 0), /another keyset/],
    ['with another keyset of the compressor', () => input(0, 10), /other keys/],
    ['with a proof too many', () => altered((p) => [...p, p.at(-1)!]), /too many at the end/],
    ['with a child count changed', () => at(2, (p) => ({ ...p, children: 3 })), /has 3 children/],
    [
      'with the kinds in another order',
      () => altered((p) => [...p.slice(0, 3), ...p.slice(7, 10), ...p.slice(3, 7), ...p.slice(10)]),
      /not linked/,
    ],
    ['with a proof too short', () => at(VM, (p) => ({ ...p, proof: p.proof.subarray(32) })), /proof bytes instead of/],
    [
      'with a public input missing',
      () => at(VM, (p) => ({ ...p, publicInputs: p.publicInputs.slice(1) })),
      /public inputs/,
    ],
  ])('%s, before any proof is verified', async (_, make, reason) => {
    const verdict = await check(make(), {}, () => Promise.reject(new Error('verified')));
    expect(verdict.verdict).toBe('rejected');
    expect(verdict.reason).toMatch(reason);
  });

  test.each<[string, Partial<ExpectedBatch>, RegExp]>([
    ['chain', { chainId: 272 }, /chain id/],
    ['batch number', { batch: 2 }, /batch number/],
    ['version', { version: { minor: 31, patch: 1 } }, /protocol version/],
    ['old root', { oldRoot: 5n }, /old root/],
    ['new root', { newRoot: 5n }, /new root/],
    ['next index', { newNextIndex: 999 }, /new next index/],
    ['messages hash', { messagesHash: 5n }, /messages hash/],
    ['record count', { records: 5 }, /number of records and messages/],
  ])('against another %s', async (_, change, reason) => {
    const verdict = await check(final, change);
    expect(verdict.reason).toMatch(reason);
  });

  test.each([0, 1, VM_NODE, VM, 16])('with one bit flipped in proof %i', async (index) => {
    const verdict = await check(at(index, (proof) => ({ ...proof, proof: flipped(proof.proof) })));
    expect(verdict.reason).toMatch(new RegExp(`proof ${index} .* does not verify`));
  });

  test('with the proof of another child under the right public inputs', async () => {
    const verdict = await check(altered((p) => p.with(VM, { ...p[VM]!, proof: p[VM + 1]!.proof })));
    expect(verdict.reason).toMatch(/proof 5 \(vm\) does not verify/);
  });

  test('when its bytes end early, go on, or name another version', async () => {
    const bytes = encodeProofFile(final, VERSION);
    for (const bad of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), new Uint8Array()]) {
      expect(await check(new Uint8Array(bad))).toMatchObject({ verdict: 'rejected', proofs: 0 });
    }
    const other = await check(encodeProofFile(final, { ...VERSION, patch: 1 }));
    expect(other.reason).toBe('protocol version 0.31.1, expected 0.31.0');
  });

  test('by its one bad proof, wherever it stands, and no other is begun after it', async () => {
    for (const bad of [0, 9, 16]) {
      const seen: Uint8Array[] = [];
      const verdict = await check(final, {}, ({ proof }) => {
        seen.push(proof.bytes);
        return Promise.resolve(proof.bytes !== final.proofs[bad]!.proof);
      });
      expect(verdict.reason).toMatch(new RegExp(`proof ${bad} .* does not verify`));
      expect(seen.length).toBeLessThanOrEqual(bad + 3);
    }
  });
});

describe('the check', () => {
  test('verifies every proof of the bundle, each once', async () => {
    const seen: Uint8Array[] = [];
    const verdict = await check(final, {}, ({ proof }) => Promise.resolve(seen.push(proof.bytes) > 0));
    expect(verdict.verdict).toBe('accepted');
    expect(new Set(seen)).toEqual(new Set(final.proofs.map((proof) => proof.proof)));
    expect(seen).toHaveLength(17);
  });

  test('ends with an error when bb fails, and starts it no more', async () => {
    let calls = 0;
    const failing = () => Promise.reject(new Error(`bb did not start (${++calls})`));
    await expect(check(final, {}, failing)).rejects.toThrow('bb did not start');
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(2);
  });

  test('ends with an error when bb fails at one proof only, and takes no other after it', async () => {
    let calls = 0;
    const failing = async () => {
      if (++calls === 1) throw new Error('bb did not start');
      return true;
    };
    await expect(check(final, {}, failing)).rejects.toThrow('bb did not start');
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBeLessThan(5);
  });
});

describe('a forged batch over no valid children', () => {
  test('has valid upper proofs and is rejected by the bundle check alone', async () => {
    const { hasher } = prover;
    const plan = structuredClone(batch.plan);
    plan.scheduler.new_root = fieldHex(12345n);
    // the last StorageApplicator claims to end at the invented root; its proof is any bytes of the right length
    const end = hasher.hash(TAG.stateApplicator, [
      12345n,
      BigInt(plan.scheduler.new_next_index),
      BigInt(plan.scheduler.net_queue),
    ]);
    const forge = (kind: KindProofs): KindProofs => {
      if (kind.circuitId !== 10) return kind;
      const [only] = kind.base;
      return { ...kind, base: [{ ...only!, publicInputs: [only!.publicInputs[0]!, end] }] };
    };
    const forged = assembleFinalProof(await aggregate(prover, plan, batch.kinds.map(forge)));
    for (const { circuit, publicInputs, proof } of forged.proofs.filter((p) => p.children > 0)) {
      const { key } = prover.set.circuit(circuit);
      expect(await prover.bb.verify({ proof: { bytes: proof, publicInputs }, key }), circuit).toBe(true);
    }
    const verdict = await checkFinalProof(forged, {
      circuitSet: prover.set,
      hasher,
      expected: expectedOf(plan),
      verify: prover.bb.verify,
    });
    expect(verdict.verdict).toBe('rejected');
    expect(verdict.reason).toMatch(/\(storage_applicator\) does not verify/);
  }, 60_000);
});
