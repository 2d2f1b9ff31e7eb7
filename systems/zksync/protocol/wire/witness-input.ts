/**
 * `WitnessInputData` (upstream: core/lib/prover_interface/src/inputs.rs), the whole input of one batch, with the two
 * additions of the reference variant: `next_key` of each Merkle path and `vm_run_data.devkit`, the batch's records.
 */
import { decodeCbor, encodeCbor } from './cbor.ts';
import { merklePathsFromPlain, merklePathsToPlain, type WitnessInputMerklePaths } from './merkle-paths.ts';
import {
  asArray,
  asBytes,
  asHash,
  asObject,
  type Form,
  hashText,
  mapArray,
  member,
  type PlainObject,
  putNumbers,
  WireError,
} from './plain.ts';
import { type VmRunData, vmRunDataFromPlain, vmRunDataToPlain } from './vm-run-data.ts';

export type { MerklePathEntry, WitnessInputMerklePaths } from './merkle-paths.ts';
export type { DevkitMessage, DevkitRunData, DevkitStorageLog, VmRunData } from './vm-run-data.ts';
export { NotDevkitWitnessError } from './vm-run-data.ts';

/** Size of one EIP-4844 blob's payload: 31 × 4096 bytes. */
export const BLOB_BYTES = 126_976;
export const BLOBS_PER_BATCH = 16;

export interface BatchMetadataHashes {
  rootHash: bigint;
  metaHash: bigint;
  auxHash: bigint;
}

export interface WitnessInputData {
  vmRunData: VmRunData;
  merklePaths: WitnessInputMerklePaths;
  /** `rootHash` is the tree root before the batch. */
  previousBatchMetadata: BatchMetadataHashes;
  /** 16 entries, each null or `BLOB_BYTES` long. */
  eip4844Blobs: (Uint8Array | null)[];
}

export const emptyBlobs = (): null[] => new Array<null>(BLOBS_PER_BATCH).fill(null);

/** @throws WireError, NotDevkitWitnessError */
export function witnessInputFromPlain(value: unknown, where = 'witness input'): WitnessInputData {
  const top = asObject(value, where);
  // first, so that a file of the upstream executor is named as such, whatever else differs
  const vmRunData = vmRunDataFromPlain(member(top, 'vm_run_data', where), `${where}.vm_run_data`);
  const previous = asObject(member(top, 'previous_batch_metadata', where), `${where}.previous_batch_metadata`);
  const hash = (key: string): bigint =>
    asHash(member(previous, key, `${where}.previous_batch_metadata`), `${where}.previous_batch_metadata.${key}`);
  return {
    vmRunData,
    merklePaths: merklePathsFromPlain(member(top, 'merkle_paths', where), `${where}.merkle_paths`),
    previousBatchMetadata: { rootHash: hash('root_hash'), metaHash: hash('meta_hash'), auxHash: hash('aux_hash') },
    eip4844Blobs: blobsFromPlain(member(top, 'eip_4844_blobs', where), `${where}.eip_4844_blobs`),
  };
}

export function witnessInputToPlain(data: WitnessInputData, form: Form): PlainObject {
  const previous = data.previousBatchMetadata;
  return {
    vm_run_data: vmRunDataToPlain(data.vmRunData),
    merkle_paths: merklePathsToPlain(data.merklePaths, form),
    previous_batch_metadata: {
      root_hash: hashText(previous.rootHash),
      meta_hash: hashText(previous.metaHash),
      aux_hash: hashText(previous.auxHash),
    },
    eip_4844_blobs: { blobs: data.eip4844Blobs.map((blob) => (blob === null ? null : putNumbers(blob))) },
  };
}

/** Content of `witness_inputs_<n>[_<chain>].cbor`. */
export const encodeWitnessInput = (data: WitnessInputData): Uint8Array => encodeCbor(witnessInputToPlain(data, 'cbor'));

/** @throws WireError when damaged, NotDevkitWitnessError when another executor wrote it. */
export const decodeWitnessInput = (bytes: Uint8Array, what = 'witness input'): WitnessInputData =>
  witnessInputFromPlain(decodeCbor(bytes, what), what);

/** Content of `merkle_tree_paths_<n>.cbor` in the core store. */
export const encodeMerklePaths = (paths: WitnessInputMerklePaths): Uint8Array =>
  encodeCbor(merklePathsToPlain(paths, 'cbor'));
export const decodeMerklePaths = (bytes: Uint8Array, what = 'Merkle paths'): WitnessInputMerklePaths =>
  merklePathsFromPlain(decodeCbor(bytes, what), what);

/** Content of `vm_run_data_<n>.cbor` in the core store. */
export const encodeVmRunData = (data: VmRunData): Uint8Array => encodeCbor(vmRunDataToPlain(data));
export const decodeVmRunData = (bytes: Uint8Array, what = 'VM run data'): VmRunData =>
  vmRunDataFromPlain(decodeCbor(bytes, what), what);

function blobsFromPlain(value: unknown, where: string): (Uint8Array | null)[] {
  const list = asArray(member(asObject(value, where), 'blobs', where), `${where}.blobs`);
  if (list.length !== BLOBS_PER_BATCH) throw new WireError(`${where}.blobs`, `expected ${BLOBS_PER_BATCH} entries`);
  return mapArray(list, `${where}.blobs`, (entry, place) =>
    entry === null ? null : asBytes(entry, place, BLOB_BYTES),
  );
}
