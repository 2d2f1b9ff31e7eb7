/** Damaged copies of a final proof. A verifier that accepts one of them is broken. */

import type { BundledProof } from '../../systems/zksync/protocol/bundle/bundle.ts';
import { decodeProofFile, encodeProofFile } from '../../systems/zksync/protocol/bundle/proof-file.ts';
import { isBaseCircuit } from '../../systems/zksync/protocol/circuits.ts';

export interface BadCopy {
  name: string;
  bytes: Uint8Array;
}

type Change = (proofs: BundledProof[]) => BundledProof[];

/**
 * `linked`: one byte of the final proof, one byte of a basic proof, a basic proof replaced by a valid one of its kind, another
 * new root. `recursive` files have the final proof only, so two further changes of it take the place of those below it.
 */
export function badCopies(file: Uint8Array): BadCopy[] {
  const { final, protocolVersion } = decodeProofFile(file);
  const changes: [string, Change][] = [
    ['one byte of the final proof', (proofs) => replaceAt(proofs, 0, flipByte)],
    ['new root changed', (proofs) => replaceAt(proofs, 0, (proof) => changeInput(proof, NEW_ROOT))],
    ...(final.aggregation === 'linked' ? basicChanges(final.proofs) : finalChanges),
  ];
  return changes.map(([name, change]) => ({
    name,
    bytes: encodeProofFile({ ...final, proofs: change(final.proofs) }, protocolVersion),
  }));
}

/** Positions among the compressor's public inputs. */
const BATCH_NUMBER = 1;
const NEW_ROOT = 5;
const LINKS = 11;

const finalChanges: [string, Change][] = [
  ['batch number changed', (proofs) => replaceAt(proofs, 0, (proof) => changeInput(proof, BATCH_NUMBER))],
  ['links changed', (proofs) => replaceAt(proofs, 0, (proof) => changeInput(proof, LINKS))],
];

function basicChanges(proofs: readonly BundledProof[]): [string, Change][] {
  const { from, to, kind } = exchange(proofs);
  const first = proofs.findIndex(({ circuit }) => isBaseCircuit(circuit));
  return [
    ['one byte of a basic proof', (all) => replaceAt(all, first, flipByte)],
    [`a basic proof replaced by a valid one of ${kind}`, (all) => replaceAt(all, to, () => all[from]!)],
  ];
}

/** Two basic proofs with other public values: of one kind, or in a batch with one instance of each kind, of two kinds. */
function exchange(proofs: readonly BundledProof[]): { from: number; to: number; kind: string } {
  const basic = [...proofs.entries()].filter(([, { circuit }]) => isBaseCircuit(circuit));
  for (const [from, one] of basic) {
    const other = basic.find(
      ([at, { circuit, publicInputs }]) =>
        at > from && circuit === one.circuit && publicInputs[0] !== one.publicInputs[0],
    );
    if (other !== undefined) return { from, to: other[0], kind: 'its kind' };
  }
  return { from: basic[0]![0], to: basic[1]![0], kind: 'another kind' };
}

const replaceAt = (
  proofs: BundledProof[],
  index: number,
  change: (proof: BundledProof) => BundledProof,
): BundledProof[] => proofs.map((proof, at) => (at === index ? change(proof) : proof));

function flipByte(entry: BundledProof): BundledProof {
  const proof = Uint8Array.from(entry.proof);
  const at = proof.length >> 1;
  proof[at] = (proof[at] ?? 0) ^ 1;
  return { ...entry, proof };
}

const changeInput = (entry: BundledProof, index: number): BundledProof => ({
  ...entry,
  publicInputs: entry.publicInputs.map((value, at) => (at === index ? value + 1n : value)),
});
