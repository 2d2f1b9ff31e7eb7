import { resolve } from 'node:path';
import { cacheDir } from '../../../../../lib/cache-dir.ts';
import { createBb } from '../../../../../proving/bb.ts';
import { ensureCrs } from '../../../../../proving/crs.ts';
import type { BundleVerdict } from '../../../protocol/bundle/check.ts';
import { checkProofFile } from '../../../protocol/bundle/proof-file.ts';
import { expectedBatch } from '../../../protocol/core-db/expected.ts';
import type { Aggregation } from '../../../protocol/ids.ts';
import { type CircuitSet, loadCircuitSet } from '../../../protocol/keys/circuit-set.ts';
import type { ServerContext } from '../context.ts';

/** Checks final proofs with the local keys. */
export interface ProofChecker {
  /** @throws BatchNotReadyError, KeysError */
  check(batch: number, file: Uint8Array, signal: AbortSignal): Promise<BundleVerdict>;
  keys(): Promise<CircuitSet>;
}

/** Points in the reference string: a verifier needs only its second group. */
const POINTS = 1;

/** Keys are read when first needed: they may be made after the server's start. */
export function createProofChecker(server: ServerContext): ProofChecker {
  let loaded: CircuitSet | undefined;
  const keys = async (): Promise<CircuitSet> => {
    loaded ??= await loadCircuitSet({
      keysDir: keysFolder(server),
      aggregation: server.config.devkit.aggregation as Aggregation,
    });
    return loaded;
  };
  return {
    keys,
    check: async (batch, file, signal) => {
      const [circuitSet, expected] = await Promise.all([keys(), expectedBatch(server.pool, batch, server.chainId)]);
      const cache = cacheDir();
      const crs = await ensureCrs({ crs: server.config.devkit.crs, points: POINTS, cacheDir: cache, signal });
      const { verify } = createBb({ crs, cacheDir: cache });
      return checkProofFile(file, { circuitSet, hasher: server.hasher, expected, verify, signal });
    },
  };
}

/** The prover's key folder; relative paths count from its own folder, `prover/` of the ecosystem. */
export const keysFolder = (server: Pick<ServerContext, 'config' | 'cwd'>): string =>
  resolve(server.cwd, 'prover', server.config.prover.setupDataPath);
