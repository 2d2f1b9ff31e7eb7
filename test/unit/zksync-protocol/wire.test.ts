import { describe, expect, test } from 'vitest';
import { decodeCbor, encodeCbor } from '../../../systems/zksync/protocol/wire/cbor.ts';
import {
  pollAnswerFromJson,
  pollAnswerToJson,
  pollRequestFromJson,
  proofGenerationDataFromJson,
  proofGenerationDataToJson,
} from '../../../systems/zksync/protocol/wire/gateway.ts';
import {
  decodeL1BatchProof,
  encodeL1BatchProof,
  l1BatchProofFromJson,
  l1BatchProofToJson,
} from '../../../systems/zksync/protocol/wire/l1-batch-proof.ts';
import type { PlainObject } from '../../../systems/zksync/protocol/wire/plain.ts';
import {
  decodeMerklePaths,
  decodeVmRunData,
  decodeWitnessInput,
  encodeMerklePaths,
  encodeVmRunData,
  encodeWitnessInput,
  NotDevkitWitnessError,
  witnessInputFromPlain,
  witnessInputToPlain,
} from '../../../systems/zksync/protocol/wire/witness-input.ts';
import {
  sampleFinalProof,
  sampleMerklePath,
  sampleRequest,
  sampleWitnessInput,
} from '../../fixtures/zksync-samples.ts';

/** What a JSON body becomes on its way. */
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('CBOR', () => {
  test('keeps the order of fields and uses the shortest definite forms', () => {
    const bytes = encodeCbor({ zz: 1, a: [0, 255, 'x'], b: null });
    expect(Buffer.from(bytes).toString('hex')).toBe('a3627a7a016161830018ff61786162f6');
  });

  test.each([
    ['bytes after the value', '0100'],
    ['an indefinite list', '9fff'],
    ['a longer integer than needed', '1801'],
    ['duplicate keys', 'a2616101616102'],
    ['a truncated map', 'a16161'],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeCbor(Buffer.from(hex, 'hex'), 'thing')).toThrow(/^thing: not CBOR/);
  });
});

