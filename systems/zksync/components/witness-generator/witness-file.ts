/** The witness input of a batch: found, decoded, and checked to be the batch that the row names. */
import { formatVersion, type ProtocolVersion } from '../../protocol/ids.ts';
import { type BatchId, witnessInputKey } from '../../protocol/store/keys.ts';
import { findObject, type ObjectStore } from '../../protocol/store/object-store.ts';
import { decodeWitnessInput, type WitnessInputData } from '../../protocol/wire/witness-input.ts';

/** The witness input cannot serve its row. One line: which file, what is wrong, what to do. */
export class WitnessFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WitnessFileError';
  }
}

/**
 * Reads `witness_inputs_<n>_<C>.cbor` (or its older name).
 * @throws WitnessFileError when it is missing, damaged, of another batch, chain or version; NotDevkitWitnessError when EraVM made it
 */
export async function loadWitnessInput(
  store: ObjectStore,
  job: BatchId & { version: ProtocolVersion },
): Promise<WitnessInputData> {
  const { bucket, key } = witnessInputKey(job);
  const bytes = await findObject(store, witnessInputKey(job));
  if (bytes === undefined) {
    throw new WitnessFileError(`${bucket}/${key} is not in ${store.location}: put the batch's witness input there`);
  }
  const input = decodeWitnessInput(bytes, key);
  const problem = mismatch(input, job);
  if (problem !== undefined) throw new WitnessFileError(`${key}: ${problem}`);
  return input;
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
