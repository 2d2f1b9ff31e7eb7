/** How versions and batches enter the prover's database, and how its proofs leave it. */
import type { Pool } from 'pg';
import { inTransaction } from '../../../../lib/postgres.ts';
import { formatVersion, type ProtocolVersion } from '../ids.ts';
import { wordBytes } from '../wire/plain.ts';
import { notify, type Queryable } from './db.ts';
import { TABLES } from './jobs.ts';

export interface VersionRow {
  version: ProtocolVersion;
  snarkWrapperVkHash: bigint;
  fflonkSnarkWrapperVkHash: bigint | null;
}

/** A batch needs the row of its protocol version first (foreign key). */
export class UnknownVersionError extends Error {
  constructor(version: ProtocolVersion) {
    const text = formatVersion(version);
    super(`protocol version ${text} is not in the prover database: run \`devkit dev prover insert-version --default\``);
    this.name = 'UnknownVersionError';
  }
}

/** Does nothing when the version is there. True when the row is new. */
export async function insertVersion(db: Queryable, row: VersionRow): Promise<boolean> {
  const fflonk = row.fflonkSnarkWrapperVkHash;
  const result = await db.query(
    `INSERT INTO prover_fri_protocol_versions
       (id, protocol_version_patch, created_at, snark_wrapper_vk_hash, fflonk_snark_wrapper_vk_hash)
     VALUES ($1, $2, NOW(), $3, $4)
     ON CONFLICT (id, protocol_version_patch) DO NOTHING`,
    [
      row.version.minor,
      row.version.patch,
      Buffer.from(wordBytes(row.snarkWrapperVkHash)),
      fflonk === null ? null : Buffer.from(wordBytes(fflonk)),
    ],
  );
  if (result.rowCount === 1) await notify(db, 'prover_fri_protocol_versions');
  return result.rowCount === 1;
}

/** Newest first (highest minor, then patch). */
export async function listVersions(db: Queryable): Promise<VersionRow[]> {
  const { rows } = await db.query<{ id: number; patch: number; snark: Buffer; fflonk: Buffer | null }>(
    `SELECT id, protocol_version_patch AS patch, snark_wrapper_vk_hash AS snark, fflonk_snark_wrapper_vk_hash AS fflonk
     FROM prover_fri_protocol_versions ORDER BY id DESC, protocol_version_patch DESC`,
  );
  return rows.map(({ id, patch, snark, fflonk }) => ({
    version: { minor: id, patch },
    snarkWrapperVkHash: hashOf(snark),
    fflonkSnarkWrapperVkHash: fflonk === null ? null : hashOf(fflonk),
  }));
}

export async function findVersion(db: Queryable, version: ProtocolVersion): Promise<VersionRow | undefined> {
  const all = await listVersions(db);
  return all.find((row) => row.version.minor === version.minor && row.version.patch === version.patch);
}

/**
 * `inserted`; `exists`: the batch has a row already, under the chain ids given (a batch inserted by hand for chain 0 and
 * the same batch from the gateway would be proved twice).
 */
export type InsertBatchOutcome = { outcome: 'inserted' } | { outcome: 'exists'; chainIds: number[] };

export interface NewBatch {
  batch: number;
  /** 0 for the flow without a server. */
  chainId: number;
  version: ProtocolVersion;
}

/**
 * What `insert-batch` does: a queued round-0 job that sorts first (sealed at the Unix epoch); its witness input is read
 * from the object store when the job runs.
 * @throws UnknownVersionError
 */
