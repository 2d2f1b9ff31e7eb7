/** The verdict on a final proof. Keys come from the local set, expected values from the database or L1, never from the file. */

import { proofDefect } from '../../../../proving/bb/shape.ts';
import type { Bb } from '../../../../proving/bb.ts';
import { type BatchValues, batchFields, resultOf } from '../batch/batch-values.ts';
import type { Hasher } from '../batch/hash.ts';
import type { SchedulerPartialInput } from '../batch/witness-plan.ts';
import { type ProtocolVersion, packVersion } from '../ids.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import { PUBLIC_INPUT_NAMES } from '../l1/rollup-abi.ts';
import type { BundledProof, FinalProof } from './bundle.ts';
import { checkLinks } from './links.ts';
import { Rejection } from './rejection.ts';

/** What the batch is, known from elsewhere than the proof. */
export interface ExpectedBatch {
  chainId: number;
  batch: number;
  version: ProtocolVersion;
  oldRoot: bigint;
  oldNextIndex: number;
  newRoot: bigint;
  newNextIndex: number;
  /** D, SHA-256 over the batch's messages (64 bytes each). */
  messagesHash: bigint;
  records: number;
  messages: number;
}

/** What the witness input itself says of its batch; for a batch that no database knows. */
export function expectedFromWitness(partial: SchedulerPartialInput, version: ProtocolVersion): ExpectedBatch {
  return {
    chainId: partial.chain_id,
    batch: partial.batch_number,
    version,
    oldRoot: BigInt(partial.old_root),
    oldNextIndex: partial.old_next_index,
    newRoot: BigInt(partial.new_root),
    newNextIndex: partial.new_next_index,
    messagesHash: BigInt(partial.messages_hash),
    records: partial.records,
    messages: partial.messages,
  };
}

export interface CheckContext {
  circuitSet: CircuitSet;
  hasher: Hasher;
  expected: ExpectedBatch;
  verify: Bb['verify'];
  signal?: AbortSignal;
}

export interface BundleVerdict {
  verdict: 'accepted' | 'rejected';
  /** Why it was rejected, in one line. */
  reason?: string;
  /** Proofs listed in the file. */
  proofs: number;
}

/**
 * Checks a final proof. Anything wrong with it gives `rejected`; throws only for failures of this machine (bb does not run, aborted).
 */
export async function checkFinalProof(final: FinalProof, context: CheckContext): Promise<BundleVerdict> {
  const proofs = final.proofs.length;
  try {
    checkShape(final, context.circuitSet);
    checkExpected(final.proofs[0]!, context);
    if (final.aggregation === 'linked') checkLinks(final.proofs, namedBatch(context.expected), context);
    await verifyAll(final.proofs, context);
    return { verdict: 'accepted', proofs };
  } catch (error) {
    if (error instanceof Rejection) return { verdict: 'rejected', reason: error.message, proofs };
    throw error;
  }
}

/** The batch as the compressor's first ten public inputs have it. */
export const namedBatch = (expected: ExpectedBatch): BatchValues => ({
  chainId: BigInt(expected.chainId),
  number: BigInt(expected.batch),
  version: packVersion(expected.version),
  ...resultOf(expected),
});

function checkShape(final: FinalProof, set: CircuitSet): void {
  if (final.aggregation !== set.aggregation) {
    throw new Rejection(`the proof is ${final.aggregation}, the local keys are ${set.aggregation}`);
  }
  if (final.proofs[0]?.circuit !== 'compressor') throw new Rejection('the first proof is not the compressor');
  if (final.aggregation === 'recursive' && (final.proofs.length !== 1 || final.proofs[0].children !== 0)) {
    throw new Rejection('a recursive final proof is one proof');
  }
  for (const [index, { circuit, publicInputs, proof }] of final.proofs.entries()) {
    const defect = proofDefect({ bytes: proof, publicInputs }, set.circuit(circuit).key);
    if (defect !== undefined) throw new Rejection(`proof ${index} (${circuit}): ${defect}`);
  }
}

function checkExpected(compressor: BundledProof, { circuitSet, expected }: CheckContext): void {
  for (const [i, value] of batchFields(namedBatch(expected)).entries()) {
    if (compressor.publicInputs[i] !== value) {
      throw new Rejection(
        `the proof is of another batch: ${PUBLIC_INPUT_NAMES[i]} is ${compressor.publicInputs[i]}, expected ${value}`,
      );
    }
  }
  if (compressor.publicInputs[10] !== circuitSet.keyset) {
    throw new Rejection('the proof was made with other keys than the local ones');
  }
}

/** `bb verify` processes at a time. */
const JOBS = 2;

async function verifyAll(proofs: readonly BundledProof[], context: CheckContext): Promise<void> {
  const { circuitSet, verify, signal } = context;
  const queue = [...proofs.entries()];
  const worker = async (): Promise<void> => {
    try {
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        const [index, { circuit, publicInputs, proof }] = job;
        const { key } = circuitSet.circuit(circuit);
        const valid = await verify({ proof: { bytes: proof, publicInputs }, key, ...(signal && { signal }) });
        if (!valid) throw new Rejection(`proof ${index} (${circuit}) does not verify`);
      }
    } finally {
      queue.length = 0; // after a rejection or a failure the other worker takes no more
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
}
