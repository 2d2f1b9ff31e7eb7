import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addGatewayRoutes } from '../../../systems/zksync/components/gateway/routes.ts';
import { createHttpServer } from '../../../systems/zksync/components/shared/http.ts';
import { loadConfig } from '../../../systems/zksync/protocol/config.ts';
import { findVersion } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { proverFinalProofKey, witnessInputKey } from '../../../systems/zksync/protocol/store/keys.ts';
import {
  getObject,
  type ObjectStore,
  openObjectStore,
  putObject,
} from '../../../systems/zksync/protocol/store/object-store.ts';
import { proofGenerationDataToJson } from '../../../systems/zksync/protocol/wire/gateway.ts';
import { encodeL1BatchProof, l1BatchProofToJson } from '../../../systems/zksync/protocol/wire/l1-batch-proof.ts';
import type { PlainObject } from '../../../systems/zksync/protocol/wire/plain.ts';
import { encodeWitnessInput } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';
import { sampleFinalProof, sampleRequest, sampleWitnessInput } from '../../fixtures/zksync-samples.ts';

const VERSION = { minor: 31, patch: 0 };
const log = pino({ level: 'silent' });
let postgres: TestPostgres;
let db: TestDatabase;
let dir: string;
let store: ObjectStore;
let app: ReturnType<typeof createHttpServer>;
let url: string;

beforeAll(async () => {
  postgres = await startPostgres();
  dir = await mkdtemp(join(tmpdir(), 'devkit-gateway-'));
});
afterAll(async () => {
  await app?.close();
  await db?.[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await app?.close();
  await db?.[Symbol.asyncDispose]();
  db = await postgres.proverDatabase();
  const cwd = await mkdtemp(join(dir, 'store-'));
  store = await openObjectStore(await fileBacked(), { cwd });
  app = createHttpServer(log);
  addGatewayRoutes(app, { pool: db.pool, store, log });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});

/** The defaults: a file-backed store. */
async function fileBacked() {
  await writeFile(join(dir, 'general.yaml'), '');
  return (await loadConfig({ configPath: join(dir, 'general.yaml') }, {})).coreObjectStore;
}

interface Answer {
  status: number;
  type: string;
  body: string;
}

async function post(path: string, payload: string | PlainObject, type = 'application/json'): Promise<Answer> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const answer = await fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body });
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', body: await answer.text() };
}

const submit = (payload: string | PlainObject, type?: string): Promise<Answer> =>
  post('/submit_request_for_proofs', payload, type);
const poll = (payload: string | PlainObject, type?: string): Promise<Answer> =>
  post('/poll_generated_proofs', payload, type);
const BATCH_ID = { l1_batch_id: { chain_id: 271, batch_number: 7 } };
const NULL_ANSWER = { status: 200, type: 'application/json', body: 'null' };

async function finishBatch(): Promise<void> {
  await submit(proofGenerationDataToJson(sampleRequest()));
  await db.pool.query(
    `INSERT INTO proof_compression_jobs_fri (l1_batch_number, chain_id, status, created_at, updated_at, protocol_version)
     VALUES (7, 271, 'successful', NOW(), NOW(), 31)`,
  );
}

describe('POST /submit_request_for_proofs', () => {
  test('stores the input under its key and answers null', async () => {
    expect(await submit(proofGenerationDataToJson(sampleRequest()))).toEqual(NULL_ANSWER);
    const stored = await getObject(store, witnessInputKey({ batch: 7, chainId: 271 }));
    expect(Buffer.compare(stored, encodeWitnessInput(sampleWitnessInput()))).toBe(0);
  });

  test('inserts the version and a queued job', async () => {
    await submit(proofGenerationDataToJson(sampleRequest()));
    const { snarkWrapperVkHash } = sampleRequest().l1VerifierConfig;
    expect(await findVersion(db.pool, VERSION)).toMatchObject({ snarkWrapperVkHash, fflonkSnarkWrapperVkHash: null });
    const { rows } = await db.pool.query('SELECT *, batch_sealed_at::text AS sealed FROM witness_inputs_fri');
    expect(rows).toMatchObject([
      {
        l1_batch_number: '7',
        chain_id: 271,
        status: 'queued',
        witness_inputs_blob_url: 'witness_inputs_7_271.cbor',
        sealed: '2026-01-02 03:04:05.678',
        protocol_version: 31,
        protocol_version_patch: 0,
      },
    ]);
  });

  test('is idempotent', async () => {
    const body = proofGenerationDataToJson(sampleRequest());
    await submit(body);
    expect(await submit(body)).toEqual(NULL_ANSWER);
    expect((await db.pool.query('SELECT * FROM witness_inputs_fri')).rowCount).toBe(1);
  });

  test('takes chain 0 when no chain is named', async () => {
    const { chain_id: _, ...body } = proofGenerationDataToJson(sampleRequest(7, 0));
    await submit(body);
    expect((await db.pool.query('SELECT chain_id FROM witness_inputs_fri')).rows).toEqual([{ chain_id: 0 }]);
  });

  test('takes bodies beyond the usual limits', async () => {
    const request = sampleRequest();
    request.witnessInputData.eip4844Blobs[0] = new Uint8Array(126_976).fill(200);
    request.witnessInputData.vmRunData.bootloaderCode = Array.from({ length: 20_000 }, () =>
      new Uint8Array(32).fill(255),
    );
    const body = JSON.stringify(proofGenerationDataToJson(request));
    expect(body.length).toBeGreaterThan(2 * 1024 * 1024);
    expect(await submit(body)).toEqual(NULL_ANSWER);
  });

  test.each<[string, number, (body: PlainObject) => PlainObject, RegExp]>([
    ['a missing field', 422, ({ protocol_version: _, ...rest }) => rest, /body\.protocol_version: missing/],
    [
      'another version form',
      422,
      (body) => ({ ...body, protocol_version: '1.2' }),
      /expected a version 0\.x\.y, found 1\.2/,
    ],
    [
      'a wrapper hash that is not 32 bytes',
      422,
      (body) => ({ ...body, l1_verifier_config: { snark_wrapper_vk_hash: '0x12' } }),
      /expected 0x and 64 hex digits/,
    ],
    ['a negative batch', 422, (body) => ({ ...body, l1_batch_number: -1 }), /body\.l1_batch_number/],
    ['an input of the upstream executor', 422, withoutDevkit, /executed by EraVM: use --variant upstream/],
  ])('refuses %s', async (_, status, change, text) => {
    const answer = await submit(change(proofGenerationDataToJson(sampleRequest())));
    expect(answer).toMatchObject({ status, type: 'text/plain; charset=utf-8', body: expect.stringMatching(text) });
    expect(answer.body).toMatch(/^Failed to deserialize the JSON body into the target type: /);
    expect((await db.pool.query('SELECT * FROM witness_inputs_fri')).rowCount).toBe(0);
  });

  test('names a store that cannot be written', async () => {
    await rm(store.location, { recursive: true });
    await writeFile(store.location, 'a file instead of a folder');
    const answer = await submit(proofGenerationDataToJson(sampleRequest()));
    expect(answer).toMatchObject({ status: 500, body: expect.stringMatching(/^GCS error: /) });
  });

  test('names a database that fails', async () => {
    await db.pool.query('ALTER TABLE witness_inputs_fri RENAME TO elsewhere');
    const answer = await submit(proofGenerationDataToJson(sampleRequest()));
    expect(answer).toMatchObject({
      status: 500,
      body: expect.stringMatching(/^Database query failed: .*witness_inputs_fri/),
    });
    await db.pool.query('ALTER TABLE elsewhere RENAME TO witness_inputs_fri');
  });
});

