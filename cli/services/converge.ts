import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { poll, sleep } from '../../lib/deadline.ts';
import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { askProbe } from '../runtimes/ready/probe.ts';
import { componentFailed, describeEnding } from '../runtimes/ready/wait-ready.ts';
import { isEngineGone } from '../runtimes/runtime.ts';
import { ensureComponent, type RunContext, refusal } from './ensure-component.ts';
import { runPlan } from './run-plan.ts';

export interface ConvergeOptions extends RunContext {
  /** The desired components. What runs beyond them is left alone. */
  specs: readonly ComponentSpec[];
}

/**
 * Makes reality like the specs, once: starts what is missing in parallel along needs, starts dead ones again, replaces those whose
 * spec changed, and waits until all are ready. @throws DevkitError COMPONENT_FAILED, TIMED_OUT, PORT_TAKEN
 */
export async function converge(options: ConvergeOptions): Promise<void> {
  const { specs, ...context } = options;
  await runPlan({ steps: [], components: specs.map(withoutSteps), ctx: undefined }, context);
}

export interface SuperviseOptions extends ConvergeOptions {
  /** How often each component is looked at; default 500 ms. */
  intervalMs?: number;
  /** More ends than this within `crashWindowMs` (default 5 in 60 s) give up. */
  maxCrashes?: number;
  crashWindowMs?: number;
  /** File whose change ends this, because `down` was called meanwhile: `paths.downMarker`. */
  downMarker?: string;
}

/**
 * Keeps the components running while `work` goes on: missing ones are started, dead ones again, each after what it needs answers.
 * Ends with the result of `work`; a component that keeps ending aborts the signal `work` was given.
 * @throws DevkitError COMPONENT_FAILED with the last log lines of that component; INTERRUPTED when the devnet was taken down.
 */
export async function superviseWhile<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: SuperviseOptions,
): Promise<T> {
  const failure = new AbortController();
  const finished = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const keepers = options.specs.map((spec) =>
    keepRunning(spec, { ...options, signal: AbortSignal.any([signal, finished.signal]) }).catch((error) => {
      if (!finished.signal.aborted && !signal.aborted) failure.abort(error);
    }),
  );
  try {
    return await work(signal);
  } catch (error) {
    if (failure.signal.aborted && !options.signal.aborted) throw failure.signal.reason;
    throw error;
  } finally {
    finished.abort();
    await Promise.allSettled(keepers);
  }
}

const BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 5_000;
const PRESERVE_EVERY_MS = 5_000;

/** Never returns; throws when aborted or when the component ends too often. */
async function keepRunning(spec: ComponentSpec, options: SuperviseOptions): Promise<never> {
  const { runtime, signal, emit, intervalMs = 500, maxCrashes = 5, crashWindowMs = 60_000 } = options;
  const marker = changeTime(options.downMarker);
  const takenDown = (): boolean => changeTime(options.downMarker) !== marker;
  let crashes: number[] = [];
  let restarts = 0;
  let preservedAt = performance.now();
  while (true) {
    if (takenDown()) throw downElsewhere();
    const status = await inspectPatiently(spec, options);
    if (status.state === 'running') {
      if (performance.now() - preservedAt > PRESERVE_EVERY_MS) {
        await runtime.preserve(spec);
        preservedAt = performance.now();
      }
      await sleep(intervalMs, signal);
      continue;
    }
    if (status.state === 'exited') {
      const refused = await refusal(status, runtime);
      if (refused !== undefined && restarts + crashes.length > 0) throw refused;
      const now = performance.now();
      crashes = [...crashes.filter((at) => now - at < crashWindowMs), now];
      if (crashes.length > maxCrashes) {
        throw await componentFailed(status, runtime, `${crashes.length} times within ${crashWindowMs / 1000} s`);
      }
      await sleep(Math.min(BACKOFF_MS * 2 ** (crashes.length - 1), MAX_BACKOFF_MS), signal);
    }
    if (takenDown()) throw downElsewhere();
    const started = await startAgain(spec, options);
    if (takenDown()) {
      // `down` came in between and did not see this start
      await runtime.stop(spec.id, new AbortController().signal);
      throw downElsewhere();
    }
    if (started && status.state === 'exited') {
      const reason = `it had ended (${describeEnding(status)})`;
      emit({ type: 'component.restarted', component: spec.id, reason, restarts: ++restarts });
    }
  }
}

/** False when it ended again before it was ready: the caller counts that. */
async function startAgain(spec: ComponentSpec, options: SuperviseOptions): Promise<boolean> {
  try {
    await needsAnswer(spec, options);
    await ensureComponent(spec, options);
    return true;
  } catch (error) {
    if (error instanceof DevkitError && error.code === 'COMPONENT_FAILED') return false;
    if (isEngineGone(error)) return false;
    throw error;
  }
}

const ENGINE_RETURN_MS = 120_000;

/** A container engine may be restarted meanwhile: nothing is known until it answers again. */
async function inspectPatiently(spec: ComponentSpec, { runtime, signal }: SuperviseOptions): Promise<ComponentStatus> {
  const end = performance.now() + ENGINE_RETURN_MS;
  while (true) {
    try {
      return await runtime.inspect(spec.id);
    } catch (error) {
      if (!isEngineGone(error) || performance.now() > end) throw error;
      await sleep(MAX_BACKOFF_MS / 10, signal);
    }
  }
}

/** Their own keepers start them; here it is only waited. */
async function needsAnswer(spec: ComponentSpec, { specs, signal }: SuperviseOptions): Promise<void> {
  const needed = specs.filter((other) => spec.needs.some((need) => need.component === other.id));
  await allAnswer(needed, signal);
}

/** Waits until each component's probe answers; somebody else starts them. */
export async function allAnswer(specs: readonly ComponentSpec[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    specs.map(({ ready }) =>
      poll(async () => ((await askProbe(ready, 2_000, signal)) === undefined ? true : undefined), {
        intervalMs: 20,
        maxIntervalMs: 250,
        signal,
      }),
    ),
  );
}

/** Steps are done by whoever set the devnet up; converging is about what runs. */
const withoutSteps = (spec: ComponentSpec): ComponentSpec => ({
  ...spec,
  needs: spec.needs.filter((need) => !need.component.startsWith('step:')),
});

const downElsewhere = (): DevkitError => new DevkitError('INTERRUPTED', 'the devnet was taken down by another command');

/** When the marker was last written; 0 before that, -1 when the devnet's folder is gone. */
function changeTime(file: string | undefined): number {
  if (file === undefined) return 0;
  const time = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return time ?? (existsSync(dirname(file)) ? 0 : -1);
}
