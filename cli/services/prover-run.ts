/** `devkit prover run`: one component in the foreground, or all of them. */
import type { WorkerOptions } from '../../systems/zksync/index.ts';
import { DevkitError } from '../core/errors.ts';
import type { Stack } from '../core/stack.ts';
import type { ComponentSpec, ComponentStatus, RuntimeName } from '../core/types.ts';
import { runAllAttached, runAttached } from './attach.ts';
import type { ServiceContext } from './context.ts';
import { hasServer, type OpenDevnet, openDevnet } from './devnet.ts';
import type { ProverRunInput, ProverRunResult } from './inputs.ts';
import { placeOn } from './place-devnet.ts';
import { checkUpstream } from './preflight.ts';
import { openRuntime } from './runtime.ts';
import { ownInfrastructure, prepareData, runContext, startComponents, whileRunning } from './start.ts';
import { specsOfVariant, variantOf } from './upstream.ts';
import { untilAborted } from './watch.ts';

/** Ends when the component ends, or when the signal aborts: then it was stopped gracefully. */
export async function proverRun(ctx: ServiceContext, input: ProverRunInput): Promise<ProverRunResult> {
  const devnet = await openDevnet(ctx, input.chain, input.stack);
  const { stack } = devnet;
  if (input.all) {
    const specs = await specsOfVariant(devnet, stack, devnet.runtime.name, { threads: input.threads });
    return runAll(devnet, specs);
  }
  const placed = await inRuntime(devnet, input.component, input.runtime);
  const spec = await specOf(placed, stack, input);
  await refuseRunning(devnet, input.component);
  await startDatabase(devnet);
  await checkUpstream(placed, [spec]);
  return runOne(placed, spec);
}

type OneComponent = Extract<ProverRunInput, { all: false }>;

async function specOf(devnet: OpenDevnet, stack: Stack, input: OneComponent): Promise<ComponentSpec> {
  if (input.mode === 'fflonk' && variantOf(devnet, stack) === 'reference') {
    throw new DevkitError(
      'USAGE',
      'the reference compressor makes UltraHonk proofs under the tag Plonk; there is no FFLONK one',
      {
        hint: 'devkit prover run --component=compressor --mode=plonk',
      },
    );
  }
  const options: WorkerOptions = {
    round: input.round === undefined || input.round === 'all-rounds' ? undefined : input.round.replaceAll('-', '_'),
    threads: input.threads,
    lightWvgCount: input.lightWvgCount,
    heavyWvgCount: input.heavyWvgCount,
    maxAllocation: input.maxAllocation,
    fflonk: input.mode === 'fflonk',
  };
  const specs = await specsOfVariant(devnet, stack, devnet.runtime.name, options);
  const found = specs.find((spec) => spec.id === input.component);
  if (found) return found;
  throw new DevkitError(
    'NOT_FOUND',
    `the chain's protocol version has no ${input.component}; it has ${specs.map(({ id }) => id).join(', ')}`,
  );
}

/** A component of one terminal. */
async function runOne(devnet: OpenDevnet, wanted: ComponentSpec): Promise<ProverRunResult> {
  const { specs, runtime } = await placeOn(devnet, [wanted]);
  const spec = specs[0] as ComponentSpec;
  const status = await attach({ ...devnet, runtime }, spec);
  return {
    components: [{ id: spec.id, exitCode: status.exitCode ?? null, signal: status.signal ?? null, restarts: 0 }],
  };
}

/** One component may run otherwise than the devnet it belongs to. @throws DevkitError USAGE where the others could not reach it */
async function inRuntime(devnet: OpenDevnet, component: string, wanted: RuntimeName | undefined): Promise<OpenDevnet> {
  if (wanted === undefined || wanted === devnet.state.runtime) return devnet;
  if (wanted === 'process' && component === 'gateway') {
    throw new DevkitError(
      'USAGE',
      `devnet '${devnet.ctx.paths.name}' runs in containers, and its server asks the gateway by name in their network: a process is not there`,
      { hint: 'devkit prover run --component=gateway --docker' },
    );
  }
  return { ...devnet, runtime: await openRuntime(devnet.ctx, wanted) };
}

export async function refuseRunning(devnet: OpenDevnet, id: string): Promise<void> {
  const status = await devnet.runtime.inspect(id);
  if (status.state !== 'running') return;
  throw new DevkitError('ALREADY_EXISTS', `${id} runs already (pid ${status.pid})`, {
    hint: `devkit logs ${id} --follow   or   devkit down, the same command again, and devkit up in another terminal for the rest`,
  });
}

/** Log lines go out as events; a component that fails by itself is an error with its last lines. */
export async function attach(devnet: OpenDevnet, spec: ComponentSpec): Promise<ComponentStatus> {
  const { emit } = devnet.ctx;
  await prepareData(devnet, [spec]);
  const status = await runAttached(inForeground(spec), runContext(devnet), (line) =>
    emit({ type: 'log', component: spec.id, line }),
  );
  if (status.exitCode === 0) return status;
  const lines = await devnet.runtime.lastLines(spec.id, 20);
  const how = status.exitCode === undefined ? (status.signal ?? 'unknown') : `exit code ${status.exitCode}`;
  throw new DevkitError('COMPONENT_FAILED', [`${spec.id} ended: ${how}`, ...lines].join('\n'), {
    hint: `the whole log: ${status.logFile}`,
  });
}

/** In a terminal the component ends when it ends: an engine must not start it again behind. */
const inForeground = (spec: ComponentSpec): ComponentSpec =>
  spec.container ? { ...spec, container: { ...spec.container, restart: false } } : spec;

export async function startDatabase(devnet: OpenDevnet): Promise<void> {
  const wanted = hasServer(devnet) ? ['postgres', 'l1'] : ['postgres'];
  await startComponents(
    devnet,
    (await ownInfrastructure(devnet)).filter(({ id }) => wanted.includes(id)),
  );
}

async function runAll(devnet: OpenDevnet, specs: readonly ComponentSpec[]): Promise<ProverRunResult> {
  await startDatabase(devnet);
  await checkUpstream(devnet, specs);
  await runAllAttached(specs, runContext(devnet), async () => {
    await startComponents(devnet, specs);
    await whileRunning(devnet, specs, (signal) => untilAborted(signal));
  });
  return { components: specs.map(({ id }) => ({ id, exitCode: null, signal: null, restarts: 0 })) };
}
