/** The final proof of a batch: everything its verdict needs. `linked`: all proofs; `recursive`: the compressor's alone. */
import { decode, encode } from 'cborg';
import type { ChildProof } from '../batch/aggregation.ts';
import { FIELD_SIZE } from '../batch/hash.ts';
import { arityOf, type CircuitName, circuitNames, parentsOf } from '../circuits.ts';
import { type Aggregation, BASE_CIRCUIT_IDS, type BaseCircuitId } from '../ids.ts';

export interface BundledProof {
  circuit: CircuitName;
  publicInputs: bigint[];
  /** How many of the following proofs (with all below them) are its children; 0 in `recursive`. */
  children: number;
  proof: Uint8Array;
}

/** Content of `scheduler_proof` in the final proof file. Proofs in walking order: compressor first, depth first. */
export interface FinalProof {
  aggregation: Aggregation;
  proofs: BundledProof[];
}

/** The bytes are not a final proof, or not the one encoding of it. */
export class FinalProofError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(`not a final proof: ${message}`, options);
    this.name = 'FinalProofError';
  }
}

/** CBOR `{format, version, kind, aggregation, proofs: [{circuit, public_inputs, children, proof}]}`; equal proofs give equal bytes. */
export function encodeFinalProof(final: FinalProof): Uint8Array {
  return encode(
    {
      format: 'devkit',
      version: 1,
      kind: 'final_proof',
      aggregation: final.aggregation,
      proofs: final.proofs.map(({ circuit, publicInputs, children, proof }) => ({
        circuit,
        public_inputs: publicInputs.map(wordOf),
        children,
        proof,
      })),
    },
    { mapSorter: () => 0 },
  );
}

/** Accepts exactly what `encodeFinalProof` writes. @throws FinalProofError */
export function decodeFinalProof(bytes: Uint8Array): FinalProof {
  let value: unknown;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      rejectDuplicateMapKeys: true,
    });
  } catch (cause) {
    throw new FinalProofError(`not CBOR (${(cause as Error).message})`, { cause });
  }
  const final = finalProofOf(value);
  // key order, spare keys, number forms: whatever decodes the same but is written differently
  if (Buffer.compare(encodeFinalProof(final), bytes) !== 0) throw new FinalProofError('not its canonical encoding');
  return final;
}

/** The content of `scheduler_proof` as decoded from CBOR. @throws FinalProofError */
export function finalProofOf(value: unknown): FinalProof {
  const top = mapOf(value, 'the file');
  if (top.format !== 'devkit' || top.version !== 1 || top.kind !== 'final_proof') {
    throw new FinalProofError(`format ${top.format}, version ${top.version}, kind ${top.kind}`);
  }
  const { aggregation, proofs } = top;
  if (aggregation !== 'linked' && aggregation !== 'recursive') throw new FinalProofError(`aggregation ${aggregation}`);
  if (!Array.isArray(proofs) || proofs.length === 0) throw new FinalProofError('no proofs in it');
  const names: readonly string[] = circuitNames(aggregation);
  return { aggregation, proofs: proofs.map((entry, index) => proofOf(entry, `proof ${index}`, names)) };
}

function proofOf(value: unknown, where: string, names: readonly string[]): BundledProof {
  const { circuit, public_inputs: inputs, children, proof } = mapOf(value, where);
  if (typeof circuit !== 'string' || !names.includes(circuit))
    throw new FinalProofError(`${where}: circuit ${circuit}`);
  if (typeof children !== 'number' || !Number.isInteger(children) || children < 0) {
    throw new FinalProofError(`${where}: child count`);
  }
  if (!(proof instanceof Uint8Array)) throw new FinalProofError(`${where}: no proof bytes`);
  if (!Array.isArray(inputs)) throw new FinalProofError(`${where}: no public inputs`);
  return { circuit: circuit as CircuitName, publicInputs: inputs.map((word) => fieldOf(word, where)), children, proof };
}

function fieldOf(word: unknown, where: string): bigint {
  if (!(word instanceof Uint8Array) || word.length !== 32) throw new FinalProofError(`${where}: public input`);
  const value = BigInt(`0x${Buffer.from(word).toString('hex')}`);
  if (value >= FIELD_SIZE) throw new FinalProofError(`${where}: public input beyond the field`);
  return value;
}

function mapOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new FinalProofError(`${where} is not a map`);
  }
  return value as Record<string, unknown>;
}

const wordOf = (value: bigint): Uint8Array => new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));

/** All proofs of one kind, as the rounds made them. */
export interface KindProofs {
  circuitId: BaseCircuitId;
  /** In sequence order. */
  base: readonly ChildProof[];
  leaves: readonly ChildProof[];
  /** By depth, the level over the leaves first; the last level is one proof. */
  nodes: readonly (readonly ChildProof[])[];
}

export interface BatchProofs {
  compressor: ChildProof;
  scheduler: ChildProof;
  tip: ChildProof;
  /** In any order, one per kind. */
  kinds: readonly KindProofs[];
}

/** Final proof of `linked`: every proof of the batch in walking order. @throws RangeError when a level has the wrong number of proofs */
export function assembleFinalProof(proofs: BatchProofs): FinalProof {
  const listed: BundledProof[] = [
    { ...proofs.compressor, children: 1 },
    { ...proofs.scheduler, children: 1 },
    { ...proofs.tip, children: BASE_CIRCUIT_IDS.length },
  ];
  for (const id of BASE_CIRCUIT_IDS) {
    const kind = proofs.kinds.find((candidate) => candidate.circuitId === id);
    if (kind === undefined) throw new RangeError(`no proofs of base circuit ${id}`);
    listed.push(...walkKind(kind));
  }
  return { aggregation: 'linked', proofs: listed };
}

/** Final proof of `recursive`: the compressor's proof attests to all others. */
export const singleFinalProof = (compressor: ChildProof): FinalProof => ({
  aggregation: 'recursive',
  proofs: [{ ...compressor, children: 0 }],
});

function walkKind(kind: KindProofs): BundledProof[] {
  const levels = [kind.base, kind.leaves, ...kind.nodes];
  // subtree of every proof of the level below
  let below: BundledProof[][] = kind.base.map((proof) => [{ ...proof, children: 0 }]);
  for (const [i, level] of levels.entries()) {
    if (i === 0) continue;
    const expected = parentsOf(below.length, 'linked');
    if (level.length !== expected) {
      throw new RangeError(`base circuit ${kind.circuitId}: level ${i} has ${level.length} proofs, not ${expected}`);
    }
    const arity = arityOf('linked');
    const children = below;
    below = level.map((proof, at) => {
      const own = children.slice(at * arity, (at + 1) * arity);
      return [{ ...proof, children: own.length }, ...own.flat()];
    });
  }
  if (below.length !== 1) throw new RangeError(`base circuit ${kind.circuitId}: ${below.length} proofs at the top`);
  return below[0]!;
}
