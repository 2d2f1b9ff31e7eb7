/** What each round does with a picked row: read what is below, plan the circuits above, store them, then the rows. */
import type { Pool } from 'pg';
import type { CircuitInputs } from '../../../../proving/types.ts';
import {
  type AggregationPlan,
  planLeaves,
  planNodes,
  planScheduler,
  planTip,
} from '../../protocol/batch/aggregation.ts';
import type { Hasher } from '../../protocol/batch/hash.ts';
import { type BaseInstance, type BasicPlan, planBasic } from '../../protocol/batch/witness-plan.ts';
import {
  BASE_CIRCUIT_IDS,
  type BaseCircuitId,
  RECURSION_TIP_CIRCUIT_ID,
  ROUND,
  type Round,
  recursionId,
  SCHEDULER_CIRCUIT_ID,
} from '../../protocol/ids.ts';
import type { CircuitSet } from '../../protocol/keys/circuit-set.ts';
import type { BasicJob, LeafJob, NodeJob, SchedulerJob, TipJob, WitnessJob } from '../../protocol/prover-db/jobs.ts';
import {
  type NewCircuit,
  saveBasicResult,
  saveLeafResult,
  saveNodeResult,
  saveSchedulerResult,
  saveTipResult,
} from '../../protocol/prover-db/save.ts';
import {
  aggregationsKey,
  auxOutputKey,
  type BatchId,
  circuitKey,
  closedFormInputsKey,
  schedulerWitnessKey,
} from '../../protocol/store/keys.ts';
import type { ObjectStore } from '../../protocol/store/object-store.ts';
import {
  AGGREGATIONS,
  AUX_OUTPUT,
  CIRCUIT,
  CLOSED_FORM_INPUTS,
  type Link,
  readBlob,
  SCHEDULER_INPUT,
  writeBlob,
} from '../workers/blobs.ts';
import { readChildren, type StoredChild } from '../workers/children.ts';
import { isFinal, JobInputError } from '../workers/final.ts';
import type { SaveRows } from '../workers/job.ts';
import { loadWitnessInput } from './witness-file.ts';

export interface RoundContext {
  pool: Pool;
  store: ObjectStore;
  hasher: Hasher;
  circuits: CircuitSet;
}

/**
 * Computes a job and stores its blobs; the rows are written by the function it returns.
 * Everything it throws says in one line what is wrong with the job's inputs.
 */
export function runRound(ctx: RoundContext, job: WitnessJob): Promise<SaveRows> {
  switch (job.kind) {
    case 'basic':
      return runBasic(ctx, job);
    case 'leaf':
      return runLeaf(ctx, job);
    case 'node':
      return runNode(ctx, job);
    case 'tip':
      return runTip(ctx, job);
    case 'scheduler':
      return runScheduler(ctx, job);
  }
}

async function runBasic({ pool, store, hasher }: RoundContext, job: BasicJob): Promise<SaveRows> {
  const plan = planOf(hasher, await loadWitnessInput(store, job));
  const place = { round: ROUND.basic, depth: 0 };
  const instances = plan.instances.map((instance, sequence) => ({ ...instance, sequence }));
  const [circuits, leaf, schedulerUrl] = await Promise.all([
    Promise.all(
      instances.map(async (instance) => ({
        circuitId: instance.circuitId,
        ...(await storeCircuit(store, job, { ...place, ...instance, children: [] })),
      })),
    ),
    Promise.all(BASE_CIRCUIT_IDS.map((id) => storeClosedForm(store, job, id, instances))),
    writeBlob(store, schedulerWitnessKey(job), SCHEDULER_INPUT, plan.scheduler),
    writeBlob(store, auxOutputKey(job), AUX_OUTPUT, plan.scheduler),
  ]);
  return (timeTakenMs) => saveBasicResult(pool, job, { circuits, leaf, schedulerUrl, timeTakenMs });
}

/** What is wrong inside a witness input is said with its name. */
function planOf(hasher: Hasher, { input, path }: Awaited<ReturnType<typeof loadWitnessInput>>): BasicPlan {
  try {
    return planBasic(hasher, input);
  } catch (error) {
    throw isFinal(error) ? new JobInputError(`${path}: ${(error as Error).message}`, { cause: error }) : error;
  }
}

async function storeClosedForm(
  store: ObjectStore,
  job: BatchId,
  circuitId: BaseCircuitId,
  instances: readonly BaseInstance[],
): Promise<{ circuitId: number; count: number; closedFormUrl: string }> {
  const links: Link[] = instances
    .filter((instance) => instance.circuitId === circuitId)
    .map(({ sequence, start, end }) => ({ sequence, start, end }));
  const closedFormUrl = await writeBlob(store, closedFormInputsKey(job, circuitId), CLOSED_FORM_INPUTS, links);
  return { circuitId, count: links.length, closedFormUrl };
}

async function runLeaf({ pool, store, hasher, circuits: set }: RoundContext, job: LeafJob): Promise<SaveRows> {
  const key = closedFormInputsKey(job, job.circuitId);
  const links = await readBlob(store, key, CLOSED_FORM_INPUTS);
  const children = await readChildren(
    pool,
    store,
    { ...batchOf(job), round: ROUND.basic, circuitId: job.circuitId },
    job.count,
  );
  checkSpans(key.key, links, children, 0);
  const plans = planLeaves(hasher, set, job.circuitId as BaseCircuitId, children);
  const place = { round: ROUND.leaf, depth: 0, circuitId: recursionId(job.circuitId) };
  const circuits = await storePlans(store, job, place, plans, children);
  const aggregationsUrl = await storeAggregations(store, job, place.circuitId, 0, plans);
  return (timeTakenMs) => saveLeafResult(pool, job, { circuits, aggregationsUrl, timeTakenMs });
}

