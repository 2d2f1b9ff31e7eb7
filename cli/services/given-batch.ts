/** A batch that came as a file (`insert-batch`), without a server: what it says about itself. */
import { join } from 'node:path';
import { openPoseidon2 } from '../../proving/poseidon2.ts';
import { createHasher } from '../../systems/zksync/protocol/batch/hash.ts';
import { planBasic } from '../../systems/zksync/protocol/batch/witness-plan.ts';
import { type ExpectedBatch, expectedFromWitness } from '../../systems/zksync/protocol/bundle/check.ts';
import { PROVER_PROTOCOL_VERSION } from '../../systems/zksync/protocol/ids.ts';
import { witnessInputKey } from '../../systems/zksync/protocol/store/keys.ts';
import { findObject, openObjectStore } from '../../systems/zksync/protocol/store/object-store.ts';
import { decodeWitnessInput } from '../../systems/zksync/protocol/wire/witness-input.ts';
import { DevkitError } from '../core/errors.ts';
import type { OpenDevnet } from './devnet.ts';

/** Undefined when there is no witness input of that number under chain 0. @throws DevkitError CONFIG_INVALID for a file that cannot be used */
export async function expectedOfGivenBatch(devnet: OpenDevnet, batch: number): Promise<ExpectedBatch | undefined> {
  const store = await openObjectStore(devnet.config.prover.objectStore, { cwd: devnet.ecosystem.paths.prover });
  const key = witnessInputKey({ batch, chainId: 0 });
  const bytes = await findObject(store, key);
  const path = join(store.location, key.bucket, key.fallback ?? key.key);
  if (bytes === undefined) return undefined;
  using poseidon2 = await openPoseidon2({});
  try {
    const { scheduler } = planBasic(createHasher(poseidon2), decodeWitnessInput(bytes, path));
    if (scheduler.batch_number !== batch) throw new Error(`${path} is of batch ${scheduler.batch_number}`);
    return expectedFromWitness(scheduler, PROVER_PROTOCOL_VERSION);
  } catch (cause) {
    throw new DevkitError(
      'CONFIG_INVALID',
      `the witness input of batch ${batch} cannot be used: ${(cause as Error).message}`,
      { hint: `put the right file at ${path}`, cause },
    );
  }
}
