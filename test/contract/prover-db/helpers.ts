/** Steps that several tests take. */
import type { Pool } from 'pg';
import { insertBatch, insertVersion } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import type { JobKind } from '../../../systems/zksync/protocol/prover-db/jobs.ts';
import { TABLES } from '../../../systems/zksync/protocol/prover-db/jobs.ts';
import { type Picker, pickBasicJob, pickProverJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { saveBasicResult, saveProof } from '../../../systems/zksync/protocol/prover-db/save.ts';

export const VERSION = { minor: 31, patch: 0 } as const;
export const CHAIN = 271;
export const picker = (podName = 'worker-1'): Picker => ({ version: VERSION, podName });

export async function addVersion(pool: Pool): Promise<void> {
  await insertVersion(pool, { version: VERSION, snarkWrapperVkHash: 5n, fflonkSnarkWrapperVkHash: null });
}

/** Version and a batch whose round-0 job is queued. */
export async function addBatch(pool: Pool, batch = 1, chainId = CHAIN): Promise<void> {
  await addVersion(pool);
  await insertBatch(pool, { batch, chainId, version: VERSION });
}

/** A batch whose round-0 circuits are queued: two VM, one StorageFilter. */
export async function addCircuits(pool: Pool, batch = 1, chainId = CHAIN): Promise<void> {
  await addBatch(pool, batch, chainId);
  const job = await pickBasicJob(pool, picker());
  if (!job) throw new Error('no basic job');
  await saveBasicResult(pool, job, {
    timeTakenMs: 1500,
    schedulerUrl: `scheduler_witness_${batch}_${chainId}.bin`,
    circuits: [
      { circuitId: 1, sequence: 0, blobUrl: 'vm-0' },
      { circuitId: 1, sequence: 1, blobUrl: 'vm-1' },
      { circuitId: 9, sequence: 2, blobUrl: 'filter-2' },
    ],
    leaf: [
      { circuitId: 1, count: 2, closedFormUrl: 'closed-1' },
      { circuitId: 9, count: 1, closedFormUrl: 'closed-9' },
    ],
  });
}

/** Proves everything that is queued; the number of proofs. */
export async function proveAll(pool: Pool): Promise<number> {
  for (let proved = 0; ; proved++) {
    const job = await pickProverJob(pool, picker());
    if (!job) return proved;
    await saveProof(pool, job, { proofBlobUrl: `proof_${job.id}.bin`, timeTakenMs: 20 });
  }
}

/** Rows of a table as they are, times as text. */
export async function rowsOf(pool: Pool, kind: JobKind, order = 'l1_batch_number'): Promise<Record<string, unknown>[]> {
  const { rows } = await pool.query(
    `SELECT *, updated_at::text AS updated_text FROM ${TABLES[kind]} ORDER BY ${order}`,
  );
  return rows;
}

/** Pretends that time has passed since the rows were touched. */
export async function age(pool: Pool, kind: JobKind, interval: string): Promise<void> {
  await pool.query(
    `UPDATE ${TABLES[kind]} SET processing_started_at = processing_started_at - $1::interval, updated_at = updated_at - $1::interval`,
    [interval],
  );
}
