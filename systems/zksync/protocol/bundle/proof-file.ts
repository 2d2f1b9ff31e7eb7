/**
 * The final proof file (`l1_batch_proof_….cbor`): upstream's outer shape around our bundle. The one place that goes between
 * `L1BatchProofForL1` (wire) and `FinalProof` (what is checked), so that every byte of the file is bound by the check.
 */
import { FIELD_SIZE } from '../batch/hash.ts';
import { type CircuitName, circuitNames } from '../circuits.ts';
import { formatVersion, type ProtocolVersion } from '../ids.ts';
import { decodeL1BatchProof, encodeL1BatchProof, type L1BatchProofForL1 } from '../wire/l1-batch-proof.ts';
import { bytesToBigint, WireError, wordBytes } from '../wire/plain.ts';
import type { BundledProof, FinalProof } from './bundle.ts';
import { type BundleVerdict, type CheckContext, checkFinalProof } from './check.ts';

/** The file has the shape of a final proof, but cannot be one. */
export class FinalProofError extends Error {
  constructor(message: string) {
    super(`not a final proof: ${message}`);
    this.name = 'FinalProofError';
  }
}

/** Positions of messages hash (two halves), new root, keyset and links among the compressor's public inputs. */
const INPUT = { newRoot: 5, messagesHi: 7, messagesLo: 8, keyset: 10, links: 11 } as const;

/** Upstream's four aggregation coordinates; ours are messages hash, new root, keyset, links (32 bytes each). */
function aggregationCoords(compressor: Pick<BundledProof, 'publicInputs'>): Uint8Array[] {
  const input = (index: number): bigint => compressor.publicInputs[index] ?? 0n;
  // halves of a proof that is to be rejected may be too large
  const messagesHash = BigInt.asUintN(256, (input(INPUT.messagesHi) << 128n) + input(INPUT.messagesLo));
  return [messagesHash, input(INPUT.newRoot), input(INPUT.keyset), input(INPUT.links)].map(wordBytes);
}

/** The proof of a batch as it is stored and sent. */
function toL1BatchProof(final: FinalProof, protocolVersion: ProtocolVersion): L1BatchProofForL1 {
  return {
    aggregationResultCoords: aggregationCoords(final.proofs[0]!),
    schedulerProof: {
      format: 'devkit',
      version: 1,
      kind: 'final_proof',
      aggregation: final.aggregation,
      proofs: final.proofs.map(({ circuit, publicInputs, children, proof }) => ({
        circuit,
        public_inputs: publicInputs.map(wordBytes),
        children,
        proof,
      })),
    },
    protocolVersion,
  };
}

/** Gives circuits and public inputs their meaning; the shape is checked by the wire. @throws FinalProofError */
function fromL1BatchProof({ schedulerProof: { aggregation, proofs } }: L1BatchProofForL1): FinalProof {
  if (proofs.length === 0) throw new FinalProofError('no proofs in it');
  const names: readonly string[] = circuitNames(aggregation);
  return {
    aggregation,
    proofs: proofs.map(({ circuit, public_inputs: words, children, proof }, index) => {
      if (!names.includes(circuit)) throw new FinalProofError(`proof ${index}: circuit ${circuit}`);
      const publicInputs = words.map(bytesToBigint);
      if (publicInputs.some((value) => value >= FIELD_SIZE)) {
        throw new FinalProofError(`proof ${index}: public input beyond the field`);
      }
      return { circuit: circuit as CircuitName, publicInputs, children, proof };
    }),
  };
}

export const encodeProofFile = (final: FinalProof, version: ProtocolVersion): Uint8Array =>
  encodeL1BatchProof(toL1BatchProof(final, version));

/** @throws WireError, FinalProofError when the bytes are not exactly what `encodeProofFile` writes */
export function decodeProofFile(bytes: Uint8Array): { final: FinalProof; protocolVersion: ProtocolVersion } {
  const proof = decodeL1BatchProof(bytes);
  const final = fromL1BatchProof(proof);
  if (Buffer.compare(encodeProofFile(final, proof.protocolVersion), bytes) !== 0) {
    throw new FinalProofError('the aggregation coordinates are not those of the proof');
  }
  return { final, protocolVersion: proof.protocolVersion };
}

/** The verdict on a proof file; an undecodable one is rejected. Throws only for failures of this machine. */
export async function checkProofFile(bytes: Uint8Array, context: CheckContext): Promise<BundleVerdict> {
  let decoded: ReturnType<typeof decodeProofFile>;
  try {
    decoded = decodeProofFile(bytes);
  } catch (error) {
    if (error instanceof WireError || error instanceof FinalProofError)
      return { verdict: 'rejected', reason: error.message, proofs: 0 };
    throw error;
  }
  const expected = formatVersion(context.expected.version);
  const found = formatVersion(decoded.protocolVersion);
  if (found !== expected) {
    return {
      verdict: 'rejected',
      reason: `protocol version ${found}, expected ${expected}`,
      proofs: decoded.final.proofs.length,
    };
  }
  return checkFinalProof(decoded.final, context);
}