describe('witness input', () => {
  test('survives CBOR with identical bytes', () => {
    const data = sampleWitnessInput();
    const bytes = encodeWitnessInput(data);
    const decoded = decodeWitnessInput(bytes);
    expect(decoded).toEqual(data);
    expect(Buffer.compare(encodeWitnessInput(decoded), bytes)).toBe(0);
  });

  test('survives JSON and gives the same CBOR afterwards', () => {
    const data = sampleWitnessInput();
    const decoded = witnessInputFromPlain(throughJson(witnessInputToPlain(data, 'json')));
    expect(Buffer.compare(encodeWitnessInput(decoded), encodeWitnessInput(data))).toBe(0);
  });

  test('has its parts in the core store under the same encoding', () => {
    const { merklePaths, vmRunData } = sampleWitnessInput();
    expect(decodeMerklePaths(encodeMerklePaths(merklePaths))).toEqual(merklePaths);
    expect(decodeVmRunData(encodeVmRunData(vmRunData))).toEqual(vmRunData);
  });

  test('writes hashes, numbers and versions as upstream does', () => {
    const plain = witnessInputToPlain(sampleWitnessInput(), 'cbor') as Record<string, PlainObject>;
    expect(plain.vm_run_data).toMatchObject({
      l1_batch_number: 7,
      protocol_version: 'Version31',
      default_account_code_hash: '0x100',
      initial_heap_content: [[3, '0xff']],
      witness_block_state: {
        read_storage_key: [
          [
            { account: { address: `0x${'8003'.padStart(40, '0')}` }, key: `0x${'5'.padStart(64, '0')}` },
            `0x${'6'.padStart(64, '0')}`,
          ],
        ],
      },
    });
    expect(Object.keys(plain.vm_run_data ?? {})).not.toContain('evm_emulator_code_hash');
    expect(plain.eip_4844_blobs).toEqual({ blobs: Array(16).fill(null) });
    const entry = (plain.merkle_paths?.merkle_paths as PlainObject[] | undefined)?.[0];
    expect(entry?.root_hash).toBeInstanceOf(Uint8Array);
    expect(entry?.value_written).toEqual([2, ...Array(30).fill(0), 2]);
  });

  test('writes bytes as numbers in JSON', () => {
    const plain = witnessInputToPlain(sampleWitnessInput(), 'json') as {
      merkle_paths: { merkle_paths: PlainObject[] };
    };
    expect(plain.merkle_paths.merkle_paths[0]?.root_hash).toEqual([1, ...Array(30).fill(0), 1]);
  });

  test('drops from later Merkle paths the prefix equal to the first', () => {
    const plain = witnessInputToPlain(sampleWitnessInput(), 'cbor') as {
      merkle_paths: { merkle_paths: PlainObject[] };
    };
    const lengths = plain.merkle_paths.merkle_paths.map((entry) => (entry.merkle_paths as unknown[]).length);
    expect(lengths).toEqual([4, 2, 0, 4]);
  });

  test('reads full Merkle paths too', () => {
    const paths = { merklePaths: [sampleMerklePath(1, [1n, 2n])], nextEnumerationIndex: 1 };
    const plain = decodeCbor(encodeMerklePaths(paths), 'paths') as { merkle_paths: PlainObject[] };
    plain.merkle_paths.push({ ...plain.merkle_paths[0] });
    expect(decodeMerklePaths(encodeCbor(plain)).merklePaths[1]?.merklePaths).toEqual([1n, 2n]);
  });

  test('refuses the file of the upstream executor by name', () => {
    const plain = witnessInputToPlain(sampleWitnessInput(), 'cbor') as Record<string, PlainObject>;
    const { devkit: _, ...vmRunData } = plain.vm_run_data ?? {};
    const upstream = encodeCbor({ ...plain, vm_run_data: vmRunData });
    expect(() => decodeWitnessInput(upstream)).toThrow(NotDevkitWitnessError);
    expect(() => decodeWitnessInput(upstream)).toThrow(/executed by EraVM: use --variant upstream/);
  });

  test('refuses a truncated file', () => {
    const bytes = encodeWitnessInput(sampleWitnessInput());
    expect(() => decodeWitnessInput(bytes.subarray(0, bytes.length - 1), 'witness_inputs_7.cbor')).toThrow(
      /^witness_inputs_7.cbor: not CBOR/,
    );
  });

  test('names the field that is wrong', () => {
    const plain = throughJson(witnessInputToPlain(sampleWitnessInput(), 'json')) as {
      vm_run_data: { devkit: { storage_logs: { key: unknown }[] } };
    };
    Object.assign(plain.vm_run_data.devkit.storage_logs[1] ?? {}, { key: '0x1' });
    expect(() => witnessInputFromPlain(plain)).toThrow(
      'witness input.vm_run_data.devkit.storage_logs[1].key: expected 0x and 64 hex digits',
    );
  });
});

