import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ObjectStoreConfig } from '../../../systems/zksync/protocol/config.ts';
import { BlobError, decodeBlob, encodeBlob } from '../../../systems/zksync/protocol/store/blobs.ts';
import { ALL_BUCKETS } from '../../../systems/zksync/protocol/store/buckets.ts';
import * as keys from '../../../systems/zksync/protocol/store/keys.ts';
import {
  getObject,
  ObjectNotFoundError,
  openObjectStore,
  putObject,
} from '../../../systems/zksync/protocol/store/object-store.ts';

const FILE_BACKED: ObjectStoreConfig = {
  mode: 'FileBacked',
  fileBackedBasePath: 'artifacts',
  bucketBaseUrl: undefined,
  credentialFilePath: undefined,
  endpoint: undefined,
  region: undefined,
  maxRetries: 5,
  localMirrorPath: undefined,
};

const batch = { batch: 12, chainId: 271 };
const version = { minor: 31, patch: 2 };

describe('object keys', () => {
  test.each([
    [keys.merklePathsKey(12), 'witness_inputs/merkle_tree_paths_12.cbor', undefined],
    [keys.vmRunDataKey(12), 'witness_inputs/vm_run_data_12.cbor', undefined],
    [keys.witnessInputKey(batch), 'witness_inputs/witness_inputs_12_271.cbor', 'witness_inputs_12.cbor'],
    [
      keys.circuitKey({ ...batch, sequence: 3, circuitId: 10, round: 0, depth: 0 }),
      'prover_jobs_fri/12_271_3_10_BasicCircuits_0.bin',
      '12_3_10_BasicCircuits_0.bin',
    ],
    [
      keys.circuitKey({ ...batch, sequence: 0, circuitId: 255, round: 3, depth: 0 }),
      'prover_jobs_fri/12_271_0_255_RecursionTip_0.bin',
      '12_0_255_RecursionTip_0.bin',
    ],
    [
      keys.closedFormInputsKey(batch, 9),
      'leaf_aggregation_witness_jobs_fri/closed_form_inputs_12_271_9.bin',
      'closed_form_inputs_12_9.bin',
    ],
    [
      keys.aggregationsKey(batch, 11, 1),
      'node_aggregation_witness_jobs_fri/aggregations_12_271_11_1.bin',
      'aggregations_12_11_1.bin',
    ],
    [
      keys.schedulerWitnessKey(batch),
      'scheduler_witness_jobs_fri/scheduler_witness_12_271.bin',
      'scheduler_witness_12.bin',
    ],
    [keys.auxOutputKey(batch), 'scheduler_witness_jobs_fri/aux_output_witness_12_271.bin', 'aux_output_witness_12.bin'],
    [keys.proofKey(99, 271), 'proofs_fri/proof_99_271.bin', 'proof_99.bin'],
    [keys.proverFinalProofKey(batch, version), 'proofs_fri/l1_batch_proof_12_271_0_31_2.cbor', undefined],
    [keys.coreFinalProofKey(12, version), 'proofs_fri/l1_batch_proof_12_0_31_2.cbor', undefined],
  ])('%#: %o', ({ bucket, key, fallback }, path, older) => {
    expect(`${bucket}/${key}`).toBe(path);
    expect(fallback).toBe(older);
  });
});

describe('file-backed object store', () => {
  let cwd: string;
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'devkit-store-'));
  });
  afterEach(() => rm(cwd, { recursive: true, force: true }));

  test('creates all folders, also those that upstream leaves out', async () => {
    await openObjectStore(FILE_BACKED, { cwd });
    expect((await readdir(join(cwd, 'artifacts'))).sort()).toEqual([...ALL_BUCKETS].sort());
    expect(ALL_BUCKETS).toContain('public_witness_inputs');
  });

  test('gives back what was put and leaves no temporary file', async () => {
    const store = await openObjectStore(FILE_BACKED, { cwd });
    await putObject(store, keys.proofKey(1, 271), Buffer.from('proof'));
    expect(Buffer.from(await getObject(store, keys.proofKey(1, 271))).toString()).toBe('proof');
    expect(await readdir(join(cwd, 'artifacts', 'proofs_fri'))).toEqual(['proof_1_271.bin']);
    expect(await store.list('proofs_fri')).toEqual(['proof_1_271.bin']);
  });

  test('reads an object under its older name', async () => {
    const store = await openObjectStore(FILE_BACKED, { cwd });
    await writeFile(join(store.location, 'witness_inputs', 'witness_inputs_12.cbor'), 'old');
    expect(Buffer.from(await getObject(store, keys.witnessInputKey(batch))).toString()).toBe('old');
  });

  test('names what is missing', async () => {
    const store = await openObjectStore(FILE_BACKED, { cwd });
    await expect(getObject(store, keys.witnessInputKey(batch))).rejects.toThrow(ObjectNotFoundError);
    await expect(getObject(store, keys.witnessInputKey(batch))).rejects.toThrow(
      /^key not found: witness_inputs\/witness_inputs_12_271.cbor/,
    );
  });

  test('refuses keys that leave the folder', async () => {
    const store = await openObjectStore(FILE_BACKED, { cwd });
    await expect(async () => store.put('proofs_fri', '../x', new Uint8Array())).rejects.toThrow('not an object key');
  });

  test('refuses other modes by name', async () => {
    await expect(openObjectStore({ ...FILE_BACKED, mode: 'GCS', bucketBaseUrl: 'gs://x' }, { cwd })).rejects.toThrow(
      /mode GCS is not supported/,
    );
  });
});

describe('blobs', () => {
  test('carry a header and give back their content', () => {
    const content = { circuit: 'vm', bytes: new Uint8Array([1, 2]), list: [1, 'a'] };
    expect(decodeBlob(encodeBlob('circuit', content), 'circuit', 'x.bin')).toEqual(content);
  });

  test.each([
    ['another kind', encodeBlob('proof', {}), /^x.bin: is a proof, expected a circuit/],
    ['a foreign file', Buffer.from('bincode'), /^x.bin: damaged, or not made by devkit/],
    ['a truncated blob', encodeBlob('circuit', { a: 1 }).subarray(0, 10), /^x.bin: damaged/],
  ])('refuse %s', (_, bytes, message) => {
    expect(() => decodeBlob(bytes, 'circuit', 'x.bin')).toThrow(BlobError);
    expect(() => decodeBlob(bytes, 'circuit', 'x.bin')).toThrow(message);
  });
});
