/** Puts the proofs of a batch together, as the compressor does it from the store. */
import type { ChildProof } from '../../../systems/zksync/protocol/batch/aggregation.ts';
import type { BundledProof, FinalProof } from '../../../systems/zksync/protocol/bundle/bundle.ts';
import { arityOf } from '../../../systems/zksync/protocol/circuits.ts';
import { BASE_CIRCUIT_IDS, type BaseCircuitId } from '../../../systems/zksync/protocol/ids.ts';

/** All proofs of one kind, as the rounds made them. */
export interface KindProofs {
  circuitId: BaseCircuitId;
  /** In sequence order. */
  base: readonly ChildProof[];
  leaves: readonly ChildProof[];
  /** By depth, the level over the leaves first; the last level is one proof. */
  nodes: readonly (readonly ChildProof[])[];
}

export interface BatchProofs {
  compressor: ChildProof;
  scheduler: ChildProof;
  tip: ChildProof;
  /** In any order, one per kind. */
  kinds: readonly KindProofs[];
}

/** Final proof of `linked`: every proof of the batch in walking order. */
export function assembleFinalProof(proofs: BatchProofs): FinalProof {
  const listed: BundledProof[] = [
    { ...proofs.compressor, children: 1 },
    { ...proofs.scheduler, children: 1 },
    { ...proofs.tip, children: BASE_CIRCUIT_IDS.length },
  ];
  for (const id of BASE_CIRCUIT_IDS) {
    const kind = proofs.kinds.find((candidate) => candidate.circuitId === id);
    listed.push(...walkKind(kind!));
  }
  return { aggregation: 'linked', proofs: listed };
}

function walkKind(kind: KindProofs): BundledProof[] {
  const levels = [kind.base, kind.leaves, ...kind.nodes];
  // subtree of every proof of the level below
  let below: BundledProof[][] = kind.base.map((proof) => [{ ...proof, children: 0 }]);
  for (const [i, level] of levels.entries()) {
    if (i === 0) continue;
    const arity = arityOf('linked');
    const children = below;
    below = level.map((proof, at) => {
      const own = children.slice(at * arity, (at + 1) * arity);
      return [{ ...proof, children: own.length }, ...own.flat()];
    });
  }
  return below[0]!;
}