describe('final proof', () => {
  test('survives CBOR with identical bytes', () => {
    const proof = sampleFinalProof();
    const bytes = encodeL1BatchProof(proof);
    expect(decodeL1BatchProof(bytes)).toEqual(proof);
    expect(Buffer.from(bytes.subarray(0, 14)).toString('latin1')).toBe('\xa1einner\xa1ePlonk');
  });

  test('survives untagged JSON with the same CBOR afterwards', () => {
    const json = throughJson(l1BatchProofToJson(sampleFinalProof())) as PlainObject;
    expect(Object.keys(json)).toEqual(['aggregation_result_coords', 'scheduler_proof', 'protocol_version']);
    expect(json.protocol_version).toBe('0.31.0');
    const bytes = encodeL1BatchProof(l1BatchProofFromJson(json));
    expect(Buffer.compare(bytes, encodeL1BatchProof(sampleFinalProof()))).toBe(0);
  });

  test('binds every byte: no flip decodes to the same proof', () => {
    const bytes = encodeL1BatchProof(sampleFinalProof());
    const same: number[] = [];
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      try {
        if (Buffer.compare(encodeL1BatchProof(decodeL1BatchProof(flipped)), bytes) === 0) same.push(at);
      } catch {
        // refused: bound as well
      }
    }
    expect(same).toEqual([]);
  });

  test.each([
    ['an unknown field', (inner: PlainObject) => ({ inner, extra: 1 })],
    ['another order of fields', (inner: PlainObject) => ({ inner: { Plonk: reversed(inner.Plonk as PlainObject) } })],
    [
      'an upstream proof',
      (inner: PlainObject) => ({ inner: { Plonk: { ...(inner.Plonk as PlainObject), scheduler_proof: { n: 1 } } } }),
    ],
    ['an fflonk proof', (inner: PlainObject) => ({ inner: { Fflonk: inner.Plonk } })],
  ])('refuses %s', (_, change) => {
    const { inner } = decodeCbor(encodeL1BatchProof(sampleFinalProof()), 'proof') as { inner: PlainObject };
    expect(() => decodeL1BatchProof(encodeCbor(change(inner)))).toThrow(/^proof file/);
  });
});

const reversed = (object: PlainObject): PlainObject => Object.fromEntries(Object.entries(object).reverse());

describe('gateway bodies', () => {
  const now = new Date('2026-05-05T00:00:00Z');

  test('a request survives JSON', () => {
    const request = sampleRequest();
    expect(proofGenerationDataFromJson(throughJson(proofGenerationDataToJson(request)), now)).toEqual(request);
  });

  test('has the fields of upstream', () => {
    expect(proofGenerationDataToJson(sampleRequest())).toMatchObject({
      l1_batch_number: 7,
      chain_id: 271,
      batch_sealed_at: '2026-01-02T03:04:05.678Z',
      protocol_version: '0.31.0',
      l1_verifier_config: {
        recursion_scheduler_level_vk_hash: `0xc8${'0'.repeat(60)}c8`,
        fflonk_snark_wrapper_vk_hash: null,
      },
    });
  });

  test('defaults chain id and seal time, and reads the newer name of the wrapper hash', () => {
    const { chain_id: _, batch_sealed_at: __, ...json } = proofGenerationDataToJson(sampleRequest());
    const body = { ...json, l1_verifier_config: { snark_wrapper_vk_hash: `0x${'0'.repeat(63)}5` } };
    expect(proofGenerationDataFromJson(throughJson(body), now)).toMatchObject({
      chainId: 0,
      batchSealedAt: now,
      l1VerifierConfig: { snarkWrapperVkHash: 5n, fflonkSnarkWrapperVkHash: null },
    });
  });

  test('refuses a seal time that is none', () => {
    const body = { ...proofGenerationDataToJson(sampleRequest()), batch_sealed_at: 'yesterday' };
    expect(() => proofGenerationDataFromJson(throughJson(body), now)).toThrow('body.batch_sealed_at');
  });

  test('a poll names batch and chain', () => {
    expect(pollRequestFromJson({ l1_batch_id: { chain_id: 271, batch_number: 7 } })).toEqual({
      chainId: 271,
      batchNumber: 7,
    });
  });

  test('an answer without a proof is null', () => {
    expect(pollAnswerToJson(undefined)).toBeNull();
    expect(pollAnswerFromJson(null)).toBeUndefined();
  });

  test('an answer with a proof survives JSON', () => {
    const answer = { l1BatchId: { chainId: 271, batchNumber: 7 }, proof: sampleFinalProof() };
    expect(pollAnswerFromJson(throughJson(pollAnswerToJson(answer)))).toEqual(answer);
  });
});
