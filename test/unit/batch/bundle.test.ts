/** The final proof file: what decodes, what is rejected before any proof is looked at. */
import { decode, encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { FIELD_SIZE } from '../../../systems/zksync/protocol/batch/hash.ts';
import type { BundledProof, FinalProof } from '../../../systems/zksync/protocol/bundle/bundle.ts';
import {
  checkProofFile,
  decodeProofFile,
  encodeProofFile,
} from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import type { CircuitName } from '../../../systems/zksync/protocol/circuits.ts';

const VERSION = { minor: 31, patch: 0 };
const proof = (circuit: CircuitName, children: number, inputs = 5): BundledProof => ({
  circuit,
  publicInputs: [1n, FIELD_SIZE - 1n, ...new Array<bigint>(inputs - 2).fill(7n)],
  children,
  proof: Uint8Array.of(children, 2, 3),
});
const linked: FinalProof = {
  aggregation: 'linked',
  proofs: [proof('compressor', 1, 12), proof('scheduler', 1, 3), proof('recursion_tip', 4, 3), proof('node', 1)],
};
const recursive: FinalProof = { aggregation: 'recursive', proofs: [proof('compressor', 0, 12)] };

type Map = Record<string, unknown>;
type Content = { proofs: Map[] } & Map;
type File = { inner: { Plonk: { aggregation_result_coords: number[][]; scheduler_proof: Content } & Map } };

/** The file with something changed, written as canonically as before. */
function changed(change: (content: Content, file: File) => unknown, final = linked): Uint8Array {
  const file = decode(encodeProofFile(final, VERSION)) as File;
  change(file.inner.Plonk.scheduler_proof, file);
  return encode(file, { mapSorter: () => 0 });
}

/** The verdict without keys: whatever gets past the decoder fails the test. */
const verdict = (bytes: Uint8Array) =>
  checkProofFile(bytes, {
    get circuitSet(): never {
      throw new Error('decoded');
    },
    expected: { version: VERSION } as never,
    hasher: undefined as never,
    verify: () => Promise.reject(new Error('verified')),
  });

test.each([linked, recursive])('decodes to what was encoded: $aggregation', (final) => {
  expect(decodeProofFile(encodeProofFile(final, VERSION))).toEqual({ final, protocolVersion: VERSION });
  expect(changed(() => {})).toEqual(encodeProofFile(linked, VERSION));
});

describe('is rejected', () => {
  const bytes = encodeProofFile(linked, VERSION);
  /** Where the value of a key starts, counted from the end: keys of the first proof come first. */
  const valueAt = (key: string): number => Buffer.from(bytes).indexOf(key) + key.length;
  const spliced = (at: number, ...replacement: number[]): Uint8Array =>
    Uint8Array.of(...bytes.subarray(0, at), ...replacement, ...bytes.subarray(at + 1));

  test.each<[string, () => Uint8Array, RegExp]>([
    ['as nothing', () => new Uint8Array(), /not CBOR/],
    ['with bytes after the end', () => Uint8Array.of(...bytes, 0), /not CBOR/],
    ['with another kind', () => changed((content) => (content.kind = 'basic_proof')), /not a devkit proof/],
    [
      'with another aggregation',
      () => changed((content) => (content.aggregation = 'simulated')),
      /linked or recursive/,
    ],
    ['with a spare key', () => changed((content) => (content.more = 1)), /canonical/],
    ['with a spare key of a proof', () => changed(({ proofs }) => (proofs[1]!.more = 1)), /canonical/],
    ['with a spare key outside', () => changed((_, file) => ((file as Map).more = 1)), /canonical/],
    [
      'with a circuit of the other mode',
      () => changed(({ proofs }) => (proofs[3]!.circuit = 'leaf_1')),
      /circuit leaf_1/,
    ],
    ['with a circuit that is no text', () => changed(({ proofs }) => (proofs[3]!.circuit = { toString: 1 })), /string/],
    ['with a kind that is no text', () => changed((content) => (content.kind = { toString: 1 })), /not a devkit proof/],
    ['without proofs', () => changed((content) => (content.proofs = [])), /no proofs/],
    ['with a negative child count', () => changed(({ proofs }) => (proofs[0]!.children = -1)), /integer/],
    ['with a child count that is no integer', () => changed(({ proofs }) => (proofs[0]!.children = 0.5)), /integer/],
    [
      'with a short public input',
      () => changed(({ proofs }) => (proofs[0]!.public_inputs = [new Uint8Array(31)])),
      /32/,
    ],
    [
      'with a public input as large as the field',
      () =>
        changed(({ proofs }) => {
          (proofs[1]!.public_inputs as Uint8Array[])[0] = Buffer.from(FIELD_SIZE.toString(16), 'hex');
        }),
      /beyond the field/,
    ],
    ['with a proof as numbers', () => changed(({ proofs }) => (proofs[1]!.proof = [1, 2, 3])), /canonical/],
    [
      'with keys in another order',
      () =>
        changed((content) => {
          const { format } = content;
          delete content.format;
          content.format = format;
        }),
      /canonical/,
    ],
    [
      'with another coordinate',
      () => changed((_, file) => file.inner.Plonk.aggregation_result_coords[3]!.fill(0)),
      /coordinates/,
    ],
    ['with an integer longer than needed', () => spliced(valueAt('children'), 0x18, 1), /not CBOR/],
    ['with an integer written as a float', () => spliced(valueAt('children'), 0xf9, 0x3c, 0), /canonical/],
    ['with its content in the prototype', () => withPrototype(), /not CBOR|canonical|missing/],
  ])('%s', async (_, make, reason) => {
    const found = await verdict(make());
    expect(found).toMatchObject({ verdict: 'rejected', proofs: 0 });
    expect(found.reason).toMatch(reason);
  });

  test('with halves of the messages hash that are no halves', async () => {
    const publicInputs = linked.proofs[0]!.publicInputs.with(7, FIELD_SIZE - 1n).with(8, FIELD_SIZE - 1n);
    const final = { ...linked, proofs: linked.proofs.with(0, { ...linked.proofs[0]!, publicInputs }) };
    // a file like any other: the expected values reject it
    expect(decodeProofFile(encodeProofFile(final, VERSION)).final).toEqual(final);
  });

  test('with another version than the batch has', async () => {
    const found = await verdict(encodeProofFile(linked, { minor: 31, patch: 1 }));
    expect(found).toEqual({ verdict: 'rejected', reason: 'protocol version 0.31.1, expected 0.31.0', proofs: 4 });
  });

  /** `{"__proto__": {…the file's map…}}`, which some decoders take for the map itself. */
  function withPrototype(): Uint8Array {
    const key = Buffer.from('__proto__');
    return Uint8Array.of(0xa1, 0x60 + key.length, ...key, ...bytes);
  }
});
