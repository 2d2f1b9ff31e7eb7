/** The witness input of a batch: found, decoded, and checked to be the batch that the row names. */
import { join } from 'node:path';
import { formatVersion, type ProtocolVersion } from '../../protocol/ids.ts';
import { type BatchId, witnessInputKey } from '../../protocol/store/keys.ts';
import type { ObjectStore } from '../../protocol/store/object-store.ts';
import { decodeWitnessInput, type WitnessInputData } from '../../protocol/wire/witness-input.ts';
import { JobInputError } from '../workers/final.ts';

/**
 * Reads `witness_inputs_<n>_<C>.cbor` (or its older name).
 * @throws JobInputError when it is missing, or of another batch, chain or version; WireError when it is damaged; NotDevkitWitnessError
 * when EraVM made it
 */
export async function loadWitnessInput(
  store: ObjectStore,
  job: BatchId & { version: ProtocolVersion },
): Promise<{ input: WitnessInputData; path: string }> {
  const { bucket, key, fallback } = witnessInputKey(job);
  for (const name of fallback === undefined ? [key] : [key, fallback]) {
    const bytes = await store.get(bucket, name);
    if (bytes === undefined) continue;
    const path = join(store.location, bucket, name);
    const input = decodeWitnessInput(bytes, path);
    const problem = mismatch(input, job);
    if (problem !== undefined) throw new JobInputError(`${path}: ${problem}`);
    return { input, path };
  }
  throw new JobInputError(`there is no ${fallback ?? key} in ${join(store.location, bucket)}: put it there`);
}

/** Why the file is not the row's batch. A row of chain 0 (inserted by hand, its chain unknown) takes any chain. */
export function mismatch(input: WitnessInputData, job: BatchId & { version: ProtocolVersion }): string | undefined {
  const { devkit, l1BatchNumber, protocolVersion } = input.vmRunData;
  for (const number of [devkit.batchNumber, l1BatchNumber]) {
    if (number !== job.batch) return `it is the witness input of batch ${number}, not of batch ${job.batch}`;
  }
  if (job.chainId !== 0 && devkit.chainId !== job.chainId) {
    return `it is of chain ${devkit.chainId}, not of chain ${job.chainId}`;
  }
  if (protocolVersion !== job.version.minor) {
    return `it was made under protocol version ${protocolVersion}, the row says ${formatVersion(job.version)}`;
  }
  return undefined;
}
