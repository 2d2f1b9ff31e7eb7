import { decode, encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import type { ChildProof } from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { FIELD_SIZE } from '../../../systems/zksync/protocol/batch/hash.ts';
import {
  assembleFinalProof,
  type BatchProofs,
  decodeFinalProof,
  encodeFinalProof,
  type FinalProof,
  FinalProofError,
  singleFinalProof,
} from '../../../systems/zksync/protocol/bundle/bundle.ts';
import type { CircuitName } from '../../../systems/zksync/protocol/circuits.ts';
import { BASE_CIRCUIT_IDS, BASE_CIRCUITS } from '../../../systems/zksync/protocol/ids.ts';

const proof = (circuit: CircuitName, mark = 1): ChildProof => ({
  circuit,
  publicInputs: [BigInt(mark), FIELD_SIZE - 1n],
  proof: Uint8Array.of(mark, 2, 3),
});

/** `counts[i]` base proofs of kind i. */
const batch = (counts: number[]): BatchProofs => ({
  compressor: proof('compressor'),
  scheduler: proof('scheduler'),
  tip: proof('recursion_tip'),
  kinds: BASE_CIRCUIT_IDS.map((circuitId, i) => {
    const leaves = Math.ceil(counts[i]! / 8);
    return {
      circuitId,
      base: Array.from({ length: counts[i]! }, (_, at) => proof(BASE_CIRCUITS[circuitId], at)),
      leaves: Array.from({ length: leaves }, (_, at) => proof('leaf', at)),
      nodes: leaves > 8 ? [Array.from({ length: 2 }, () => proof('node')), [proof('node')]] : [[proof('node')]],
    };
  }),
});

const final = assembleFinalProof(batch([1, 1, 1, 1]));
type Wire = { proofs: Record<string, unknown>[] } & Record<string, unknown>;
const wire = (change: (value: Wire) => void): Uint8Array => {
  const value = decode(encodeFinalProof(final)) as Wire;
  change(value);
  return encode(value, { mapSorter: () => 0 });
};

describe('final proof', () => {
  test('decodes to what was encoded, in both modes', () => {
    for (const value of [final, singleFinalProof(proof('compressor'))]) {
      expect(decodeFinalProof(encodeFinalProof(value))).toEqual(value);
    }
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ['nothing', () => new Uint8Array(), /not CBOR/],
    ['bytes after the end', () => Uint8Array.of(...encodeFinalProof(final), 0), /not CBOR/],
    ['another kind', () => wire((value) => (value.kind = 'basic_proof')), /kind basic_proof/],
    ['a spare key', () => wire((value) => (value.more = 1)), /canonical/],
    ['a circuit of the other mode', () => wire(({ proofs }) => (proofs[4]!.circuit = 'leaf_1')), /circuit leaf_1/],
    ['no proofs', () => wire((value) => (value.proofs = [])), /no proofs/],
    ['a negative child count', () => wire(({ proofs }) => (proofs[0]!.children = -1)), /child count/],
    [
      'a short public input',
      () => wire(({ proofs }) => (proofs[0]!.public_inputs = [new Uint8Array(31)])),
      /public input/,
    ],
    [
      'a public input as large as the field',
      () =>
        wire(({ proofs }) => {
          proofs[0]!.public_inputs = [new Uint8Array(Buffer.from(FIELD_SIZE.toString(16), 'hex'))];
        }),
      /beyond the field/,
    ],
    [
      'keys in another order',
      () =>
        wire((value) => {
          const { format } = value;
          delete value.format;
          value.format = format;
        }),
      /canonical/,
    ],
  ])('is refused with %s', (_, make, message) => {
    const bytes = make();
    expect(() => decodeFinalProof(bytes)).toThrow(FinalProofError);
    expect(() => decodeFinalProof(bytes)).toThrow(message);
  });

  test('is refused when an integer is written longer than needed', () => {
    const bytes = encodeFinalProof({ aggregation: 'recursive', proofs: [{ ...proof('compressor'), children: 0 }] });
    const at = Buffer.from(bytes).indexOf('children') + 'children'.length;
    expect(bytes[at]).toBe(0);
    const longer = Uint8Array.of(...bytes.subarray(0, at), 0x18, 0x00, ...bytes.subarray(at + 1));
    expect(() => decodeFinalProof(longer)).toThrow(FinalProofError);
  });
});

describe('a bundle', () => {
  const walk = (value: FinalProof): string => value.proofs.map((p) => `${p.circuit}/${p.children}`).join(' ');

  test('lists every proof depth first', () => {
    const text = walk(assembleFinalProof(batch([10, 1, 1, 1])));
    const vm = Array.from({ length: 8 }, () => 'vm/0').join(' ');
    expect(text).toContain(`recursion_tip/4 node/2 leaf/8 ${vm} leaf/2 vm/0 vm/0 node/1 leaf/1 storage_filter/0`);
  });

  test('has nodes over nodes when one level is not enough', () => {
    const listed = assembleFinalProof(batch([1, 1, 65, 1])).proofs;
    const top = listed.findIndex((p) => p.circuit === 'node' && p.children === 2);
    expect(listed[top + 1]).toMatchObject({ circuit: 'node', children: 8 });
    expect(listed).toHaveLength(3 + 3 * 3 + 65 + 9 + 3);
  });

  test('cannot be made when a level lacks a proof', () => {
    const proofs = batch([10, 1, 1, 1]);
    const kinds = proofs.kinds.map((kind) => ({ ...kind, leaves: kind.leaves.slice(0, 1) }));
    expect(() => assembleFinalProof({ ...proofs, kinds })).toThrow(/level 1 has 1 proofs, not 2/);
  });
});
