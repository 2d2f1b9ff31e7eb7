import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failedJobs } from '../../../systems/zksync/protocol/prover-db/failures.ts';
import { requeueStuckJobs } from '../../../systems/zksync/protocol/prover-db/monitor.ts';
import { pickBasicJob, pickProverJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import {
  releaseJob,
  saveBasicResult,
  saveFailure,
  saveProof,
} from '../../../systems/zksync/protocol/prover-db/save.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { addBatch, addCircuits, picker, proveAll, rowsOf } from './helpers.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

describe('exactly once', () => {
  test('a late worker whose job another one did writes nothing', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const late = (await pickProverJob(db.pool, picker('slow')))!;
    await requeueStuckJobs(db.pool, { prover: { timeoutMs: 0, maxAttempts: 5 } });
    const again = (await pickProverJob(db.pool, picker('fast')))!;
    expect(again.id).toBe(late.id);
    expect(await saveProof(db.pool, late, { proofBlobUrl: 'late', timeTakenMs: 1 })).toBe(false);
    expect(await saveProof(db.pool, again, { proofBlobUrl: 'fast', timeTakenMs: 1 })).toBe(true);
    expect(await saveProof(db.pool, late, { proofBlobUrl: 'late', timeTakenMs: 1 })).toBe(false);
    expect((await rowsOf(db.pool, 'prover', 'id'))[0]).toMatchObject({
      status: 'successful',
      proof_blob_url: 'fast',
      picked_by: 'fast',
    });
  });

  test('the same worker cannot save an old claim on a job it picked again', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    const first = (await pickBasicJob(db.pool, picker()))!;
    await releaseJob(db.pool, first);
    const second = (await pickBasicJob(db.pool, picker()))!;
    expect(second.attempt).toBe(first.attempt);
    const result = { timeTakenMs: 1, schedulerUrl: 's', circuits: [], leaf: [] };
    expect(await saveBasicResult(db.pool, first, result)).toBe(false);
    expect(await rowsOf(db.pool, 'tip')).toEqual([]);
    expect(await saveBasicResult(db.pool, second, result)).toBe(true);
  });

  test('two saves of one claim: the second writes nothing', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    const save = (): Promise<boolean> => saveProof(db.pool, job, { proofBlobUrl: 'p', timeTakenMs: 1 });
    expect((await Promise.all([save(), save(), save()])).filter(Boolean)).toHaveLength(1);
  });

  test('a save is all or nothing', async () => {
    await using db = await postgres.proverDatabase();
    await addBatch(db.pool);
    const job = (await pickBasicJob(db.pool, picker()))!;
    const broken = [{ circuitId: 99_999, sequence: 0, blobUrl: 'x' }];
    await expect(
      saveBasicResult(db.pool, job, { timeTakenMs: 1, schedulerUrl: 's', circuits: broken, leaf: [] }),
    ).rejects.toThrow();
    expect(await rowsOf(db.pool, 'basic')).toMatchObject([{ status: 'in_progress' }]);
    expect(await rowsOf(db.pool, 'prover')).toEqual([]);
  });

  test('rows that are there already only get a new time', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await proveAll(db.pool);
    const before = await rowsOf(db.pool, 'prover', 'id');
    await db.pool.query("UPDATE witness_inputs_fri SET status = 'queued'");
    await addCircuits(db.pool);
    const after = await rowsOf(db.pool, 'prover', 'id');
    expect(after.map(({ id, status, proof_blob_url }) => [id, status, proof_blob_url])).toEqual(
      before.map(({ id, status, proof_blob_url }) => [id, status, proof_blob_url]),
    );
    expect(after.map((row) => row.updated_text)).not.toEqual(before.map((row) => row.updated_text));
  });
});

describe('failure and release', () => {
  test('a failure keeps the attempt and says why', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    expect(await saveFailure(db.pool, job, 'witness unsatisfied')).toBe(true);
    expect((await rowsOf(db.pool, 'prover', 'id'))[0]).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: 'witness unsatisfied',
    });
  });

  test('a failure for good uses up all attempts, so that no job monitor queues it again', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    expect(await saveFailure(db.pool, job, 'bad input', { maxAttempts: 5 })).toBe(true);
    expect((await rowsOf(db.pool, 'prover', 'id'))[0]).toMatchObject({ status: 'failed', attempts: 5 });
    expect(await requeueStuckJobs(db.pool, { prover: { timeoutMs: 0, maxAttempts: 5 } })).toEqual([]);
    const [failed] = await failedJobs(db.pool, { batch: job.batch, chainId: job.chainId });
    expect(failed).toMatchObject({ error: 'bad input', final: true });
  });

  test('a failure does not overwrite a success', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    await saveProof(db.pool, job, { proofBlobUrl: 'p', timeTakenMs: 1 });
    expect(await saveFailure(db.pool, job, 'too late')).toBe(false);
    expect((await rowsOf(db.pool, 'prover', 'id'))[0]).toMatchObject({ status: 'successful', error: null });
  });

  test('a released job is queued with its attempt taken back', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const job = (await pickProverJob(db.pool, picker()))!;
    expect(await releaseJob(db.pool, job)).toBe(true);
    expect((await rowsOf(db.pool, 'prover', 'id'))[0]).toMatchObject({
      status: 'queued',
      attempts: 0,
      picked_by: null,
    });
  });
});
