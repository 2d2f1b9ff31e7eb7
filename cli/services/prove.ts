/** `devkit prove`: start what is missing, wait for the proof of a batch, verify it. */
import { poll } from '../../lib/deadline.ts';
import type { ExpectedBatch } from '../../systems/zksync/protocol/bundle/check.ts';
import { batchDetails, listBatches, unsealedCounts } from '../../systems/zksync/protocol/core-db/details.ts';
import { DevkitError } from '../core/errors.ts';
import { sealBatch, waitForTree } from './batch.ts';
import type { ServiceContext } from './context.ts';
import { hasServer, type OpenDevnet, openDevnet, serverUrl, withDatabase } from './devnet.ts';
import type { ProveInput, ProveResult } from './inputs.ts';
import { newestBatch, takeUpJobs, waitForProof } from './job-watch.ts';
import { makeReceipt, writeReceipt } from './receipt.ts';
import { measureStages, type Stages } from './stages.ts';
import { allSpecs, refuseUpstream, whileAllRun } from './start.ts';
import { step } from './step.ts';
import { expectedOf, openVerifier, readProofFile, runChecks } from './verify.ts';

export async function prove(ctx: ServiceContext, input: ProveInput): Promise<ProveResult> {
  const devnet = await openDevnet(ctx, input.chain);
  refuseUpstream(devnet, 'prove');
  const stages = measureStages(devnet.runtime);
  const begin = await stages.begin('start');
  return whileAllRun(devnet, await allSpecs(devnet), async (signal) => {
    await begin();
    const batch = input.batch ?? (await chooseBatch(devnet, signal));
    return proveBatch(devnet, batch, { stages, signal, timeoutMs: input.timeoutMs });
  });
}

export interface ProveOptions {
  stages: Stages;
  signal: AbortSignal;
  timeoutMs?: number | undefined;
}

/** Waits for the proof of a batch (all components run), verifies it and writes the receipt. */
export async function proveBatch(devnet: OpenDevnet, batch: number, options: ProveOptions): Promise<ProveResult> {
  const { ctx } = devnet;
  const { stages, signal } = options;
  const expected = await knownBatch(devnet, batch, options);
  await stages.stage('prove', () =>
    step(ctx, 'prove', `prove batch ${batch}`, () => waitForProof(devnet, batch, options)),
  );
  const receipt = await stages.stage('verify', () =>
    step(ctx, 'verify', `verify batch ${batch}`, async () => {
      if (hasServer(devnet) && expected.chainId === devnet.chain.chainId) {
        await waitForCommit(devnet, batch, signal);
      }
      using verifier = await openVerifier(devnet, signal);
      const proof = await readProofFile(devnet, { batch });
      const checks = await runChecks(verifier, expected, proof.bytes, signal);
      return makeReceipt({ verifier, expected, proof, checks, stages: stages.times });
    }),
  );
  return writeReceipt(receipt);
}

/**
 * What the proof has to attest. A batch that came as a file which cannot be used has a job that says so: that is the better error.
 */
async function knownBatch(devnet: OpenDevnet, batch: number, options: ProveOptions): Promise<ExpectedBatch> {
  const hasJobs = await takeUpJobs(devnet, batch, options.signal);
  try {
    return await expectedOf(devnet, batch);
  } catch (error) {
    const aboutFile = error instanceof DevkitError && ['CONFIG_INVALID', 'NOT_FOUND'].includes(error.code);
    if (hasJobs && aboutFile) await waitForProof(devnet, batch, options);
    throw error;
  }
}

/** L1 can say something about a proof once it has the batch. */
async function waitForCommit(devnet: OpenDevnet, batch: number, signal: AbortSignal): Promise<void> {
  await withDatabase(serverUrl(devnet), (pool) =>
    poll(
      async () => {
        const details = await batchDetails(pool, batch);
        if (details === undefined || details.committedAt !== null) return true;
        if (details.ethError !== null)
          throw new DevkitError('COMPONENT_FAILED', `batch ${batch} is not on L1: ${details.ethError}`, {
            hint: 'devkit logs server',
          });
        return undefined;
      },
      { intervalMs: 50, timeoutMs: 60_000, signal },
    ),
  );
}

/** The newest batch without a verdict on L1; else what is pending is sealed into one. */
async function chooseBatch(devnet: OpenDevnet, signal: AbortSignal): Promise<number> {
  if (!hasServer(devnet)) {
    const given = await newestBatch(devnet);
    if (given !== undefined) return given;
    throw new DevkitError('NOT_FOUND', 'there is no batch to prove', {
      hint: 'devkit dev prover insert-batch --default --number 1',
    });
  }
  const { newest, unsealed } = await withDatabase(serverUrl(devnet), async (pool) => ({
    newest: (await listBatches(pool, 1))[0],
    unsealed: await unsealedCounts(pool),
  }));
  if (newest !== undefined && newest.provenAt === null) return newest.number;
  if (unsealed.blocks + unsealed.pending > 0) {
    const number = await sealBatch(devnet, signal);
    await waitForTree(devnet, number, signal);
    return number;
  }
  throw new DevkitError(
    'NOT_FOUND',
    newest === undefined ? 'there is no batch to prove yet' : `every batch is proven (the newest is ${newest.number})`,
    {
      hint: 'devkit tx send   and then   devkit prove',
    },
  );
}
