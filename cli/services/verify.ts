/** `devkit verify-batch`: every check that is available, each with what it attests. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { cacheDir } from '../../lib/cache-dir.ts';
import { type Bb, createBb } from '../../proving/bb.ts';
import { ensureCrs } from '../../proving/crs.ts';
import { openPoseidon2 } from '../../proving/poseidon2.ts';
import { createHasher, type Hasher } from '../../systems/zksync/protocol/batch/hash.ts';
import type { ExpectedBatch } from '../../systems/zksync/protocol/bundle/check.ts';
import { checkProofFile, decodeProofFile } from '../../systems/zksync/protocol/bundle/proof-file.ts';
import { BatchNotReadyError, expectedBatch } from '../../systems/zksync/protocol/core-db/expected.ts';
import { type CircuitSet, loadCircuitSet } from '../../systems/zksync/protocol/keys/circuit-set.ts';
import { publicClient } from '../../systems/zksync/protocol/l1/clients.ts';
import { checkProofOnL1, readRollup } from '../../systems/zksync/protocol/l1/rollup.ts';
import { proverFinalProofKey } from '../../systems/zksync/protocol/store/keys.ts';
import { findObject, openObjectStore } from '../../systems/zksync/protocol/store/object-store.ts';
import { DevkitError } from '../core/errors.ts';
import type { ServiceContext } from './context.ts';
import {
  externalApiUrl,
  hasServer,
  type OpenDevnet,
  openDevnet,
  protocolVersion,
  serverUrl,
  withDatabase,
} from './devnet.ts';
import { expectedOfGivenBatch } from './given-batch.ts';
import type { VerifierCheck, VerifyInput, VerifyResult } from './inputs.ts';

/** Points that checking needs: the verifier uses only the first ones and [tau]_2. */
const CHECK_POINTS = 2 ** 16;

/** What proofs of one chain are checked with; opened once for many proofs. */
export interface Verifier {
  devnet: OpenDevnet;
  circuitSet: CircuitSet;
  bb: Bb;
  hasher: Hasher;
  [Symbol.dispose](): void;
}

export interface ProofFile {
  path: string;
  bytes: Uint8Array;
}

export async function verifyBatch(ctx: ServiceContext, input: VerifyInput): Promise<VerifyResult> {
  const devnet = await openDevnet(ctx, input.chain);
  const file = await readProofFile(devnet, input);
  const expected = await expectedOf(devnet, input.batch);
  using verifier = await openVerifier(devnet, ctx.signal);
  const checks = await runChecks(verifier, expected, file.bytes, ctx.signal);
  return {
    batch: input.batch,
    chainId: devnet.chain.chainId,
    aggregation: verifier.circuitSet.aggregation,
    crs: verifier.circuitSet.crsId,
    proofFile: file.path,
    verdict: verdictOf(checks),
    checks,
  };
}

/** Accepted only if the bundle check ran and everything that ran accepts. */
export function verdictOf(checks: readonly VerifierCheck[]): 'accepted' | 'rejected' {
  const bundleRan = checks.some((check) => check.verifier === 'bundle');
  return bundleRan && checks.every((check) => check.verdict === 'accepted') ? 'accepted' : 'rejected';
}

export async function openVerifier(devnet: OpenDevnet, signal: AbortSignal): Promise<Verifier> {
  const { aggregation, crs } = devnet.config.devkit;
  const circuitSet = await loadCircuitSet({ keysDir: devnet.ecosystem.paths.keys, aggregation });
  const string = await ensureCrs({ crs, points: CHECK_POINTS, cacheDir: cacheDir(), signal });
  if (string.id !== circuitSet.crsId) {
    throw new DevkitError(
      'CONFIG_INVALID',
      `the keys are of reference string ${circuitSet.crsId}, the configuration says ${string.id}`,
      {
        hint: 'devkit prover setup-keys --mode=generate',
      },
    );
  }
  const poseidon2 = await openPoseidon2();
  return {
    devnet,
    circuitSet,
    bb: createBb({ crs: string, cacheDir: cacheDir() }),
    hasher: createHasher(poseidon2),
    [Symbol.dispose]: () => poseidon2[Symbol.dispose](),
  };
}

