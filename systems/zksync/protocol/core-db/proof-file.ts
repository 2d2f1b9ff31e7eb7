/** The check of a whole final proof file: the bundle in it, and the few values beside the bundle. */
import { type BundleVerdict, type CheckContext, checkFinalProof } from '../bundle/check.ts';
import { type BundledProof, decodeFinalProof } from '../bundle/bundle.ts';
import { formatVersion } from '../ids.ts';
import { encodeCbor } from '../wire/cbor.ts';
import type { L1BatchProofForL1 } from '../wire/l1-batch-proof.ts';
import { wordBytes } from '../wire/plain.ts';

/** Bytes of the bundle in a proof file, as `decodeFinalProof` takes them. */
export const bundleBytes = (file: L1BatchProofForL1): Uint8Array => encodeCbor(file.schedulerProof);

/** The proof that L1 verifies. @throws FinalProofError */
export function compressorProof(file: L1BatchProofForL1): BundledProof {
  return decodeFinalProof(bundleBytes(file)).proofs[0]!;
}

const COORD_NAMES = ['messages hash', 'new root', 'keyset', 'links'] as const;

/**
 * Checks a decoded proof file against what the batch is known to be: protocol version, the four words, then the bundle.
 * Anything wrong with the file gives `rejected`; throws only for failures of this machine.
 */
export async function checkProofFile(file: L1BatchProofForL1, context: CheckContext): Promise<BundleVerdict> {
  const proofs = file.schedulerProof.proofs.length;
  const { expected, circuitSet } = context;
  const given = formatVersion(file.protocolVersion);
  const wanted = formatVersion(expected.version);
  if (given !== wanted) {
    return { verdict: 'rejected', reason: `the file names protocol version ${given}, the batch has ${wanted}`, proofs };
  }
  const links = file.schedulerProof.proofs[0]?.public_inputs[11];
  const words = [wordBytes(expected.messagesHash), wordBytes(expected.newRoot), wordBytes(circuitSet.keyset), links];
  const wrong = words.findIndex(
    (word, i) => word === undefined || Buffer.compare(word, file.aggregationResultCoords[i]!) !== 0,
  );
  if (wrong >= 0) {
    return { verdict: 'rejected', reason: `the file's ${COORD_NAMES[wrong]} is not the batch's`, proofs };
  }
  return checkFinalProof(bundleBytes(file), context);
}
