/** Witness generator: turns a batch's witness input, and finished proofs, into circuits to prove (rounds 0 to 4). */

import { serveMetrics } from '../../../../lib/component/metrics.ts';
import { type ComponentContext, runComponent } from '../../../../lib/component/run-component.ts';
import { openPoseidon2 } from '../../../../proving/poseidon2.ts';
import { createHasher } from '../../protocol/batch/hash.ts';
import { PROVER_PROTOCOL_VERSION, ROUND_NAMES, type Round } from '../../protocol/ids.ts';
import { WITNESS_KINDS } from '../../protocol/prover-db/jobs.ts';
import { pickWitnessJob } from '../../protocol/prover-db/pick.ts';
import { workerLoop } from '../shared/worker-loop.ts';
import { checkVersion, closeEnv, loadKeys, openEnv, type WorkerEnv } from '../workers/env.ts';
import { parseWitnessGeneratorFlags } from '../workers/flags.ts';
import { doJob, hardStop, loopSettings } from '../workers/job.ts';
import { keepName, requeueOwnDead } from '../workers/liveness.ts';
import { createJobMetrics, type JobMetrics } from '../workers/metrics.ts';
import { type RoundContext, runRound } from './rounds.ts';

const NAME = 'witness-generator';
const GRACE_MS = 20_000;

async function main(ctx: ComponentContext): Promise<void> {
  const flags = parseWitnessGeneratorFlags(process.argv.slice(2));
  const env = await openEnv(ctx, flags, { component: NAME, connections: flags.rounds.length + 1 });
  const metrics = createJobMetrics('witness_generator');
  await using _server = await serveMetrics(env.config.witnessGenerator.prometheusListenerPort, metrics.registry);
  const circuits = await loadKeys(env);
  await checkVersion(env, circuits, PROVER_PROTOCOL_VERSION);
  const releaseName = await keepName(env);
  const { maxAttempts } = env.config.witnessGenerator;
  const limits = Object.fromEntries(WITNESS_KINDS.map((kind) => [kind, maxAttempts]));
  await requeueOwnDead(env, NAME, limits);
  using poseidon2 = await openPoseidon2();
  const round: RoundContext = { pool: env.pool, store: env.store, hasher: createHasher(poseidon2), circuits };
  env.log.info({ rounds: flags.rounds.map((r) => ROUND_NAMES[r]), aggregation: circuits.aggregation }, 'ready');
  await Promise.all(flags.rounds.map((r) => runLoop(env, round, r, flags.maxJobs, metrics)));
  await releaseName();
  await closeEnv(env);
}

function runLoop(
  env: WorkerEnv,
  round: RoundContext,
  number: Round,
  maxJobs: number | undefined,
  metrics: JobMetrics,
): Promise<void> {
  const kind = WITNESS_KINDS[number]!;
  const picker = { version: PROVER_PROTOCOL_VERSION, podName: env.podName };
  const hard = hardStop(env.signal, GRACE_MS / 2);
  return workerLoop({
    ...loopSettings(env, env.waker, kind),
    pick: () => pickWitnessJob(env.pool, kind, picker),
    run: async (job) => {
      const startedAt = performance.now();
      const outcome = await doJob(env, hard, job, startedAt, () => runRound(round, job));
      metrics.done(ROUND_NAMES[number], '', outcome, performance.now() - startedAt);
    },
    ...(maxJobs !== undefined && { maxJobs }),
  });
}

await runComponent(NAME, main, { graceMs: GRACE_MS });
