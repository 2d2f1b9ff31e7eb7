/** Finished proofs of the round below, as the next round takes them. */
import type { ChildProof } from '../../protocol/batch/aggregation.ts';
import type { CircuitName } from '../../protocol/circuits.ts';
import type { Round } from '../../protocol/ids.ts';
import type { Queryable } from '../../protocol/prover-db/db.ts';
import { TABLES } from '../../protocol/prover-db/jobs.ts';
import { type BatchId, proofKey } from '../../protocol/store/keys.ts';
import type { ObjectStore } from '../../protocol/store/object-store.ts';
import { PROOF, readBlob } from './blobs.ts';

/** Which prover jobs of a batch. */
export interface ProofFilter extends BatchId {
  round: Round;
  circuitId?: number;
  depth?: number;
  /** Only the last node of each kind. */
  finalNodes?: boolean;
}

/** A child with the prover job that made it. */
export interface StoredChild extends ChildProof {
  jobId: number;
}

/** Fewer or more proofs in the rows than the row above was made for. */
export class ChildCountError extends Error {
  constructor(filter: ProofFilter, found: number, wanted: number) {
    const kind = filter.circuitId === undefined ? '' : `, circuit ${filter.circuitId}`;
    super(`batch ${filter.batch}: ${found} proofs of round ${filter.round}${kind}, ${wanted} are needed`);
    this.name = 'ChildCountError';
  }
}

/** Ids of the successful prover jobs, by circuit and place. */
export async function proofJobIds(db: Queryable, filter: ProofFilter): Promise<number[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT id FROM ${TABLES.prover}
     WHERE l1_batch_number = $1 AND chain_id = $2 AND aggregation_round = $3 AND status = 'successful'
       AND ($4::smallint IS NULL OR circuit_id = $4) AND ($5::integer IS NULL OR depth = $5)
       AND (NOT $6 OR is_node_final_proof)
     ORDER BY circuit_id, sequence_number`,
    [
      filter.batch,
      filter.chainId,
      filter.round,
      filter.circuitId ?? null,
      filter.depth ?? null,
      filter.finalNodes ?? false,
    ],
  );
  return rows.map((row) => Number(row.id));
}

/** The proof of one prover job. @throws ObjectNotFoundError, BlobError */
export async function readChild(store: ObjectStore, jobId: number, chainId: number): Promise<StoredChild> {
  const blob = await readBlob(store, proofKey(jobId, chainId), PROOF);
  return { jobId, circuit: blob.circuit as CircuitName, publicInputs: blob.publicInputs, proof: blob.proof };
}

/** All of them, in order. @throws ChildCountError, ObjectNotFoundError, BlobError */
export async function readChildren(
  db: Queryable,
  store: ObjectStore,
  filter: ProofFilter,
  wanted: number,
): Promise<StoredChild[]> {
  const ids = await proofJobIds(db, filter);
  if (ids.length !== wanted) throw new ChildCountError(filter, ids.length, wanted);
  return Promise.all(ids.map((id) => readChild(store, id, filter.chainId)));
}
