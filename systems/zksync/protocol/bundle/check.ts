/** The verdict on a final proof. Keys come from the local set, expected values from the database or L1, never from the file. */

import { proofDefect } from '../../../../proving/bb/shape.ts';
import type { Bb } from '../../../../proving/bb.ts';
import { type BatchValues, batchFields, resultOf } from '../batch/batch-values.ts';
import { type Hasher, TAG } from '../batch/hash.ts';
import { BASE_CIRCUIT_LIST } from '../circuits.ts';
import { type ProtocolVersion, packVersion } from '../ids.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import { type BundledProof, decodeFinalProof, type FinalProof, FinalProofError } from './bundle.ts';
import { checkLinks } from './links.ts';
import { Rejection } from './rejection.ts';

/** What the batch is, known from elsewhere than the proof. */
export interface ExpectedBatch {
  chainId: number | bigint;
  batch: number | bigint;
  version: ProtocolVersion;
  oldRoot: bigint;
  oldNextIndex: number | bigint;
  newRoot: bigint;
  newNextIndex: number | bigint;
  /** D, SHA-256 over the batch's messages (64 bytes each). */
  messagesHash: bigint;
  records: number | bigint;
  messages: number | bigint;
}

export interface CheckContext {
  circuitSet: CircuitSet;
  hasher: Hasher;
  expected: ExpectedBatch;
  verify: Bb['verify'];
  signal?: AbortSignal;
  /** `bb verify` processes at a time; default 2. */
  jobs?: number;
}

export interface BundleVerdict {
  verdict: 'accepted' | 'rejected';
  /** Why it was rejected, in one line. */
  reason?: string;
  /** Proofs listed in the file. */
  proofs: number;
}

/**
 * Checks a final proof, as decoded or as bytes. Anything wrong with it gives `rejected`; throws only for failures of this machine
 * (bb does not run, aborted).
 */
export async function checkFinalProof(final: FinalProof | Uint8Array, context: CheckContext): Promise<BundleVerdict> {
  let proofs = 0;
  try {
    const decoded = final instanceof Uint8Array ? decodeFinalProof(final) : final;
    proofs = decoded.proofs.length;
    checkShape(decoded, context.circuitSet);
    checkExpected(decoded.proofs[0]!, context);
    if (decoded.aggregation === 'linked') checkLinks(decoded.proofs, namedBatch(context.expected), context);
    await verifyAll(decoded.proofs, context);
    return { verdict: 'accepted', proofs };
  } catch (error) {
    if (error instanceof Rejection || error instanceof FinalProofError) {
      return { verdict: 'rejected', reason: error.message, proofs };
    }
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

const FIELD_NAMES = [
  'chain id',
  'batch number',
  'protocol version',
  'old root',
  'old next index',
  'new root',
  'new next index',
  'messages hash (high half)',
  'messages hash (low half)',
  'record and message counts',
] as const;

function checkExpected(compressor: BundledProof, { circuitSet, hasher, expected }: CheckContext): void {
  for (const [i, value] of batchFields(namedBatch(expected)).entries()) {
    if (compressor.publicInputs[i] !== value) {
      throw new Rejection(
        `the proof is of another batch: ${FIELD_NAMES[i]} is ${compressor.publicInputs[i]}, expected ${value}`,
      );
    }
  }
  const hashes = BASE_CIRCUIT_LIST.map((name) => circuitSet.circuit(name).key.hash);
  const keyset = hasher.hash(TAG.keys, [...hashes, circuitSet.nodeKey]);
  if (compressor.publicInputs[10] !== keyset)
    throw new Rejection('the proof was made with other keys than the local ones');
}

async function verifyAll(proofs: readonly BundledProof[], context: CheckContext): Promise<void> {
  const queue = [...proofs.entries()];
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const [index, { circuit, publicInputs, proof }] = job;
      const { key } = context.circuitSet.circuit(circuit);
      const valid = await context.verify({
        proof: { bytes: proof, publicInputs },
        key,
        ...(context.signal && { signal: context.signal }),
      });
      if (!valid) {
        queue.length = 0;
        throw new Rejection(`proof ${index} (${circuit}) does not verify`);
      }
    }
  };
  await Promise.all(Array.from({ length: context.jobs ?? 2 }, worker));
}
