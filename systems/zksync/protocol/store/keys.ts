/** Names of the objects in the stores. `fallback` is the older name, tried on reads when the first is missing. */
import { type ProtocolVersion, ROUND_KEY_NAMES, type Round } from '../ids.ts';
import { BUCKETS, type Bucket } from './buckets.ts';

export interface ObjectKey {
  bucket: Bucket;
  key: string;
  fallback?: string;
}

/** A batch of a chain, as object names need it. */
export interface BatchId {
  batch: number;
  chainId: number;
}

export interface CircuitId extends BatchId {
  sequence: number;
  circuitId: number;
  round: Round;
  depth: number;
}

const versionSuffix = (version: ProtocolVersion): string => `0_${version.minor}_${version.patch}`;

/** Core store. */
export const merklePathsKey = (batch: number): ObjectKey => ({
  bucket: BUCKETS.witnessInput,
  key: `merkle_tree_paths_${batch}.cbor`,
});

/** Core store. */
export const vmRunDataKey = (batch: number): ObjectKey => ({
  bucket: BUCKETS.witnessInput,
  key: `vm_run_data_${batch}.cbor`,
});

/** Prover store. The fallback is the name under which the external proof API hands the file out. */
export const witnessInputKey = ({ batch, chainId }: BatchId): ObjectKey => ({
  bucket: BUCKETS.witnessInput,
  key: `witness_inputs_${batch}_${chainId}.cbor`,
  fallback: `witness_inputs_${batch}.cbor`,
});

/** Inputs of one circuit proof. Rounds 3 and 4 use sequence 0, depth 0. */
export function circuitKey({ batch, chainId, sequence, circuitId, round, depth }: CircuitId): ObjectKey {
  const rest = `${sequence}_${circuitId}_${ROUND_KEY_NAMES[round]}_${depth}.bin`;
  return { bucket: BUCKETS.proverJobs, key: `${batch}_${chainId}_${rest}`, fallback: `${batch}_${rest}` };
}

export const closedFormInputsKey = ({ batch, chainId }: BatchId, baseCircuitId: number): ObjectKey => ({
  bucket: BUCKETS.leafAggregation,
  key: `closed_form_inputs_${batch}_${chainId}_${baseCircuitId}.bin`,
  fallback: `closed_form_inputs_${batch}_${baseCircuitId}.bin`,
});

export const aggregationsKey = ({ batch, chainId }: BatchId, recursionId: number, depth: number): ObjectKey => ({
  bucket: BUCKETS.nodeAggregation,
  key: `aggregations_${batch}_${chainId}_${recursionId}_${depth}.bin`,
  fallback: `aggregations_${batch}_${recursionId}_${depth}.bin`,
});

export const schedulerWitnessKey = ({ batch, chainId }: BatchId): ObjectKey => ({
  bucket: BUCKETS.scheduler,
  key: `scheduler_witness_${batch}_${chainId}.bin`,
  fallback: `scheduler_witness_${batch}.bin`,
});

export const auxOutputKey = ({ batch, chainId }: BatchId): ObjectKey => ({
  bucket: BUCKETS.scheduler,
  key: `aux_output_witness_${batch}_${chainId}.bin`,
  fallback: `aux_output_witness_${batch}.bin`,
});

/** Proof of one prover job. */
export const proofKey = (jobId: number, chainId: number): ObjectKey => ({
  bucket: BUCKETS.proofs,
  key: `proof_${jobId}_${chainId}.bin`,
  fallback: `proof_${jobId}.bin`,
});

/** Final proof in the prover's store. */
export const proverFinalProofKey = ({ batch, chainId }: BatchId, version: ProtocolVersion): ObjectKey => ({
  bucket: BUCKETS.proofs,
  key: `l1_batch_proof_${batch}_${chainId}_${versionSuffix(version)}.cbor`,
});

/** Final proof in the core's store. */
export const coreFinalProofKey = (batch: number, version: ProtocolVersion): ObjectKey => ({
  bucket: BUCKETS.proofs,
  key: `l1_batch_proof_${batch}_${versionSuffix(version)}.cbor`,
});
