/** `devkit batch list|seal`. */

import { poll } from '../../lib/deadline.ts';
import { requestJsonRpc } from '../../lib/json-rpc.ts';
import { type BatchDetails, batchDetails, listBatches } from '../../systems/zksync/protocol/core-db/details.ts';
import { DevkitError } from '../core/errors.ts';
import type { ServiceContext } from './context.ts';
import { apiUrl, type OpenDevnet, openDevnet, serverUrl, withDatabase } from './devnet.ts';
import type { BatchListInput, BatchListResult, BatchRow, BatchSealInput, BatchSealResult } from './inputs.ts';

/** Newest first. */
export async function batchList(ctx: ServiceContext, input: BatchListInput): Promise<BatchListResult> {
  const devnet = await openDevnet(ctx, input.chain);
  const found = await withDatabase(serverUrl(devnet), (pool) => listBatches(pool, input.limit));
  return { batches: found.map((details) => toRow(details, devnet.chain.chainId)) };
}

export async function batchSeal(ctx: ServiceContext, input: BatchSealInput): Promise<BatchSealResult> {
  const devnet = await openDevnet(ctx, input.chain);
  const number = await sealBatch(devnet, ctx.signal);
  const details = await waitForTree(devnet, number, ctx.signal, input.timeoutMs);
  return { batch: toRow(details, devnet.chain.chainId) };
}

/** Seals what is pending and gives the batch's number. @throws DevkitError USAGE when nothing is pending */
export async function sealBatch(devnet: OpenDevnet, signal: AbortSignal): Promise<number> {
  const url = apiUrl(devnet);
  const answer = await requestJsonRpc(url, 'devkit_sealBatch', [], signal).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw new DevkitError('COMPONENT_FAILED', `the server does not answer at ${url}`, { hint: 'devkit up', cause });
  });
  if ('error' in answer) {
    throw new DevkitError('USAGE', `no batch was sealed: ${answer.error.message}`, { hint: 'devkit tx send' });
  }
  return Number(answer.result);
}

/** Waits until the state tree has processed the batch: from then on its public values are known. */
export function waitForTree(
  devnet: OpenDevnet,
  number: number,
  signal: AbortSignal,
  timeoutMs = 60_000,
): Promise<BatchDetails> {
  return withDatabase(serverUrl(devnet), (pool) =>
    poll(
      async () => {
        const details = await batchDetails(pool, number);
        return details?.rootHash ? details : undefined;
      },
      { intervalMs: 50, timeoutMs, signal },
    ),
  );
}

export function toRow(details: BatchDetails, chainId: number): BatchRow {
  return {
    number: details.number,
    chainId,
    sealedAt: details.sealedAt,
    records: details.records,
    messages: details.messages,
    state: stateOf(details),
  };
}

function stateOf(details: BatchDetails): string {
  if (details.executedAt) return 'executed';
  if (details.provenAt) return 'verified';
  if (details.proofStatus === 'generated') return 'proven';
  if (details.proofStatus === 'picked_by_prover') return 'proving';
  return details.committedAt ? 'committed' : 'sealed';
}
