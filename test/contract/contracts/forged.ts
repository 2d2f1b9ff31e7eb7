import type { Bb } from '../../../proving/bb.ts';
import { createBb } from '../../../proving/bb.ts';
import { DEV_CRS_ID } from '../../../proving/crs/dev.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { solveWitness } from '../../../proving/noir.ts';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import type { Proof } from '../../../proving/types.ts';
import { planCompressor } from '../../../systems/zksync/protocol/batch/aggregation.ts';
import { batchHash, batchValues } from '../../../systems/zksync/protocol/batch/batch-values.ts';
import { createHasher, fieldHex } from '../../../systems/zksync/protocol/batch/hash.ts';
import type { SchedulerPartialInput } from '../../../systems/zksync/protocol/batch/witness-plan.ts';
import { type ProtocolVersion, packVersion } from '../../../systems/zksync/protocol/ids.ts';
import { type CircuitSet, circuitSetOf } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';

/** Whatever somebody wants L1 to believe of a batch. */
export interface Claim {
  chainId: number;
  number: number;
  version: ProtocolVersion;
  oldRoot: bigint;
  oldNextIndex: number;
  newRoot: bigint;
  newNextIndex: number;
  messagesHash: bigint;
  records: number;
  messages: number;
}

export interface Forger {
  circuitSet: CircuitSet;
  bb: Bb;
  /** A valid compressor proof in `linked` mode for a claim under which there is no other proof at all. */
  forge(claim: Claim): Promise<Proof>;
}

/** What anybody can do in `linked` mode: the compressor alone says nothing about proofs below it. */
export async function openForger(cacheDir: string): Promise<Forger> {
  const circuits = await committedCircuits('linked', DEV_CRS_ID);
  if (!circuits) throw new Error('no committed keys of the linked circuits');
  const circuitSet = await circuitSetOf('linked', DEV_CRS_ID, circuits);
  const crs = await ensureCrs({ crs: 'dev', points: 1024, cacheDir });
  const bb = createBb({ crs, cacheDir });
  const forge = async (claim: Claim): Promise<Proof> => {
    using poseidon2 = await openPoseidon2({ backend: 'typescript' });
    const hasher = createHasher(poseidon2);
    const partial = partialOf(claim);
    const block = batchHash(hasher, {
      chainId: BigInt(claim.chainId),
      number: BigInt(claim.number),
      version: packVersion(claim.version),
      ...batchValues(partial),
    });
    const batch = { chainId: claim.chainId, batchNumber: claim.number, version: claim.version };
    const scheduler = {
      circuit: 'scheduler' as const,
      publicInputs: [circuitSet.keyset, block, 7n],
      proof: new Uint8Array(),
    };
    const { inputs } = planCompressor(hasher, circuitSet, partial, batch, scheduler);
    const { key, program } = circuitSet.circuit('compressor');
    return await bb.prove({ program, key, witness: await solveWitness(program, inputs), threads: 1 });
  };
  return { circuitSet, bb, forge };
}

function partialOf(claim: Claim): SchedulerPartialInput {
  const zero = fieldHex(0n);
  return {
    chain_id: claim.chainId,
    batch_number: claim.number,
    old_root: fieldHex(claim.oldRoot),
    old_next_index: claim.oldNextIndex,
    new_root: fieldHex(claim.newRoot),
    new_next_index: claim.newNextIndex,
    messages_hash: fieldHex(claim.messagesHash),
    records: claim.records,
    messages: claim.messages,
    log_queue: zero,
    sorted_queue: zero,
    message_queue: zero,
    product: zero,
    net_queue: zero,
    last_group: { key: zero, initial: zero, current: zero, index: 0, net_count: 0, has_group: false },
  };
}
