/**
 * `L1BatchProofForL1` (upstream: core/lib/prover_interface/src/outputs.rs): the final proof of a batch. Stored as CBOR with
 * the proof's kind as tag, sent over HTTP as JSON without it. The content of `scheduler_proof` is ours.
 */
import type { ProtocolVersion } from '../ids.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import {
  asArray,
  asBytes,
  asInteger,
  asObject,
  asText,
  type Form,
  mapArray,
  member,
  type PlainObject,
  putBytes,
  putNumbers,
  WireError,
} from './plain.ts';
import { asVersion, putVersion } from './version.ts';

/** One proof of the bundle; the public inputs are 32 bytes each. */
export interface BundledProof {
  circuit: string;
  public_inputs: Uint8Array[];
  /** Number of proofs below this one that follow it in walking order. */
  children: number;
  proof: Uint8Array;
}

/** Content of `scheduler_proof`. Its meaning is checked elsewhere; here only its shape. */
export interface SchedulerProof {
  format: 'devkit';
  version: 1;
  kind: 'final_proof';
  aggregation: 'linked' | 'recursive';
  proofs: BundledProof[];
}

export interface L1BatchProofForL1 {
  /** Four words of 32 bytes: messages hash, new root, keyset, links (upstream: four aggregation coordinates). */
  aggregationResultCoords: Uint8Array[];
  schedulerProof: SchedulerProof;
  protocolVersion: ProtocolVersion;
}

/** Content of `l1_batch_proof_<n>[_<chain>]_0_<minor>_<patch>.cbor`. The wire tag stays upstream's `Plonk`. */
export function encodeL1BatchProof(proof: L1BatchProofForL1): Uint8Array {
  return encodeCbor({ inner: { Plonk: proofToPlain(proof, 'cbor') } });
}

/**
 * Only the exact bytes that `encodeL1BatchProof` writes are accepted, so every byte of the file counts.
 * @throws WireError
 */
export function decodeL1BatchProof(bytes: Uint8Array, what = 'proof file'): L1BatchProofForL1 {
  const inner = asObject(member(asObject(decodeCbor(bytes, what), what), 'inner', what), `${what}.inner`);
  const kind = Object.keys(inner)[0];
  if (kind !== 'Plonk') throw new WireError(`${what}.inner`, `expected a Plonk proof, found ${kind ?? 'nothing'}`);
  const proof = proofFromPlain(inner.Plonk, `${what}.inner.Plonk`);
  if (Buffer.compare(encodeL1BatchProof(proof), bytes) !== 0) {
    throw new WireError(what, 'not in the canonical form (unknown or reordered fields)');
  }
  return proof;
}

/** The untagged JSON form. */
export const l1BatchProofToJson = (proof: L1BatchProofForL1): PlainObject => proofToPlain(proof, 'json');
/** @throws WireError */
export const l1BatchProofFromJson = (value: unknown, where = 'proof'): L1BatchProofForL1 =>
  proofFromPlain(value, where);

function proofToPlain(proof: L1BatchProofForL1, form: Form): PlainObject {
  const content = proof.schedulerProof;
  return {
    aggregation_result_coords: proof.aggregationResultCoords.map(putNumbers),
    scheduler_proof: {
      format: content.format,
      version: content.version,
      kind: content.kind,
      aggregation: content.aggregation,
      proofs: content.proofs.map((entry) => ({
        circuit: entry.circuit,
        public_inputs: entry.public_inputs.map((word) => putBytes(word, form)),
        children: entry.children,
        proof: putBytes(entry.proof, form),
      })),
    },
    protocol_version: putVersion(proof.protocolVersion),
  };
}

function proofFromPlain(value: unknown, where: string): L1BatchProofForL1 {
  const object = asObject(value, where);
  const get = (key: string): unknown => member(object, key, where);
  const coords = asArray(get('aggregation_result_coords'), `${where}.aggregation_result_coords`);
  if (coords.length !== 4) throw new WireError(`${where}.aggregation_result_coords`, 'expected 4 words');
  return {
    aggregationResultCoords: mapArray(coords, `${where}.aggregation_result_coords`, (entry, place) =>
      asBytes(entry, place, 32),
    ),
    schedulerProof: schedulerProofFromPlain(get('scheduler_proof'), `${where}.scheduler_proof`),
    protocolVersion: asVersion(get('protocol_version'), `${where}.protocol_version`),
  };
}

function schedulerProofFromPlain(value: unknown, where: string): SchedulerProof {
  const object = asObject(value, where);
  const { format, version, kind, aggregation } = object;
  if (format !== 'devkit' || version !== 1 || kind !== 'final_proof') {
    throw new WireError(where, 'not a devkit proof: made by the upstream prover: use --variant upstream');
  }
  if (aggregation !== 'linked' && aggregation !== 'recursive') {
    throw new WireError(`${where}.aggregation`, 'expected linked or recursive');
  }
  return {
    format,
    version,
    kind,
    aggregation,
    proofs: mapArray(member(object, 'proofs', where), `${where}.proofs`, bundledProofFromPlain),
  };
}

function bundledProofFromPlain(value: unknown, where: string): BundledProof {
  const object = asObject(value, where);
  return {
    circuit: asText(member(object, 'circuit', where), `${where}.circuit`),
    public_inputs: mapArray(member(object, 'public_inputs', where), `${where}.public_inputs`, (entry, place) =>
      asBytes(entry, place, 32),
    ),
    children: asInteger(member(object, 'children', where), `${where}.children`),
    proof: asBytes(member(object, 'proof', where), `${where}.proof`),
  };
}
