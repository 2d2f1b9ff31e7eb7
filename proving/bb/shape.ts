/** Sizes and ranges of keys and proofs of bb 5.0.0, checked before bb sees them. */
import { FIELD_Q, FIELD_R, fromBytes } from '../crs/curve.ts';
import type { Proof, ProofTarget, VerificationKey } from '../types.ts';

const WORD = 32;
const KEY_BYTES: Record<ProofTarget, number> = { recursive: 3680, evm: 1888 };
/** Public inputs of the circuit's own plus these words, in which bb carries the pairing points. */
const PAIRING_WORDS = 8;
const RECURSIVE_PROOF_WORDS = 410;

export interface KeyShape {
  /** log2 of the circuit's size rounded up to a power of two. */
  logSize: number;
  /** Public inputs of the program, without the pairing points. */
  publicInputs: number;
}

/** Reads the head of a key: log size, public inputs, offset. Throws when it cannot be a key of its target. */
export function keyShape(key: VerificationKey): KeyShape {
  if (key.bytes.length !== KEY_BYTES[key.target]) {
    throw new Error(`a ${key.target} verification key has ${KEY_BYTES[key.target]} bytes, not ${key.bytes.length}`);
  }
  const logSize = fromBytes(key.bytes.subarray(0, WORD));
  const publicInputs = fromBytes(key.bytes.subarray(WORD, 2 * WORD)) - BigInt(PAIRING_WORDS);
  if (logSize < 1n || logSize > 28n || publicInputs < 0n || publicInputs > 1_000_000n) {
    throw new Error('the verification key is damaged: its circuit size or public input count is impossible');
  }
  return { logSize: Number(logSize), publicInputs: Number(publicInputs) };
}

/** Exact proof length in bytes: fixed for `recursive` (padded), by the circuit's log size for `evm`. */
export function proofLength(target: ProofTarget, logSize: number): number {
  return WORD * (target === 'recursive' ? RECURSIVE_PROOF_WORDS : 67 + 11 * logSize);
}

/**
 * Why the proof cannot be one for the key, or undefined. Words of a `recursive` proof are scalars (points are cut in limbs);
 * an `evm` proof has curve coordinates too, so its words are only bounded by the larger field; bb rejects the rest.
 */
export function proofDefect(proof: Proof, key: VerificationKey): string | undefined {
  const { logSize, publicInputs } = keyShape(key);
  if (proof.publicInputs.length !== publicInputs) {
    return `${proof.publicInputs.length} public inputs instead of ${publicInputs}`;
  }
  const bad = proof.publicInputs.findIndex((value) => value < 0n || value >= FIELD_R);
  if (bad >= 0) return `public input ${bad} is not a canonical field element`;
  const length = proofLength(key.target, logSize);
  if (proof.bytes.length !== length) return `${proof.bytes.length} proof bytes instead of ${length}`;
  const limit = key.target === 'recursive' ? FIELD_R : FIELD_Q;
  for (let at = 0; at < length; at += WORD) {
    if (fromBytes(proof.bytes.subarray(at, at + WORD)) >= limit) return `proof word ${at / WORD} is not canonical`;
  }
  return undefined;
}
