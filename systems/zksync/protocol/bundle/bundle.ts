/** The final proof of a batch: everything its verdict needs. `linked`: all proofs; `recursive`: the compressor's alone. */
import type { CircuitName } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';

export interface BundledProof {
  circuit: CircuitName;
  publicInputs: bigint[];
  /** How many of the following proofs (with all below them) are its children; 0 in `recursive`. */
  children: number;
  proof: Uint8Array;
}

/** Proofs in walking order: compressor first, depth first. */
export interface FinalProof {
  aggregation: Aggregation;
  proofs: BundledProof[];
}
