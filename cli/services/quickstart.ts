/** `devkit quickstart`: from an empty folder to a verified batch that is executed on L1. */
import { existsSync } from 'node:fs';
import { cacheDir } from '../../lib/cache-dir.ts';
import { poll } from '../../lib/deadline.ts';
import { ensureCrs } from '../../proving/crs.ts';
import { CRS_POINTS } from '../../systems/zksync/protocol/circuits.ts';
import { batchDetails } from '../../systems/zksync/protocol/core-db/details.ts';
import { DevkitError } from '../core/errors.ts';
import { badCopies } from './bad-copies.ts';
import { sealBatch, waitForTree } from './batch.ts';
import { ensureDevnetFolder, type ServiceContext } from './context.ts';
import { requireDevices } from './devices.ts';
import { type OpenDevnet, openDevnet, serverUrl, withDatabase } from './devnet.ts';
import { createEcosystem, ETH_TOKEN } from './ecosystem/create.ts';
import { openEcosystem, provingSettings, ZKSTACK_FILE } from './ecosystem/files.ts';
import { chainInit } from './ecosystem/init.ts';
import { proverInit } from './ecosystem/prover-init.ts';
import type { QuickstartInput, QuickstartResult } from './inputs.ts';
import { proveBatch } from './prove.ts';
import { writeReceipt } from './receipt.ts';
import { openRuntime } from './runtime.ts';
import { measureStages } from './stages.ts';
import { allSpecs, refuseUpstream, whileAllRun } from './start.ts';
import { step } from './step.ts';
import { sendTo } from './traffic.ts';
import { expectedOf, openVerifier, readProofFile, runChecks, verdictOf } from './verify.ts';

/** Name of the chain of a devnet that the kit sets up by itself. */
export const CHAIN = 'era';
/** Below this many slots the batch is meant to be as small as can be: one instance of each kind. */
const SMALL_BATCH = 8;

/** Safe to repeat: a devnet that is there is used again and proves a new batch. */
export async function quickstart(ctx: ServiceContext, input: QuickstartInput): Promise<QuickstartResult> {
  await requireDevices(ctx.device ?? 'auto', { table: ctx.deviceTable, signal: ctx.signal });
  const stages = measureStages(await openRuntime(ctx));
  const devnet = await stages.stage('setup', () => setUpDevnet(ctx, input));
  refuseUpstream(devnet, 'quickstart');
  const begin = await stages.begin('start');
  return whileAllRun(devnet, await allSpecs(devnet), async (signal) => {
    await begin();
    const batch = await stages.stage('batch', () => makeBatch(devnet, input, signal));
    const receipt = await proveBatch(devnet, batch, { stages, signal, timeoutMs: input.timeoutMs });
    const bad = await stages.stage('bad copies', () => submitBadCopies(devnet, batch, signal));
    const executedOnL1 = await stages.stage('execute on L1', () =>
      step(ctx, 'execute', `batch ${batch} executed on L1`, () => waitForExecution(devnet, batch, signal)),
    );
    const { receiptFile: _, ...proven } = receipt;
    return {
      ...(await writeReceipt(proven)),
      devnet: ctx.paths.name,
      badCopies: bad,
      executedOnL1,
      next: nextCommands(batch),
    };
  });
}

export type SetUpInput = Pick<QuickstartInput, 'aggregation' | 'crs'>;

/**
 * Ecosystem, chain, databases, keys, contracts, reference string inside the devnet's own folder; each only where it is missing.
 * @throws DevkitError ALREADY_EXISTS when the devnet is there with another aggregation or reference string
 */
export async function setUpDevnet(outside: ServiceContext, input: SetUpInput): Promise<OpenDevnet> {
  ensureDevnetFolder(outside.paths);
  const ctx = { ...outside, cwd: outside.paths.defaultEcosystemDir };
  await ensureEcosystem(ctx, input);
  const crs = ensureCrs({
    crs: input.crs,
    points: CRS_POINTS[input.aggregation].prove,
    cacheDir: cacheDir(),
    signal: ctx.signal,
  });
  crs.catch(() => undefined); // thrown below, after what goes on beside it
  const init = { chain: CHAIN, dontDrop: true, noGenesis: false, noPortReallocation: false };
  await chainInit(ctx, init);
  await proverInit(ctx, { chain: CHAIN, proofStoreDir: 'artifacts', database: { mode: 'auto' } });
  await step(ctx, 'crs', `reference string (${input.crs})`, () => crs);
  return openDevnet(ctx);
}

