import { batchHeader } from '../../../protocol/core-db/batches.ts';
import { merklePathsKey, vmRunDataKey } from '../../../protocol/store/keys.ts';
import { getObject } from '../../../protocol/store/object-store.ts';
import {
  decodeMerklePaths,
  decodeVmRunData,
  emptyBlobs,
  type WitnessInputData,
} from '../../../protocol/wire/witness-input.ts';
import type { ServerContext } from '../context.ts';

/** A batch has blobs but no metadata in the database. */
export class MissingMetadataError extends Error {
  override readonly name = 'MissingMetadataError';
}

/**
 * Puts the prover's input of a batch together from the two blobs and the metadata of the batch before it.
 * @throws ObjectNotFoundError, MissingMetadataError
 */
export async function loadWitnessInput(
  server: Pick<ServerContext, 'pool' | 'store'>,
  batch: number,
): Promise<WitnessInputData> {
  const [run, paths] = await Promise.all([
    getObject(server.store, vmRunDataKey(batch)),
    getObject(server.store, merklePathsKey(batch)),
  ]);
  const previous = await batchHeader(server.pool, batch - 1);
  if (previous?.root === undefined || previous.metaHash === undefined || previous.auxHash === undefined) {
    throw new MissingMetadataError(
      `batch ${batch - 1} has no metadata: is the server running with components tree and commitment_generator?`,
    );
  }
  return {
    vmRunData: decodeVmRunData(run, vmRunDataKey(batch).key),
    merklePaths: decodeMerklePaths(paths, merklePathsKey(batch).key),
    previousBatchMetadata: {
      rootHash: previous.root,
      metaHash: BigInt(previous.metaHash),
      auxHash: BigInt(previous.auxHash),
    },
    // a rollup in calldata: no blobs
    eip4844Blobs: emptyBlobs(),
  };
}