export async function insertBatch(pool: Pool, { batch, chainId, version }: NewBatch): Promise<InsertBatchOutcome> {
  return await inTransaction(pool, async (db) => {
    // two inserts of one batch under different chain ids would not see each other otherwise
    await db.query('SELECT pg_advisory_xact_lock(7310002, $1)', [batch % 2 ** 31]);
    const present = await chainIdsOf(db, batch);
    if (present.length > 0) return { outcome: 'exists', chainIds: present };
    if (!(await findVersion(db, version))) throw new UnknownVersionError(version);
    await db.query(
      `INSERT INTO ${TABLES.basic} (l1_batch_number, chain_id, witness_inputs_blob_url, protocol_version,
         protocol_version_patch, status, created_at, updated_at, batch_sealed_at)
       VALUES ($1, $2, $3, $4, $5, 'queued', NOW(), NOW(), 'epoch')`,
      [batch, chainId, `witness_inputs_${batch}`, version.minor, version.patch],
    );
    await notify(db, TABLES.basic);
    return { outcome: 'inserted' };
  });
}

/** Chain ids under which a batch has a round-0 row, ascending. */
export async function chainIdsOf(db: Queryable, batch: number): Promise<number[]> {
  const { rows } = await db.query<{ chain_id: number }>(
    `SELECT chain_id FROM ${TABLES.basic} WHERE l1_batch_number = $1 ORDER BY chain_id`,
    [batch],
  );
  return rows.map((row) => row.chain_id);
}

/** Version that a batch's round-0 row was inserted under; empty without a row. */
export async function batchVersions(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<ProtocolVersion[]> {
  const { rows } = await db.query<ProtocolVersion>(
    `SELECT protocol_version AS minor, protocol_version_patch AS patch FROM ${TABLES.basic}
     WHERE l1_batch_number = $1 AND chain_id = $2`,
    [batch, chainId],
  );
  return rows;
}

/** What the gateway does with a request: version row and round-0 job, both only if absent. True when the job is new. */
export async function insertWitnessInput(
  pool: Pool,
  request: { batch: number; chainId: number; batchSealedAt: Date; witnessInputUrl: string; version: VersionRow },
): Promise<boolean> {
  return await inTransaction(pool, async (db) => {
    await insertVersion(db, request.version);
    const { minor, patch } = request.version.version;
    const result = await db.query(
      `INSERT INTO ${TABLES.basic} (l1_batch_number, chain_id, witness_inputs_blob_url, protocol_version,
         protocol_version_patch, status, created_at, updated_at, batch_sealed_at)
       VALUES ($1, $2, $3, $4, $5, 'queued', NOW(), NOW(), $6::timestamptz AT TIME ZONE 'UTC')
       ON CONFLICT (l1_batch_number, chain_id) DO NOTHING`,
      [request.batch, request.chainId, request.witnessInputUrl, minor, patch, request.batchSealedAt.toISOString()],
    );
    if (result.rowCount === 1) await notify(db, TABLES.basic);
    return result.rowCount === 1;
  });
}

/** Version of a batch whose proof is ready (`successful`, not yet sent). */
export async function findReadyProof(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<ProtocolVersion | undefined> {
  const { rows } = await db.query<{ minor: number; patch: number }>(
    `SELECT protocol_version AS minor, protocol_version_patch AS patch FROM ${TABLES.compression}
     WHERE l1_batch_number = $1 AND chain_id = $2 AND status = 'successful'`,
    [batch, chainId],
  );
  return rows[0];
}

export async function markSentToServer(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<void> {
  await db.query(
    `UPDATE ${TABLES.compression} SET status = 'sent_to_server', updated_at = NOW()
     WHERE l1_batch_number = $1 AND chain_id = $2`,
    [batch, chainId],
  );
  await notify(db, TABLES.compression);
}

/** Offers a proof again that the core took and lost. False when it was not `sent_to_server`. */
export async function offerProofAgain(
  db: Queryable,
  { batch, chainId }: { batch: number; chainId: number },
): Promise<boolean> {
  const result = await db.query(
    `UPDATE ${TABLES.compression} SET status = 'successful', updated_at = NOW()
     WHERE l1_batch_number = $1 AND chain_id = $2 AND status = 'sent_to_server'`,
    [batch, chainId],
  );
  await notify(db, TABLES.compression);
  return result.rowCount === 1;
}

const hashOf = (bytes: Buffer): bigint => (bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`));
