import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { poll } from '../../../lib/deadline.ts';
import type { ProofChecker } from '../../../systems/zksync/components/server/proofs/checker.ts';
import { externalApi } from '../../../systems/zksync/components/server/proofs/external-api.ts';
import { encodeProofFile } from '../../../systems/zksync/protocol/bundle/proof-file.ts';
import { batchHeader } from '../../../systems/zksync/protocol/core-db/batches.ts';
import { saveProofArtifact } from '../../../systems/zksync/protocol/core-db/proof-generation.ts';
import { type ObjectStore, openObjectStore } from '../../../systems/zksync/protocol/store/object-store.ts';
import { decodeWitnessInput } from '../../../systems/zksync/protocol/wire/witness-input.ts';
import { startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { include, signer } from './accounts.ts';
import { createChain, type DevChain, VERSION } from './devchain.ts';

const signal = new AbortController().signal;
const NO_FILE =
  'Invalid file: File not found in request. It was expected to be in the field proof with the content type application/octet-stream';
/** Decodes, but proves nothing. */
const file = encodeProofFile(
  {
    aggregation: 'linked',
    proofs: [
      { circuit: 'compressor', publicInputs: new Array<bigint>(12).fill(1n), children: 0, proof: new Uint8Array(64) },
    ],
  },
  VERSION,
);

let postgres: TestPostgres;
let chain: DevChain;
let store: ObjectStore;

beforeAll(async () => {
  postgres = await startPostgres();
  chain = await createChain(postgres);
  await using server = chain.start();
  await server.ready;
  await include(chain.api, [await signer(1).sign({ to: '0x00000000000000000000000000000000000000aa', value: 1n })]);
  await chain.api('devkit_sealBatch');
  await poll(async () => (await batchHeader(chain.pool, 1))?.commitment, { intervalMs: 20, signal });
  store = await openObjectStore({ mode: 'FileBacked', fileBackedBasePath: 'artifacts' } as never, { cwd: chain.dir });
});
afterAll(async () => {
  await chain?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

const api = (verdict: 'accepted' | 'rejected' = 'accepted') => {
  const checker: Pick<ProofChecker, 'check'> = { check: async () => ({ verdict, proofs: 1 }) };
  return externalApi({ pool: chain.pool, store, log: pino({ level: 'silent' }) }, checker, { signal });
};

async function upload(
  path: string,
  bytes: Uint8Array,
  part: { field?: string; type?: string; verdict?: 'accepted' | 'rejected' } = {},
) {
  const form = new FormData();
  const type = part.type ?? 'application/octet-stream';
  form.append(part.field ?? 'proof', new Blob([new Uint8Array(bytes)], { type }), 'proof.cbor');
  const request = new Request('http://test/', { method: 'POST', body: form });
  const answer = await api(part.verdict).inject({
    method: 'POST',
    url: path,
    headers: { 'content-type': request.headers.get('content-type')! },
    payload: Buffer.from(await request.arrayBuffer()),
  });
  return [answer.statusCode, answer.body];
}

test('a proof that the check accepts is answered with 200 and no body, under both names of the route', async () => {
  expect(await upload('/verify_proof/1', file)).toEqual([200, '']);
  expect(await upload('/verify_batch/1', file)).toEqual([200, '']);
});

test('a proof that the check rejects is answered with 400', async () => {
  expect(await upload('/verify_proof/1', file, { verdict: 'rejected' })).toEqual([400, 'Invalid proof submitted']);
});

test('an upload that cannot be decoded is answered with 400', async () => {
  const text = 'Processor error: Failed to deserialize proof data';
  expect(await upload('/verify_proof/1', file.subarray(0, 50))).toEqual([400, text]);
});

test('a missing, empty or wrongly typed part is answered with 400', async () => {
  expect(await upload('/verify_proof/1', file, { field: 'file' })).toEqual([400, NO_FILE]);
  expect(await upload('/verify_proof/1', new Uint8Array())).toEqual([400, NO_FILE]);
  expect(await upload('/verify_proof/1', file, { type: 'text/plain' })).toEqual([400, NO_FILE]);
});

test('an upload over the limit is answered with 400', async () => {
  const [status, text] = await upload('/verify_proof/1', new Uint8Array(2 * 1024 * 1024 + 1));
  expect(status).toBe(400);
  expect(text).toMatch(/^Invalid file: Multipart error: /);
});

test('the limit is of the whole upload, not of the file in it', async () => {
  const [status, text] = await upload('/verify_proof/1', new Uint8Array(2 * 1024 * 1024));
  expect(status).toBe(400);
  expect(text).toMatch(/^Invalid file: Multipart error: /);
});

test.each(['application/json', 'application/octet-stream', 'text/plain', 'multipart/form-data'])(
  'a body that is no form, of type %s, is answered with 400',
  async (type) => {
    const headers = { 'content-type': type };
    const answer = await api().inject({ method: 'POST', url: '/verify_proof/1', headers, payload: '{"proof":1}' });
    expect([answer.statusCode, answer.body.startsWith('Invalid file: Multipart error: ')]).toEqual([400, true]);
  },
);

test('the witness input of a batch is handed out as a file', async () => {
  const answer = await api().inject({ url: '/proof_generation_data/1' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="witness_inputs_1.cbor"',
  });
  expect(decodeWitnessInput(answer.rawPayload).vmRunData.devkit.batchNumber).toBe(1);
});

test.each([
  ['gzip', gunzipSync],
  ['zstd', zstdDecompressSync],
] as const)('hands the witness input out compressed with %s on request', async (name, decompress) => {
  const plain = await api().inject({ url: '/proof_generation_data/1' });
  const answer = await api().inject({ url: '/proof_generation_data/1', headers: { 'accept-encoding': `${name}, br` } });
  expect(answer.headers['content-encoding']).toBe(name);
  expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length);
  expect(decompress(answer.rawPayload).equals(plain.rawPayload)).toBe(true);
});

test('an unknown batch is a missing object, a batch that is no number a bad request', async () => {
  const unknown = await api().inject({ url: '/proof_generation_data/77' });
  expect([unknown.statusCode, unknown.body.startsWith('GCS error: key not found: ')]).toEqual([500, true]);
  expect((await api().inject({ url: '/proof_generation_data/x' })).statusCode).toBe(400);
});

test('the latest batch is the one that has a proof', async () => {
  const before = await api().inject({ url: '/proof_generation_data' });
  expect([before.statusCode, before.body]).toEqual([500, 'Internal error']);
  await writeFile(join(chain.dir, 'artifacts/proofs_fri/l1_batch_proof_1_0_31_0.cbor'), file);
  await saveProofArtifact(chain.pool, 1, 'l1_batch_proof_1_0_31_0.cbor');
  const after = await api().inject({ url: '/proof_generation_data' });
  expect(after.headers['content-disposition']).toContain('witness_inputs_1.cbor');
});