/** Bundle first; then the external proof API and L1, if they run and know the batch. */
export async function runChecks(
  verifier: Verifier,
  expected: ExpectedBatch,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<VerifierCheck[]> {
  const bundle = await bundleCheck(verifier, expected, bytes, signal);
  const others = Promise.all([
    apiCheck(verifier.devnet, expected.batch, bytes, signal),
    l1Check(verifier, expected.batch, bytes),
  ]);
  // a rejected bundle is a verdict, whatever else fails to answer
  const answers = bundle.verdict === 'accepted' ? await others : await others.catch(() => []);
  const given: (VerifierCheck | undefined)[] = [bundle, ...answers];
  return given.filter((check) => check !== undefined);
}

export async function bundleCheck(
  { circuitSet, hasher, bb }: Verifier,
  expected: ExpectedBatch,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<VerifierCheck> {
  const found = await checkProofFile(bytes, { circuitSet, hasher, expected, verify: bb.verify, signal });
  return {
    verifier: 'bundle',
    attests: 'batch',
    verdict: found.verdict,
    ...(found.reason === undefined ? {} : { reason: found.reason }),
  };
}

/** Undefined when the API does not run. */
async function apiCheck(
  devnet: OpenDevnet,
  batch: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<VerifierCheck | undefined> {
  const form = new FormData();
  form.append('proof', new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }), 'proof.cbor');
  let answer: Response;
  try {
    answer = await fetch(`${externalApiUrl(devnet)}/verify_proof/${batch}`, { method: 'POST', body: form, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
  const text = (await answer.text()).trim();
  if (answer.ok) return { verifier: 'api', attests: 'batch', verdict: 'accepted' };
  // 500: the server does not have the batch; too large: it has not read it. Neither says anything about the proof
  if (answer.status >= 500 || /too large/.test(text)) return undefined;
  return { verifier: 'api', attests: 'batch', verdict: 'rejected', reason: `${answer.status} ${text}` };
}

/** Undefined when L1 does not run or has no such batch. */
async function l1Check(verifier: Verifier, batch: number, bytes: Uint8Array): Promise<VerifierCheck | undefined> {
  const { devnet, circuitSet } = verifier;
  const attests = circuitSet.aggregation === 'recursive' ? 'batch' : 'links';
  const rollup = rollupAddress(devnet);
  const rpcUrl = devnet.config.l1.rpcUrl;
  if (rollup === undefined || rpcUrl === undefined) return undefined;
  const client = publicClient({ rpcUrl, chainId: devnet.config.genesis?.l1ChainId ?? 9 });
  const state = await readRollup(client, rollup).catch(() => undefined);
  if (state === undefined || state.committed < BigInt(batch)) return undefined;
  const final = finalProof(bytes);
  if (final === undefined)
    return { verifier: 'l1', attests, verdict: 'rejected', reason: 'the file is not a proof file' };
  const args = { number: BigInt(batch), proof: final.proof, publicInputs: final.publicInputs };
  const found = await checkProofOnL1(client, rollup, args);
  return found.accepted
    ? { verifier: 'l1', attests, verdict: 'accepted' }
    : { verifier: 'l1', attests, verdict: 'rejected', reason: found.reason };
}

/** The proof that goes to L1; the bundle check says what is wrong with a file that has none. */
function finalProof(bytes: Uint8Array): { proof: Uint8Array; publicInputs: bigint[] } | undefined {
  try {
    return decodeProofFile(bytes).final.proofs[0];
  } catch {
    return undefined;
  }
}

export function rollupAddress(devnet: OpenDevnet): Hex | undefined {
  const l1 = devnet.config.contracts?.['l1'] as { diamond_proxy_addr?: string } | undefined;
  return l1?.diamond_proxy_addr as Hex | undefined;
}

/**
 * What a proof of the batch has to attest: from the core database, or for a batch that was given without a server from the
 * witness input that is to be proven. Never from the proof file.
 */
export async function expectedOf(devnet: OpenDevnet, batch: number): Promise<ExpectedBatch> {
  if (hasServer(devnet)) {
    const url = serverUrl(devnet);
    const stored = await withDatabase(url, (pool) => expectedBatch(pool, batch, devnet.chain.chainId)).catch(
      (error: unknown) => {
        if (error instanceof BatchNotReadyError) return undefined;
        throw error;
      },
    );
    if (stored !== undefined) return stored;
  }
  const given = await expectedOfGivenBatch(devnet, batch);
  if (given !== undefined) return given;
  throw new DevkitError(
    'NOT_FOUND',
    `batch ${batch} is unknown: neither a sealed batch nor a witness input of it is there`,
    {
      hint: 'devkit batch list',
    },
  );
}

/** @throws DevkitError NOT_FOUND */
export async function readProofFile(
  devnet: OpenDevnet,
  input: Pick<VerifyInput, 'batch' | 'proof'>,
): Promise<ProofFile> {
  if (input.proof !== undefined) {
    const bytes = await readFile(input.proof).catch((cause: NodeJS.ErrnoException) => {
      throw new DevkitError('NOT_FOUND', `cannot read the proof file ${input.proof}: ${cause.code}`, { cause });
    });
    return { path: input.proof, bytes };
  }
  const found = await storedProof(devnet, input.batch);
  if (found !== undefined) return found;
  throw new DevkitError('NOT_FOUND', `batch ${input.batch} has no proof yet`, {
    hint: `devkit prove --batch ${input.batch}`,
  });
}

/** Final proof in the prover's store: of this chain, or of chain 0 (`insert-batch`). */
export async function storedProof(devnet: OpenDevnet, batch: number): Promise<ProofFile | undefined> {
  const store = await openObjectStore(devnet.config.prover.objectStore, { cwd: devnet.ecosystem.paths.prover });
  const version = protocolVersion(devnet);
  for (const chainId of [devnet.chain.chainId, 0]) {
    const key = proverFinalProofKey({ batch, chainId }, version);
    const bytes = await findObject(store, key);
    if (bytes !== undefined) return { path: join(store.location, key.bucket, key.key), bytes };
  }
  return undefined;
}
