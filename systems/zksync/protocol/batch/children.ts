/** What all rounds above the base one share: their children and how those are bound. */
import type { CircuitInputs } from '../../../../proving/types.ts';
import type { CircuitName } from '../circuits.ts';
import type { ProtocolVersion } from '../ids.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import { fieldHex, type Hasher, TAG } from './hash.ts';

/** A finished proof as the round above takes it. */
export interface ChildProof {
  circuit: CircuitName;
  publicInputs: bigint[];
  /** Without public inputs, as bb writes it. Only looked at in `recursive`. */
  proof: Uint8Array;
}

/** One proof to make. */
export interface AggregationPlan {
  name: CircuitName;
  inputs: CircuitInputs;
  /** Indexes into the children given. */
  children: number[];
  /** Public inputs that the proof will have. */
  publicInputs: bigint[];
}

/** What names the batch; the version is that of the job row. */
export interface BatchName {
  chainId: number | bigint;
  batchNumber: number | bigint;
  version: ProtocolVersion;
}

/** The children do not belong together. */
export class AggregationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AggregationError';
  }
}

/** `links' = H(LINKS; links, vk hash of the child's circuit, PUB(child))`, over the children in order, from 0. */
export function foldLinks(
  hasher: Hasher,
  set: CircuitSet,
  children: readonly Pick<ChildProof, 'circuit' | 'publicInputs'>[],
): bigint {
  return children.reduce((links, child) => {
    const inputs = hasher.hash(TAG.public, child.publicInputs);
    return hasher.hash(TAG.links, [links, set.circuit(child.circuit).key.hash, inputs]);
  }, 0n);
}

/** 32-byte words as field inputs. */
export function words(bytes: Uint8Array): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  return Array.from({ length: bytes.length / 32 }, (_, i) => `0x${hex.slice(64 * i, 64 * i + 64)}`);
}

/** What a recursive circuit needs of children whose circuits may differ. */
export const verification = (set: CircuitSet, children: readonly ChildProof[]) => ({
  vks: children.map((child) => words(set.circuit(child.circuit).key.bytes)),
  vk_hashes: children.map((child) => fieldHex(set.circuit(child.circuit).key.hash)),
  proofs: children.map((child) => words(child.proof)),
});
