/** How often a job of each kind may be tried. */
import type { ZksyncConfig } from '../config.ts';
import type { JobKind } from './jobs.ts';

type Limits = Pick<ZksyncConfig, 'witnessGenerator' | 'prover' | 'proofCompressor'>;

export function maxAttempts({ witnessGenerator, prover, proofCompressor }: Limits): Record<JobKind, number> {
  const witness = witnessGenerator.maxAttempts;
  return {
    basic: witness,
    leaf: witness,
    node: witness,
    tip: witness,
    scheduler: witness,
    prover: prover.maxAttempts,
    compression: proofCompressor.maxAttempts,
  };
}
