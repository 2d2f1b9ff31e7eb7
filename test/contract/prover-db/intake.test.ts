import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  chainIdsOf,
  findReadyProof,
  findVersion,
  insertBatch,
  insertVersion,
  insertWitnessInput,
  listVersions,
  markSentToServer,
  offerProofAgain,
  UnknownVersionError,
} from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { addVersion, CHAIN, rowsOf, VERSION } from './helpers.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const HASH = 0x14f97b81e54b35fe673d8708cc1a19e1ea5b5e348e12d31e39824ed4f42bbca2n;
const versionRow = { version: VERSION, snarkWrapperVkHash: HASH, fflonkSnarkWrapperVkHash: null };

describe('versions', () => {
  test('are inserted once and listed newest first', async () => {
    await using db = await postgres.proverDatabase();
    const older = { version: { minor: 29, patch: 4 }, snarkWrapperVkHash: 1n, fflonkSnarkWrapperVkHash: 2n };
    expect(await insertVersion(db.pool, older)).toBe(true);
    expect(await insertVersion(db.pool, versionRow)).toBe(true);
    expect(await insertVersion(db.pool, { ...versionRow, snarkWrapperVkHash: 9n })).toBe(false);
    expect(await listVersions(db.pool)).toEqual([versionRow, older]);
    expect(await findVersion(db.pool, { minor: 29, patch: 5 })).toBeUndefined();
  });

  test('keep the hash as 32 bytes', async () => {
    await using db = await postgres.proverDatabase();
    await insertVersion(db.pool, { ...versionRow, snarkWrapperVkHash: 7n });
    const { rows } = await db.pool.query(
      'SELECT encode(snark_wrapper_vk_hash, $1) AS hex FROM prover_fri_protocol_versions',
      ['hex'],
    );
    expect(rows).toEqual([{ hex: '7'.padStart(64, '0') }]);
  });
});

describe('insert-batch', () => {
  test('makes a queued job that sorts first, with the name of the file to read', async () => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    expect(await insertBatch(db.pool, { batch: 5, chainId: 0, version: VERSION })).toEqual({ outcome: 'inserted' });
    const { rows } = await db.pool.query('SELECT *, batch_sealed_at::text AS sealed FROM witness_inputs_fri');
    expect(rows).toMatchObject([
      {
        l1_batch_number: '5',
        chain_id: 0,
        status: 'queued',
        attempts: 0,
        witness_inputs_blob_url: 'witness_inputs_5',
        sealed: '1970-01-01 00:00:00',
      },
    ]);
  });

  test('before insert-version says what to run', async () => {
    await using db = await postgres.proverDatabase();
    const insert = (): Promise<unknown> => insertBatch(db.pool, { batch: 5, chainId: 0, version: VERSION });
    await expect(insert()).rejects.toThrow(UnknownVersionError);
    await expect(insert()).rejects.toThrow(/protocol version 0\.31\.0 is not in the prover database.*insert-version/);
  });

  test('refuses a batch that has a row under any chain id', async () => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    await insertBatch(db.pool, { batch: 5, chainId: CHAIN, version: VERSION });
    expect(await insertBatch(db.pool, { batch: 5, chainId: 0, version: VERSION })).toEqual({
      outcome: 'exists',
      chainIds: [CHAIN],
    });
    expect(await chainIdsOf(db.pool, 5)).toEqual([CHAIN]);
  });

  test('of two at once for different chains only one succeeds', async () => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    const outcomes = await Promise.all(
      [0, CHAIN].map((chainId) => insertBatch(db.pool, { batch: 5, chainId, version: VERSION })),
    );
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['exists', 'inserted']);
  });
});

describe('a batch from the gateway', () => {
  const request = {
    batch: 5,
    chainId: CHAIN,
    batchSealedAt: new Date('2026-03-04T05:06:07.890Z'),
    witnessInputUrl: 'witness_inputs_5_271.cbor',
    version: versionRow,
  };

  test('brings its version row and its seal time in UTC', async () => {
    await using db = await postgres.proverDatabase();
    expect(await insertWitnessInput(db.pool, request)).toBe(true);
    const { rows } = await db.pool.query('SELECT *, batch_sealed_at::text AS sealed FROM witness_inputs_fri');
    expect(rows).toMatchObject([
      {
        status: 'queued',
        sealed: '2026-03-04 05:06:07.89',
        witness_inputs_blob_url: 'witness_inputs_5_271.cbor',
        protocol_version: 31,
      },
    ]);
    expect(await listVersions(db.pool)).toEqual([versionRow]);
  });

  test('repeated changes nothing', async () => {
    await using db = await postgres.proverDatabase();
    await insertWitnessInput(db.pool, request);
    const before = await rowsOf(db.pool, 'basic');
    expect(await insertWitnessInput(db.pool, { ...request, witnessInputUrl: 'other' })).toBe(false);
    expect(await rowsOf(db.pool, 'basic')).toEqual(before);
  });
});

describe('a finished proof', () => {
  const id = { batch: 5, chainId: CHAIN };
  const add = (status: string): string =>
    `INSERT INTO proof_compression_jobs_fri (l1_batch_number, chain_id, status, created_at, updated_at, protocol_version)
     VALUES (5, ${CHAIN}, '${status}', NOW(), NOW(), 31)`;

  test.each(['queued', 'in_progress', 'failed', 'sent_to_server', 'skipped'])(
    'is not ready while %s',
    async (status) => {
      await using db = await postgres.proverDatabase();
      await addVersion(db.pool);
      await db.pool.query(add(status));
      expect(await findReadyProof(db.pool, id)).toBeUndefined();
    },
  );

  test('is handed out once, and again when an operator offers it again', async () => {
    await using db = await postgres.proverDatabase();
    await addVersion(db.pool);
    await db.pool.query(add('successful'));
    expect(await findReadyProof(db.pool, { ...id, chainId: 0 })).toBeUndefined();
    expect(await findReadyProof(db.pool, id)).toEqual(VERSION);
    await markSentToServer(db.pool, id);
    expect(await rowsOf(db.pool, 'compression')).toMatchObject([{ status: 'sent_to_server' }]);
    expect(await findReadyProof(db.pool, id)).toBeUndefined();
    expect(await offerProofAgain(db.pool, id)).toBe(true);
    expect(await offerProofAgain(db.pool, id)).toBe(false);
    expect(await findReadyProof(db.pool, id)).toEqual(VERSION);
  });
});