function withoutDevkit(body: PlainObject): PlainObject {
  const data = body.witness_input_data as Record<string, PlainObject>;
  const { devkit: _, ...vmRunData } = data.vm_run_data ?? {};
  return { ...body, witness_input_data: { ...data, vm_run_data: vmRunData } };
}

describe('POST /poll_generated_proofs', () => {
  test('answers null for an unknown batch', async () => {
    expect(await poll(BATCH_ID)).toEqual(NULL_ANSWER);
  });

  test('answers the proof once, untagged, and marks it sent', async () => {
    await finishBatch();
    await putObject(
      store,
      proverFinalProofKey({ batch: 7, chainId: 271 }, VERSION),
      encodeL1BatchProof(sampleFinalProof()),
    );
    const answer = await poll(BATCH_ID);
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(answer.body)).toEqual({ ...BATCH_ID, proof: l1BatchProofToJson(sampleFinalProof()) });
    const { rows } = await db.pool.query('SELECT status FROM proof_compression_jobs_fri');
    expect(rows).toEqual([{ status: 'sent_to_server' }]);
    expect(await poll(BATCH_ID)).toEqual(NULL_ANSWER);
  });

  test('does not answer for another chain', async () => {
    await finishBatch();
    expect(await poll({ l1_batch_id: { chain_id: 0, batch_number: 7 } })).toEqual(NULL_ANSWER);
  });

  test('keeps the proof on offer for a caller that went away before the answer', async () => {
    await finishBatch();
    await putObject(
      store,
      proverFinalProofKey({ batch: 7, chainId: 271 }, VERSION),
      encodeL1BatchProof(sampleFinalProof()),
    );
    const lock = await db.pool.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT 1 FROM proof_compression_jobs_fri FOR UPDATE');
    const gone = new AbortController();
    const asked = fetch(`${url}/poll_generated_proofs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(BATCH_ID),
      signal: gone.signal,
    });
    // the gateway now waits for the row, to mark it
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while ((await db.pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    gone.abort();
    await expect(asked).rejects.toThrow();
    await lock.query('COMMIT');
    lock.release();
    let answer = NULL_ANSWER;
    while (answer.body === 'null') answer = await poll(BATCH_ID);
    expect(JSON.parse(answer.body)).toMatchObject(BATCH_ID);
  });

  test('names a missing proof object and keeps the proof on offer', async () => {
    await finishBatch();
    expect(await poll(BATCH_ID)).toMatchObject({
      status: 500,
      body: expect.stringMatching(/^GCS error: key not found: proofs_fri\/l1_batch_proof_7_271_0_31_0\.cbor/),
    });
    const { rows } = await db.pool.query('SELECT status FROM proof_compression_jobs_fri');
    expect(rows).toEqual([{ status: 'successful' }]);
  });

  test('names a damaged proof object', async () => {
    await finishBatch();
    await putObject(store, proverFinalProofKey({ batch: 7, chainId: 271 }, VERSION), Buffer.from('xx'));
    expect(await poll(BATCH_ID)).toMatchObject({ status: 500, body: expect.stringMatching(/^GCS error: .*not CBOR/) });
  });
});

test.each([
  ['no JSON', '{', 'application/json', 400, /^Failed to parse the request body as JSON: /],
  ['an empty body', '', 'application/json', 400, /^Failed to parse the request body as JSON: /],
  ['another content type', '{}', 'text/plain', 415, /^Expected request with `Content-Type: application\/json`$/],
  ['another shape', '[]', 'application/json', 422, /body: expected a map$/],
])('both routes refuse %s', async (_, body, type, status, text) => {
  for (const send of [submit, poll]) {
    expect(await send(body, type)).toEqual({
      status,
      type: 'text/plain; charset=utf-8',
      body: expect.stringMatching(text),
    });
  }
});
