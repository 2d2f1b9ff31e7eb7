/** `devkit prover-cli <db> …` on a real database: what is printed, what is changed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pickCompressionJob } from '../../../systems/zksync/protocol/prover-db/pick.ts';
import { encodeBlob } from '../../../systems/zksync/protocol/store/blobs.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';
import { devkit, type Run } from '../../unit/cli/support.ts';
import { addCircuits, CHAIN, proveAll, rowsOf } from '../prover-db/helpers.ts';

let postgres: TestPostgres;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-prover-cli-'));
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const proverCli = (db: TestDatabase, line: string): Promise<Run> =>
  devkit(`prover-cli ${db.url} ${line}`, { cwd: dir });

const HASH = `0x${'1'.repeat(64)}`;

test('a version and a batch are inserted once, in this order', async () => {
  await using db = await postgres.proverDatabase();
  const batch = 'insert-batch --number=3 --version=31 --patch=0';
  expect(await proverCli(db, batch)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('insert-version') });
  const version = `insert-version --version=31 --patch=0 --snark-wrapper=${HASH} --fflonk-snark-wrapper=${HASH}`;
  expect(await proverCli(db, version)).toMatchObject({ exitCode: 0 });
  expect(await proverCli(db, batch)).toMatchObject({ exitCode: 0 });
  expect(await proverCli(db, batch)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('already') });
  expect(await rowsOf(db.pool, 'basic')).toMatchObject([
    { l1_batch_number: '3', chain_id: 0, witness_inputs_blob_url: 'witness_inputs_3', status: 'queued' },
  ]);
});

describe('status batch', () => {
  test('finds the rows under the chain id of the gateway, and says so of a batch that is not there', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    const { exitCode, stdout } = await proverCli(db, 'status batch -n 1 7');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`== Batch 1 Status ==\n> Chain id ${CHAIN}`);
    expect(stdout).toContain('Basic Witness Generator: Successful ✅\n> Prover Jobs: Queued 📥');
    expect(stdout).toContain('== Batch 7 Status ==\n> No batch found. 🚫');
  });

  test('the attempts in front of the command decide what is stuck', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'failed', attempts = 5 WHERE circuit_id = 9");
    const stuck = async (attempts: number): Promise<string> =>
      (await proverCli(db, `${attempts} status batch -n 1 --verbose`)).stdout;
    expect(await stuck(5)).toMatch(/> StorageFilter: Stuck ⛔️\n {5}- Prover Job: \d+ stuck after 5 attempts/);
    expect(await stuck(6)).not.toContain('Stuck');
  });
});

describe('requeue', () => {
  test('names every row that it queues again', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await db.pool.query("UPDATE prover_jobs_fri SET status = 'failed', attempts = 10 WHERE circuit_id = 9");
    const { stdout } = await proverCli(db, 'requeue --batch 1');
    expect(stdout).toMatch(
      /^Re-queuing prover job StuckJobs \{ id: \d+, status: "failed", attempts: 10, chain_id: 271 \} 🔁\n$/,
    );
    expect(new Set((await rowsOf(db.pool, 'prover')).map(({ status }) => status))).toEqual(new Set(['queued']));
  });

  test('says when there is nothing to queue', async () => {
    await using db = await postgres.proverDatabase();
    const { exitCode, stdout } = await proverCli(db, 'requeue -b 1 --max-attempts 2');
    expect([exitCode, stdout]).toEqual([0, 'batch 1 has no unfinished job with 2 attempts or more\n']);
  });
});

describe('restart', () => {
  test('a batch begins again with its first job', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    await proveAll(db.pool);
    expect(await proverCli(db, 'restart --batch 1')).toMatchObject({
      exitCode: 0,
      stdout: 'batch 1 is queued again\n',
    });
    expect(await rowsOf(db.pool, 'prover')).toEqual([]);
    expect(await rowsOf(db.pool, 'basic')).toMatchObject([{ status: 'queued' }]);
  });

  test('a batch or job that is not there is an error', async () => {
    await using db = await postgres.proverDatabase();
    expect(await proverCli(db, 'restart --batch 4')).toMatchObject({ exitCode: 2 });
    expect(await proverCli(db, 'restart --prover-job 4')).toMatchObject({ exitCode: 2 });
    expect(await proverCli(db, 'restart')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--batch') });
  });
});

describe('delete', () => {
  test('asks, so that without a terminal it needs --yes', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool);
    expect(await proverCli(db, 'delete --batch 1')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await rowsOf(db.pool, 'prover')).toHaveLength(3);
  });

  test('one batch, or everything with its versions', async () => {
    await using db = await postgres.proverDatabase();
    await addCircuits(db.pool, 1);
    await addCircuits(db.pool, 2);
    expect(await proverCli(db, 'delete --batch 1 --yes')).toMatchObject({ exitCode: 0 });
    expect((await rowsOf(db.pool, 'basic')).map(({ l1_batch_number }) => l1_batch_number)).toEqual(['2']);
    expect(await proverCli(db, 'delete --all --yes')).toMatchObject({ exitCode: 0 });
    expect((await db.pool.query('SELECT 1 FROM prover_fri_protocol_versions')).rowCount).toBe(0);
  });
});

test('stats has a line for each proven batch', async () => {
  await using db = await postgres.proverDatabase();
  await addCircuits(db.pool);
  await db.pool.query(
    `INSERT INTO proof_compression_jobs_fri (l1_batch_number, chain_id, status, created_at, updated_at, attempts, protocol_version,
       protocol_version_patch, fri_proof_blob_url, batch_sealed_at)
     VALUES (1, ${CHAIN}, 'queued', NOW(), NOW(), 0, 31, 0, 'p', NOW())`,
  );
  expect(await pickCompressionJob(db.pool, { version: { minor: 31, patch: 0 }, podName: 'p' })).toBeDefined();
  await db.pool.query(
    "UPDATE proof_compression_jobs_fri SET status = 'successful', processing_started_at = NOW(), updated_at = NOW() + interval '2 s'",
  );
  const { stdout } = await proverCli(db, 'stats --period week');
  expect(stdout).toMatch(/^Batch\tTime Taken\t\tCreated At\n1\t\d\d:\d\d:\d\d\t\t\d{4}-\d\d-\d\d/);
});

test('config remembers the database in a file that later commands read', async () => {
  await using db = await postgres.proverDatabase();
  const { stdout } = await devkit(`prover-cli config ${db.url}`, { cwd: dir });
  expect(stdout).toBe(`the database URL is in ${join(dir, 'etc/pliconfig')}\n`);
  expect(await devkit('prover-cli status batch -n 1', { cwd: dir })).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('No batch found'),
  });
});

test('file-info knows the blobs of the store, and refuses what is none', async () => {
  const file = join(dir, 'blob.bin');
  await writeFile(file, encodeBlob('proof', { circuit: 'vm', children: [1, 2] }));
  const { stdout } = await devkit(`prover-cli file-info --file-path ${file}`, { cwd: dir });
  expect(stdout).toContain(': blob: proof,');
  expect(stdout).toContain('  circuit: vm\n  children: 2 entries\n');
  await writeFile(file, 'text');
  expect(await devkit(`prover-cli get-file-info --file-path ${file}`, { cwd: dir })).toMatchObject({ exitCode: 2 });
});
