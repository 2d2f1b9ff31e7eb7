/** A devnet of a system that says by itself what there is to start and to do: all but ZKsync's, whose ecosystems have tools of their own. */
import { DevkitError } from '../core/errors.ts';
import { allocatePorts } from '../core/ports.ts';
import { type DevnetState, readState, STATE_VERSION, updateState } from '../core/state.ts';
import type { OpenedSystem, System, SystemPlace } from '../core/system.ts';
import type { ComponentSpec, RuntimeName } from '../core/types.ts';
import { holderLookup } from '../host/ports.ts';
import { ensurePostgresData } from '../host/postgres-data.ts';
import {
  containerPlaces,
  copyForContainers,
  ensureLocalImages,
  handOverMounts,
  prepareCompileCache,
} from './container-places.ts';
import { ensureDevnetFolder, noDevnet, type ServiceContext } from './context.ts';
import { allAnswer, superviseWhile } from './converge.ts';
import type { RunContext } from './ensure-component.ts';
import { runPlan } from './run-plan.ts';
import { openRuntime, runtimeName } from './runtime.ts';
import { readStack } from './stack.ts';
import type { OpenOptions, SystemDevnet } from './system-devnet.ts';

export interface PlainDevnet extends SystemDevnet {
  place: SystemPlace;
  /** What components find when they start; `where`: one may be a container beside processes. */
  prepare(specs: readonly ComponentSpec[], where?: RuntimeName): Promise<void>;
}

type OpenSystem = System & Required<Pick<System, 'open'>>;

/** @throws DevkitError NOT_FOUND for a devnet that is not there, unless it may be made */
export async function openPlainDevnet(
  ctx: ServiceContext,
  system: OpenSystem,
  { create = false }: OpenOptions,
): Promise<PlainDevnet> {
  const made = await readState(ctx.paths);
  if (made === undefined && !create) throw noDevnet(ctx);
  const state = made ?? (await newState(ctx, system));
  const runtime = await openRuntime(ctx);
  const place: SystemPlace = {
    paths: ctx.paths,
    state,
    stack: await readStack(ctx),
    containers: containerPlaces(ctx, state.runtime, 'configs'),
  };
  const opened = await system.open(place);
  const run: RunContext = { runtime, emit: ctx.emit, signal: ctx.signal };
  const prepare: PlainDevnet['prepare'] = (specs, where = state.runtime) =>
    where === 'docker' ? prepareContainers(ctx, place, opened, specs) : prepareProcesses(ctx, specs);
  return {
    ctx,
    state,
    runtime,
    place,
    prepare,
    specs: opened.components,
    proving: opened.proving,
    variables: opened.variables,
    toolFiles: opened.toolFiles,
    openJobs: opened.openJobs,
    start: async () => {
      if (made === undefined) await keepState(ctx, state);
      await startAll({ place, opened, run, prepare });
    },
    prepareContainers: () => prepare(opened.components),
    whileRunning: async (specs, work) => {
      await prepare(specs);
      return superviseWhile((signal) => allAnswer(specs, signal).then(() => work(signal)), {
        ...run,
        specs,
        keepChanged: true,
        downMarker: ctx.paths.downMarker,
      });
    },
  };
}

async function newState(ctx: ServiceContext, system: System): Promise<DevnetState> {
  const block = allocatePorts({ defaults: await system.defaultPorts(), holderOf: holderLookup() });
  if (block.notice) ctx.emit({ type: 'notice', message: block.notice });
  const { variant } = await readStack(ctx);
  return {
    schemaVersion: STATE_VERSION,
    name: ctx.paths.name,
    system: system.name,
    runtime: await runtimeName(ctx),
    variant,
    createdAt: new Date().toISOString(),
    ports: block.ports,
    portShift: block.shift,
    settings: {},
  };
}

/** Another command may have made it meanwhile: then its ports hold. @throws DevkitError ALREADY_EXISTS */
async function keepState(ctx: ServiceContext, state: DevnetState): Promise<void> {
  ensureDevnetFolder(ctx.paths);
  await updateState(ctx.paths, (there) => {
    if (there !== undefined) throw alreadyMade(ctx);
    return state;
  });
}

const alreadyMade = ({ paths }: ServiceContext): DevkitError =>
  new DevkitError('ALREADY_EXISTS', `devnet '${paths.name}' was made by another command in this moment`, {
    hint: 'the same command again uses it',
  });

interface Start {
  place: SystemPlace;
  opened: OpenedSystem;
  run: RunContext;
  prepare(specs: readonly ComponentSpec[]): Promise<void>;
}

async function startAll({ place, opened, run, prepare }: Start): Promise<void> {
  await runPlan({ steps: opened.before, components: [], ctx: place }, run);
  await prepare(opened.components);
  await runPlan({ steps: opened.after, components: opened.components, ctx: place }, run);
}

async function prepareProcesses({ signal }: ServiceContext, specs: readonly ComponentSpec[]): Promise<void> {
  const databases = specs.filter(({ program }) => program === 'postgres');
  for (const { cwd } of databases) await ensurePostgresData(cwd, signal);
}

async function prepareContainers(
  ctx: ServiceContext,
  { containers }: SystemPlace,
  { containerFiles }: OpenedSystem,
  specs: readonly ComponentSpec[],
): Promise<void> {
  await Promise.all([
    ensureLocalImages(ctx, specs),
    copyForContainers(containers.configsDir, containerFiles),
    prepareCompileCache(containers.compileCacheDir),
    handOverMounts(specs, [containers.compileCacheDir]),
  ]);
}
