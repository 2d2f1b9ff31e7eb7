import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CIRCUIT,
  CLOSED_FORM_INPUTS,
  PROOF,
  readBlob,
  writeBlob,
} from '../../../systems/zksync/components/workers/blobs.ts';
import { encodeBlob } from '../../../systems/zksync/protocol/store/blobs.ts';
import { circuitKey, proofKey } from '../../../systems/zksync/protocol/store/keys.ts';
import { type ObjectStore, openObjectStore } from '../../../systems/zksync/protocol/store/object-store.ts';

let dir: string;
let store: ObjectStore;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-blobs-'));
  const none = { bucketBaseUrl: undefined, credentialFilePath: undefined, endpoint: undefined, region: undefined };
  const config = {
    mode: 'FileBacked' as const,
    fileBackedBasePath: 'artifacts',
    maxRetries: 1,
    localMirrorPath: undefined,
  };
  store = await openObjectStore({ ...config, ...none }, { cwd: dir });
});
afterAll(() => rm(dir, { recursive: true }));

const KEY = proofKey(7, 271);
const TOP = (1n << 253n) + 5n;

describe('blobs of the workers', () => {
  it('come back as they were written', async () => {
    const proof = { circuit: 'vm', publicInputs: [0n, TOP], proof: new Uint8Array([1, 2]), children: [4, 5] };
    expect(await writeBlob(store, KEY, PROOF, proof)).toBe('proof_7_271.bin');
    expect(await readBlob(store, KEY, PROOF)).toEqual(proof);
    const key = circuitKey({ batch: 1, chainId: 271, sequence: 0, circuitId: 9, round: 0, depth: 0 });
    const circuit = {
      circuit: 'storage_filter',
      inputs: { a: '0x01', b: [true, 3], c: { d: ['0x02'] } },
      children: [],
    };
    expect(await writeBlob(store, key, CIRCUIT, circuit)).toBe('1_271_0_9_BasicCircuits_0.bin');
    expect(await readBlob(store, key, CIRCUIT)).toEqual(circuit);
    const links = [{ sequence: 3, start: 1n, end: TOP }];
    await writeBlob(store, KEY, CLOSED_FORM_INPUTS, links);
    expect(await readBlob(store, KEY, CLOSED_FORM_INPUTS)).toEqual(links);
  });

  it('are refused when they are of another kind', async () => {
    await writeBlob(store, KEY, CLOSED_FORM_INPUTS, []);
    await expect(readBlob(store, KEY, PROOF)).rejects.toThrow(
      'proof_7_271.bin: is a closed_form_inputs, expected a proof',
    );
  });

  it('are refused when a field has another type', async () => {
    const content = { circuit: 'vm', public_inputs: [new Uint8Array(31)], proof: new Uint8Array(2), children: [] };
    await store.put(KEY.bucket, KEY.key, encodeBlob('proof', content));
    await expect(readBlob(store, KEY, PROOF)).rejects.toThrow('"public_inputs" is missing or not what it should be');
  });

  it('name the object that is missing', async () => {
    await expect(readBlob(store, proofKey(8, 271), PROOF)).rejects.toThrow('key not found: proofs_fri/proof_8_271.bin');
  });
});
