/** Collects the proofs that a batch's final proof stands on. */
import type { ProofBlob } from '../workers/blobs.ts';

/** Longest way from the scheduler down to a base proof: tip, nodes of every depth, leaf, base. */
const MAX_DEPTH = 64;

/**
 * The proof and everything below it in walking order: each proof, then its children depth first, in their order.
 * `load` reads the proof of a prover job.
 */
export async function gatherProofs(top: ProofBlob, load: (jobId: number) => Promise<ProofBlob>): Promise<ProofBlob[]> {
  const walk = async (proof: ProofBlob, depth: number): Promise<ProofBlob[]> => {
    if (depth > MAX_DEPTH) throw new Error(`proofs are nested more than ${MAX_DEPTH} deep`);
    const below = await Promise.all(proof.children.map(async (id) => walk(await load(id), depth + 1)));
    return [proof, ...below.flat()];
  };
  return walk(top, 0);
}