async function runNode({ pool, store, hasher, circuits: set }: RoundContext, job: NodeJob): Promise<SaveRows> {
  const { circuitId, depth, count } = job;
  const key = aggregationsKey(job, circuitId, depth);
  const links = await readBlob(store, key, AGGREGATIONS);
  const below = depth === 0 ? { round: ROUND.leaf, circuitId, depth: 0 } : { round: ROUND.node, circuitId, depth };
  const children = await readChildren(pool, store, { ...batchOf(job), ...below }, count);
  checkSpans(key.key, links, children, 2);
  const plans = planNodes(hasher, set, children);
  const place = { round: ROUND.node, depth: depth + 1, circuitId };
  const circuits = await storePlans(store, job, place, plans, children);
  if (plans.length === 1) return (timeTakenMs) => saveNodeResult(pool, job, { circuits, timeTakenMs });
  const aggregationsUrl = await storeAggregations(store, job, circuitId, depth + 1, plans);
  return (timeTakenMs) => saveNodeResult(pool, job, { circuits, aggregationsUrl, timeTakenMs });
}

async function runTip({ pool, store, hasher, circuits: set }: RoundContext, job: TipJob): Promise<SaveRows> {
  const partial = await readBlob(store, schedulerWitnessKey(job), SCHEDULER_INPUT);
  const filter = { ...batchOf(job), round: ROUND.node, finalNodes: true };
  const children = await readChildren(pool, store, filter, job.count);
  const plan = planTip(hasher, set, partial, children);
  const place = { round: ROUND.tip, depth: 0, circuitId: RECURSION_TIP_CIRCUIT_ID };
  const [circuit] = await storePlans(store, job, place, [plan], children);
  return (timeTakenMs) => saveTipResult(pool, job, { blobUrl: circuit!.blobUrl, timeTakenMs });
}

async function runScheduler(ctx: RoundContext, job: SchedulerJob): Promise<SaveRows> {
  const { pool, store, hasher, circuits: set } = ctx;
  const partial = await readBlob(store, schedulerWitnessKey(job), SCHEDULER_INPUT);
  const children = await readChildren(pool, store, { ...batchOf(job), round: ROUND.tip }, 1);
  // a batch inserted by hand has chain id 0 in its rows; the proof is about the chain that made the batch
  const name = { chainId: partial.chain_id, batchNumber: job.batch, version: job.version };
  const plan = planScheduler(hasher, set, partial, name, children[0]!);
  const place = { round: ROUND.scheduler, depth: 0, circuitId: SCHEDULER_CIRCUIT_ID };
  const [circuit] = await storePlans(store, job, place, [plan], children);
  return (timeTakenMs) => saveSchedulerResult(pool, job, { blobUrl: circuit!.blobUrl, timeTakenMs });
}

const batchOf = ({ batch, chainId }: BatchId): BatchId => ({ batch, chainId });

interface NewBlob {
  round: Round;
  depth: number;
  circuitId: number;
  sequence: number;
  name: string;
  inputs: CircuitInputs;
  children: number[];
}

async function storeCircuit(store: ObjectStore, job: BatchId, circuit: NewBlob): Promise<NewCircuit> {
  const { round, depth, circuitId, sequence } = circuit;
  const key = circuitKey({ ...batchOf(job), round, depth, circuitId, sequence });
  const content = { circuit: circuit.name, inputs: circuit.inputs, children: circuit.children };
  return { sequence, blobUrl: await writeBlob(store, key, CIRCUIT, content) };
}

/** Stores planned circuits in order; children become the ids of the jobs that proved them. */
const storePlans = (
  store: ObjectStore,
  job: BatchId,
  place: { round: Round; depth: number; circuitId: number },
  plans: readonly AggregationPlan[],
  children: readonly StoredChild[],
): Promise<NewCircuit[]> =>
  Promise.all(
    plans.map(({ name, inputs, children: indexes }, sequence) =>
      storeCircuit(store, job, { ...place, sequence, name, inputs, children: indexes.map((i) => children[i]!.jobId) }),
    ),
  );

/** Start and end of leaf and node circuits are their third and fourth public input. */
const storeAggregations = (
  store: ObjectStore,
  job: BatchId,
  recursionCircuitId: number,
  depth: number,
  plans: readonly AggregationPlan[],
): Promise<string> =>
  writeBlob(
    store,
    aggregationsKey(job, recursionCircuitId, depth),
    AGGREGATIONS,
    plans.map(({ publicInputs }, sequence) => ({ sequence, start: publicInputs[2]!, end: publicInputs[3]! })),
  );

/** The proofs must be of the circuits that were planned, in their order; `at` is the place of `start` in the public inputs. */
function checkSpans(key: string, links: readonly Link[], children: readonly StoredChild[], at: number): void {
  if (links.length !== children.length) {
    throw new Error(`${key} has ${links.length} entries for ${children.length} proofs`);
  }
  for (const [i, { publicInputs, jobId }] of children.entries()) {
    if (publicInputs[at] !== links[i]!.start || publicInputs[at + 1] !== links[i]!.end) {
      throw new Error(`the proof of job ${jobId} is not of circuit ${i} of ${key}`);
    }
  }
}