async function ensureEcosystem(ctx: ServiceContext, input: SetUpInput): Promise<void> {
  const dir = ctx.paths.defaultEcosystemDir;
  if (existsSync(`${dir}/${ZKSTACK_FILE}`)) {
    await refuseOtherSettings(ctx, input);
    return;
  }
  await step(ctx, 'ecosystem', 'ecosystem and chain', () =>
    createEcosystem(ctx, {
      name: ctx.paths.name,
      parent: ctx.paths.dir,
      dir,
      l1Network: 'localhost',
      proving: { aggregation: input.aggregation, crs: input.crs },
      chain: {
        name: CHAIN,
        proverMode: 'gpu',
        walletCreation: 'localhost',
        commitMode: 'rollup',
        baseToken: { address: ETH_TOKEN, nominator: 1, denominator: 1 },
        setAsDefault: true,
        legacyBridge: false,
        evmEmulator: false,
        tightPorts: false,
      },
    }),
  );
}

async function refuseOtherSettings(ctx: ServiceContext, input: SetUpInput): Promise<void> {
  const found = await provingSettings(await openEcosystem(ctx));
  if (found.aggregation === input.aggregation && found.crs === input.crs) return;
  throw new DevkitError(
    'ALREADY_EXISTS',
    `devnet '${ctx.paths.name}' is there already, with aggregation ${found.aggregation} and CRS ${found.crs}`,
    { hint: `devkit quickstart --devnet ${ctx.paths.name}-${input.aggregation} --aggregation ${input.aggregation}` },
  );
}

async function makeBatch(devnet: OpenDevnet, input: QuickstartInput, signal: AbortSignal): Promise<number> {
  const { ctx } = devnet;
  await step(ctx, 'traffic', `L2 transactions: ${input.slots} slots, ${input.messages} messages`, () =>
    sendTo(
      devnet,
      { slots: input.slots, messages: input.messages, transfers: input.slots < SMALL_BATCH ? 0 : 1 },
      signal,
    ),
  );
  return step(ctx, 'seal', 'seal a batch', async () => {
    const number = await sealBatch(devnet, signal);
    await waitForTree(devnet, number, signal);
    return number;
  });
}

/** Each must be rejected by the verdict; if one is not, no verdict of this machine can be trusted. */
async function submitBadCopies(
  devnet: OpenDevnet,
  batch: number,
  signal: AbortSignal,
): Promise<QuickstartResult['badCopies']> {
  return step(devnet.ctx, 'bad-copies', 'four damaged copies of the proof are rejected', async () => {
    using verifier = await openVerifier(devnet, signal);
    const expected = await expectedOf(devnet, batch);
    const results: QuickstartResult['badCopies'] = [];
    for (const { name, bytes } of badCopies((await readProofFile(devnet, { batch })).bytes)) {
      const checks = await runChecks(verifier, expected, bytes, signal);
      const verdict = verdictOf(checks);
      if (verdict === 'accepted' || checks.some((check) => check.attests === 'batch' && check.verdict === 'accepted')) {
        throw new DevkitError('PROOF_REJECTED', `a damaged copy of the proof was accepted: ${name}`, {
          hint: 'do not trust any verdict of this installation; please report this',
          details: { checks },
        });
      }
      results.push({ name, verdict, reason: checks.find((check) => check.verdict === 'rejected')?.reason });
    }
    return results;
  });
}

async function waitForExecution(devnet: OpenDevnet, batch: number, signal: AbortSignal): Promise<boolean> {
  return withDatabase(serverUrl(devnet), (pool) =>
    poll(
      async () => {
        const details = await batchDetails(pool, batch);
        if (details?.executedAt) return true;
        const error = details?.ethError ?? details?.proofError;
        if (error)
          throw new DevkitError('COMPONENT_FAILED', `batch ${batch} was not executed on L1: ${error}`, {
            hint: 'devkit logs server',
          });
        return undefined;
      },
      { intervalMs: 50, timeoutMs: 120_000, signal },
    ),
  );
}

const nextCommands = (batch: number): string[] => [
  'devkit tx send && devkit prove',
  `devkit verify-batch ${batch}`,
  'devkit status',
];
