/** Proof compressor: wraps the scheduler's proof for L1 and puts the batch's final proof file together. */
import { availableParallelism } from 'node:os';
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import { UsageError } from '../../../../lib/component/refusal.ts';
import { type ComponentContext, runComponent } from '../../../../lib/component/run-component.ts';
import { openPoseidon2 } from '../../../../proving/poseidon2.ts';
import { createHasher } from '../../protocol/batch/hash.ts';
import { PROVER_PROTOCOL_VERSION } from '../../protocol/ids.ts';
import { pickCompressionJob } from '../../protocol/prover-db/pick.ts';
import { workerLoop } from '../shared/worker-loop.ts';
import { openProving } from '../workers/crs.ts';
import { checkNewestVersion, closeEnv, loadKeys, openEnv } from '../workers/env.ts';
import { parseCompressorFlags } from '../workers/flags.ts';
import { doJob, hardStop, loopSettings } from '../workers/job.ts';
import { keepName, requeueOwnDead } from '../workers/liveness.ts';
import { createJobMetrics } from '../workers/metrics.ts';
import { warmUp } from '../workers/warm-up.ts';
import { compress } from './compress.ts';

const NAME = 'compressor';
const GRACE_MS = 90_000;
/** From dropping the running proof to having given its job back. */
const GIVE_BACK_MS = 6_000;

async function main(ctx: ComponentContext): Promise<void> {
  const flags = parseCompressorFlags(process.argv.slice(2));
  if (flags.fflonk) {
    throw new UsageError('--fflonk=true: the reference compressor has no FFLONK wrapper: leave it out (--mode plonk)');
  }
  const env = await openEnv(ctx, flags, { component: NAME, connections: 2 });
  const metrics = createJobMetrics('proof_compressor');
  await using _server = await serveMetrics(env.config.proofCompressor.prometheusPort, metrics.registry);
  const circuits = await loadKeys(env);
  await checkNewestVersion(env, circuits);
  const bb = await openProving(env, circuits);
  const releaseName = await keepName(env);
  await requeueOwnDead(env, NAME, { compression: env.config.proofCompressor.maxAttempts });
  using poseidon2 = await openPoseidon2();
  await warmUp(circuits.circuit('compressor').program);
  const hardSignal = hardStop(env.signal, GRACE_MS - GIVE_BACK_MS);
  const job = { env, circuits, hasher: createHasher(poseidon2), bb, threads: availableParallelism(), hardSignal };
  const picker = { version: PROVER_PROTOCOL_VERSION, podName: env.podName };
  env.log.info({ aggregation: circuits.aggregation, bb: bb.version }, 'ready');
  await workerLoop({
    ...loopSettings(env, env.waker, 'compression'),
    pick: () => pickCompressionJob(env.pool, picker),
    run: async (row) => {
      const startedAt = performance.now();
      const outcome = await doJob(env, hardSignal, row, startedAt, () => compress(job, row));
      metrics.done('compression', 'compressor', outcome, performance.now() - startedAt);
    },
    ...(flags.maxJobs !== undefined && { maxJobs: flags.maxJobs }),
  });
  await releaseName();
  await closeEnv(env);
}

await runComponent(NAME, main, { graceMs: GRACE_MS });
