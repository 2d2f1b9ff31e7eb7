import { orderPlan } from '../core/plan.ts';
import type { ComponentSpec, Step } from '../core/types.ts';
import { ensureComponent, type RunContext } from './ensure-component.ts';

/**
 * A plan: steps and components, each done as soon as what it needs is done. A step needs steps by id and components as
 * `component:<id>` (ready). A component needs components by id and steps as `step:<id>`; needed components that are not
 * part of the plan are taken to be somebody else's business.
 */
export interface Plan<C> {
  steps: readonly Step<C>[];
  components: readonly ComponentSpec[];
  /** The system's own context, given to the steps. */
  ctx: C;
}

export interface PlanResult {
  /** Ids of steps that were applied. */
  applied: string[];
  /** Ids of steps that had been done before. */
  skipped: string[];
}

interface PlanTask {
  id: string;
  needs: string[];
  /** Needs for which it is enough that the component runs. */
  startedOnly: Set<string>;
  run(context: RunContext, onStarted: () => void): Promise<void>;
}

/** Runs a plan in parallel along its needs. The first failure aborts the rest, all are waited for, and it is thrown. */
export async function runPlan<C>(plan: Plan<C>, context: RunContext): Promise<PlanResult> {
  const result: PlanResult = { applied: [], skipped: [] };
  const ids = new Set(plan.components.map((spec) => spec.id));
  const tasks = orderPlan([
    ...plan.steps.map((step) => stepTask(step, plan.ctx, result)),
    ...plan.components.map((spec) => componentTask(spec, ids)),
  ]);
  const failure = new AbortController();
  const inner = { ...context, signal: AbortSignal.any([context.signal, failure.signal]) };
  const started = new Map<string, Promise<void>>();
  const done = new Map<string, Promise<void>>();
  for (const task of tasks) {
    const begun = Promise.withResolvers<void>();
    const needs = task.needs.map((need) => (task.startedOnly.has(need) ? started.get(need) : done.get(need)));
    const finished = Promise.all(needs).then(() => {
      inner.signal.throwIfAborted();
      return task.run(inner, begun.resolve);
    });
    finished.then(begun.resolve, (error) => {
      begun.reject(error);
      failure.abort(error);
    });
    begun.promise.catch(() => {}); // reported by `finished`
    started.set(task.id, begun.promise);
    done.set(task.id, finished);
  }
  await Promise.allSettled(done.values());
  context.signal.throwIfAborted();
  if (failure.signal.aborted) throw failure.signal.reason;
  return result;
}

function stepTask<C>(step: Step<C>, ctx: C, result: PlanResult): PlanTask {
  const { id, title } = step;
  const run = async ({ emit, signal }: RunContext): Promise<void> => {
    const begin = performance.now();
    try {
      const check = await step.check(ctx, signal);
      if (check.state === 'done') {
        result.skipped.push(id);
        emit({ type: 'step.skipped', step: id, title, reason: 'already done' });
        return;
      }
      emit({ type: 'step.started', step: id, title });
      await step.apply(ctx, signal);
    } catch (error) {
      if (!signal.aborted) emit({ type: 'step.failed', step: id, title, message: String((error as Error).message) });
      throw error;
    }
    result.applied.push(id);
    emit({ type: 'step.done', step: id, title, durationMs: Math.round(performance.now() - begin) });
  };
  return { id, needs: step.needs, startedOnly: new Set(), run };
}

function componentTask(spec: ComponentSpec, known: Set<string>): PlanTask {
  const needs: string[] = [];
  const startedOnly = new Set<string>();
  for (const { component, condition } of spec.needs) {
    const isStep = component.startsWith('step:');
    if (!isStep && !known.has(component)) continue;
    const id = isStep ? component.slice('step:'.length) : `component:${component}`;
    needs.push(id);
    if (condition === 'started') startedOnly.add(id);
  }
  const run = async (context: RunContext, onStarted: () => void): Promise<void> => {
    await ensureComponent(spec, context, onStarted);
  };
  return { id: `component:${spec.id}`, needs, startedOnly, run };
}
