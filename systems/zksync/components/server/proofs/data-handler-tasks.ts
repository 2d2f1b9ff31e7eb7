/** Client of the prover gateway: hands batches to the prover, fetches their proofs. */
import { batchHeader } from '../../../protocol/core-db/batches.ts';
import { expectedBatch, wrapperVkHash } from '../../../protocol/core-db/expected.ts';
import {
  lockBatchForProving,
  proofState,
  saveProofArtifact,
  saveProofError,
  unlockAllBatches,
  unlockBatch,
  unprovenBatches,
} from '../../../protocol/core-db/proof-generation.ts';
import { coreFinalProofKey } from '../../../protocol/store/keys.ts';
import { findObject, putObject } from '../../../protocol/store/object-store.ts';
import {
  POLL_PATH,
  type PollAnswer,
  pollAnswerFromJson,
  pollRequestToJson,
  proofGenerationDataToJson,
  SUBMIT_PATH,
} from '../../../protocol/wire/gateway.ts';
import {
  decodeL1BatchProof,
  encodeL1BatchProof,
  type L1BatchProofForL1,
} from '../../../protocol/wire/l1-batch-proof.ts';
import { bytesToBigint } from '../../../protocol/wire/plain.ts';
import type { ServerContext } from '../context.ts';
import type { Task, TaskContext } from '../tasks.ts';
import { loadWitnessInput } from './witness-input.ts';

/** The gateway does not answer, or not as it should. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
}

/** It does not run, or not yet: nothing is wrong here. */
class GatewayAwaitedError extends GatewayError {
  readonly awaits: string;
  constructor(url: string, reason: string, cause: unknown) {
    super(`prover gateway ${url} does not answer: ${reason}`, { cause });
    this.awaits = `the prover gateway at ${new URL(url).origin}, which does not answer (${reason}): devkit prover run --component=gateway`;
  }
}

/** Sends locked batches to the gateway. @throws Error when no gateway is configured */
export function submitterTask(server: ServerContext): Task {
  const { dataHandler } = server.config;
  gatewayUrl(server);
  let unlocked = false;
  return {
    component: 'proof_data_handler',
    topics: ['commitment', 'proof_generation_details', 'tree'],
    idleMs: dataHandler.proofGenDataSubmitIntervalMs,
    run: async ({ log, signal }) => {
      if (!unlocked) await unlockAllBatches(server.pool);
      unlocked = true;
      const batch = await lockBatchForProving(server.pool, {
        timeoutMs: dataHandler.proofGenerationTimeoutMs,
        provingMode: dataHandler.provingMode,
      });
      if (batch === undefined) return 'idle';
      try {
        await submitBatch(server, batch, signal);
      } catch (error) {
        await unlockBatch(server.pool, batch);
        throw error;
      }
      log.info({ batch }, 'batch sent to the prover gateway');
      return 'again';
    },
  };
}

async function submitBatch(server: ServerContext, batch: number, signal: AbortSignal): Promise<void> {
  const { pool, version, chainId } = server;
  const [witnessInputData, header, vkHash] = await Promise.all([
    loadWitnessInput(server, batch),
    batchHeader(pool, batch),
    wrapperVkHash(pool, version),
  ]);
  await post(server, SUBMIT_PATH, signal, {
    ...proofGenerationDataToJson({
      l1BatchNumber: batch,
      chainId,
      batchSealedAt: new Date(header!.sealedAt),
      witnessInputData,
      protocolVersion: version,
      l1VerifierConfig: { snarkWrapperVkHash: vkHash ?? 0n, fflonkSnarkWrapperVkHash: null },
    }),
  });
}

/** Polls for proofs, of this chain and of chain 0 (batches inserted by hand), and stores them. */
export function fetcherTask(server: ServerContext): Task {
  const { dataHandler } = server.config;
  let first = true;
  return {
    component: 'proof_data_handler',
    topics: ['proof_generation_details'],
    idleMs: dataHandler.proofFetchIntervalMs,
    run: async (context) => {
      const waiting = await unprovenBatches(server.pool);
      if (first) for (const batch of waiting) await adoptStoredProof(server, batch, context);
      first = false;
      for (const batch of waiting) {
        const answer = await pollProof(server, batch, context.signal);
        if (answer === undefined) continue;
        // stored before anything else: the gateway hands a proof out once
        await putObject(server.store, coreFinalProofKey(batch, server.version), encodeL1BatchProof(answer.proof));
        await acceptProof(server, batch, answer.proof, context);
        return 'again';
      }
      return waiting.length > 0 ? dataHandler.proofFetchIntervalMs : 'idle';
    },
  };
}

async function pollProof(server: ServerContext, batch: number, signal: AbortSignal): Promise<PollAnswer | undefined> {
  const chains = server.config.dataHandler.fetchZeroChainIdProofs ? [server.chainId, 0] : [server.chainId];
  for (const chainId of chains) {
    const body = pollRequestToJson({ chainId, batchNumber: batch });
    const answer = pollAnswerFromJson(await post(server, POLL_PATH, signal, body));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** A proof that was stored just before an earlier process ended. */
async function adoptStoredProof(server: ServerContext, batch: number, context: TaskContext): Promise<void> {
  if ((await proofState(server.pool, batch))?.error !== undefined) return;
  const key = coreFinalProofKey(batch, server.version);
  const bytes = await findObject(server.store, key);
  if (bytes !== undefined) await acceptProof(server, batch, decodeL1BatchProof(bytes, key.key), context);
}

/** Upstream panics on a proof of another batch; here it is refused and the batch keeps waiting. */
async function acceptProof(
  server: ServerContext,
  batch: number,
  proof: L1BatchProofForL1,
  { log }: TaskContext,
): Promise<void> {
  const mismatch = await auxiliaryMismatch(server, batch, proof);
  if (mismatch !== undefined) {
    await saveProofError(server.pool, batch, mismatch);
    log.error({ batch }, mismatch);
    return;
  }
  await saveProofArtifact(server.pool, batch, coreFinalProofKey(batch, server.version).key);
  log.info({ batch, proofs: proof.schedulerProof.proofs.length }, 'proof received');
}

/** The two of the four words that are about the batch itself. */
async function auxiliaryMismatch(
  server: ServerContext,
  batch: number,
  proof: L1BatchProofForL1,
): Promise<string | undefined> {
  const expected = await expectedBatch(server.pool, batch, server.chainId);
  const [messages, root] = proof.aggregationResultCoords.map(bytesToBigint);
  const wrong =
    messages !== expected.messagesHash ? 'messages hash' : root !== expected.newRoot ? 'new root' : undefined;
  return (
    wrong && `Auxilary output doesn't match: ${wrong} of the proof is not that of batch ${batch}; the proof is not used`
  );
}

function gatewayUrl(server: ServerContext): string {
  const url = server.config.dataHandler.gatewayApiUrl;
  if (url === undefined) {
    throw new Error(
      `${server.config.paths.configPath}: data_handler.gateway_api_url is missing: proof_data_handler needs it`,
    );
  }
  return url.replace(/\/$/, '');
}

async function post(server: ServerContext, path: string, signal: AbortSignal, body: unknown): Promise<unknown> {
  const url = `${gatewayUrl(server)}${path}`;
  const timeout = AbortSignal.timeout(server.config.dataHandler.gatewayApiRequestTimeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, timeout]),
    });
    text = await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    const { code } = ((cause as Error).cause ?? {}) as NodeJS.ErrnoException;
    throw new GatewayAwaitedError(url, code ?? (cause as Error).message, cause);
  }
  if (!response.ok) throw new GatewayError(`prover gateway ${url}: ${response.status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}
