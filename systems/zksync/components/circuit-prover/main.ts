/** Circuit prover: takes circuits of all rounds, solves their witnesses and proves them on the CPU. */
import { availableParallelism } from 'node:os';
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import { type ComponentContext, runComponent } from '../../../../lib/component/run-component.ts';
import { usableMemory } from '../../../../lib/usable-memory.ts';
import { openProving } from '../workers/crs.ts';
import { closeEnv, loadKeys, openEnv } from '../workers/env.ts';
import { parseCircuitProverFlags } from '../workers/flags.ts';
import { hardStop } from '../workers/job.ts';
import { keepName, requeueOwnDead } from '../workers/liveness.ts';
import { createJobMetrics } from '../workers/metrics.ts';
import { modesOf, runProver } from './prover.ts';
import { openSolver } from './solver.ts';
import { planProver } from './stages.ts';

const NAME = 'circuit-prover';
const GRACE_MS = 70_000;
/** From dropping the running proofs to having given their jobs back. */
const GIVE_BACK_MS = 6_000;

async function main(ctx: ComponentContext): Promise<void> {
  const flags = parseCircuitProverFlags(process.argv.slice(2));
  const plan = modesOf(flags.pickers);
  const env = await openEnv(ctx, flags, { component: NAME, connections: plan.length + availableParallelism() });
  if (flags.maxAllocation !== undefined) env.log.info('--max-allocation limits GPU memory: without effect on the CPU');
  const metrics = createJobMetrics('circuit_prover');
  await using _server = await serveMetrics(env.config.prover.prometheusPort, metrics.registry);
  const circuits = await loadKeys(env);
  const bb = await openProving(env, circuits);
  const releaseName = await keepName(env);
  await requeueOwnDead(env, NAME, { prover: env.config.prover.maxAttempts });
  const machine = { cores: availableParallelism(), memoryBytes: usableMemory(), aggregation: circuits.aggregation };
  const proverPlan = planProver(machine);
  env.log.info({ ...proverPlan, witnessThreads: plan.length, bb: bb.version, ...machine }, 'ready');
  const hardSignal = hardStop(env.signal, GRACE_MS - GIVE_BACK_MS);
  await runProver({ env, circuits, bb, plan: proverPlan, metrics, hardSignal, openSolver }, flags.pickers);
  await releaseName();
  await closeEnv(env);
}

await runComponent(NAME, main, { graceMs: GRACE_MS });
