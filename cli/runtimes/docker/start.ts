import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sleep } from '../../../lib/deadline.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import { portTaken } from '../../core/ports.ts';
import type { ComponentSpec, ImageRef } from '../../core/types.ts';
import { describeHolder, listeningPorts, portHolder } from '../../host/ports.ts';
import { prepareAnvil } from './anvil.ts';
import { type Container, findContainer, removeContainer, stopContainer } from './containers.ts';
import { type ContainerInput, containerDigest, containerForm, containerOptions, volumesOf } from './create-options.ts';
import { type EngineDevices, type GpuMethod, gpuMethod } from './device-options.ts';
import type { Engine } from './engine.ts';
import {
  type About,
  engineCall,
  httpStatus,
  isConflict,
  isFirewallReset,
  isMissing,
  missingImage,
  takenPort,
  translateError,
} from './errors.ts';
import { LABEL } from './labels.ts';
import { containerName } from './names.ts';
import { ensureNetwork } from './network.ts';
import { removeContainerRecord, writeContainerRecord } from './record.ts';
import { ensureVolume } from './volumes.ts';

export interface StartContext {
  paths: DevnetPaths;
  engine: Engine;
  /** Name that the engine knows the image by. */
  resolveImage: (ref: ImageRef) => Promise<string>;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * Gets the component's container running: one made from an equal spec and image is kept, or started again if it ended; another is
 * stopped gracefully and replaced. The caller holds the component's lock.
 * @throws DevkitError NOT_FOUND (image), PORT_TAKEN, HOST_UNFIT, CONFIG_INVALID (volume), COMPONENT_FAILED
 */
export async function startContainer(
  context: StartContext,
  spec: ComponentSpec,
  signal: AbortSignal,
): Promise<Container> {
  const { engine, paths } = context;
  const input = await containerInput(context, spec);
  for (const short of volumesOf(containerForm(spec))) await ensureVolume(engine, paths, short);
  const existing = await findContainer(engine, paths, spec.id);
  if (existing) {
    const kept = await keepExisting(context, spec, existing, containerDigest(spec, input), signal);
    if (kept) return kept;
    await stopContainer(engine, existing.Id, signal);
    await removeContainer(engine, existing.Id, signal);
  }
  signal.throwIfAborted();
  return createAndStart(context, spec, input, signal);
}

async function containerInput(
  { engine, paths, resolveImage, env }: StartContext,
  spec: ComponentSpec,
): Promise<ContainerInput> {
  const form = containerForm(spec);
  const imageTag = await resolveImage(form.image);
  const about = aboutStart(engine, spec, imageTag);
  const [imageId, method] = await Promise.all([
    imageIdOf(engine, about),
    form.gpus === undefined ? undefined : engineGpuMethod(engine, about),
  ]);
  return {
    paths,
    podName: `${spec.id}-${randomBytes(4).toString('hex')}`,
    imageTag,
    imageId,
    passedEnv: passedEnvironment(env),
    ...(method === undefined ? {} : { gpuMethod: method }),
  };
}

/** As for processes: overrides of configuration values, and how much is logged. */
const PASSED = /^(RUST_LOG|ZKSYNC_.+)$/;

function passedEnvironment(env: StartContext['env']): Record<string, string> {
  const entries = Object.entries(env).filter(([key, value]) => value !== undefined && PASSED.test(key));
  return Object.fromEntries(entries) as Record<string, string>;
}

function aboutStart({ host }: Engine, spec: ComponentSpec, tag: string): About & Required<Pick<About, 'image'>> {
  const { image: ref } = containerForm(spec);
  return { host, action: `start ${spec.id}`, component: spec.id, image: { ref, tag } };
}

async function imageIdOf({ docker }: Engine, about: ReturnType<typeof aboutStart>): Promise<string> {
  return engineCall(about, async () => {
    try {
      return (await docker.getImage(about.image.tag).inspect()).Id;
    } catch (error) {
      throw isMissing(error) ? missingImage(about.image, about, error) : error;
    }
  });
}

const engineGpuMethod = ({ docker }: Engine, about: About): Promise<GpuMethod> =>
  engineCall(about, async () => gpuMethod((await docker.info()) as EngineDevices));

/** Undefined when it has to be replaced. */
async function keepExisting(
  context: StartContext,
  spec: ComponentSpec,
  existing: Container,
  digest: string,
  signal: AbortSignal,
): Promise<Container | undefined> {
  const { engine } = context;
  const { State: state, Config: config } = existing;
  if (config.Labels[LABEL.spec] !== digest || state.Dead || state.Status === 'removing') return undefined;
  if (state.Running && !state.Restarting) return existing;
  // between two attempts of Docker's own: one more at the same time would be in its way
  if (state.Restarting) await stopContainer(engine, existing.Id, signal);
  await prepareStart(context, spec, signal);
  try {
    await recordStart(context, spec);
    return await startNow(engine, existing.Id);
  } catch (error) {
    // its network was removed meanwhile, or somebody removed the container
    if (isMissing(error)) return undefined;
    // one that has run stays: an engine that is about to stop refuses starts too
    if (state.Status === 'created') await removeFailed(context, spec, error, signal);
    throw await startError(engine, error, spec, config.Image);
  }
}

async function createAndStart(
  context: StartContext,
  spec: ComponentSpec,
  input: ContainerInput,
  signal: AbortSignal,
): Promise<Container> {
  await prepareStart(context, spec, signal);
  signal.throwIfAborted();
  try {
    await recordStart(context, spec);
    return await startNow(context.engine, await createOnce(context, spec, input, signal));
  } catch (error) {
    await removeFailed(context, spec, error, signal);
    throw await startError(context.engine, error, spec, input.imageTag);
  }
}

/** The id. A name that is still being given back is waited for. */
async function createOnce(
  { engine, paths }: StartContext,
  spec: ComponentSpec,
  input: ContainerInput,
  signal: AbortSignal,
): Promise<string> {
  const create = async (): Promise<string> => (await engine.docker.createContainer(containerOptions(spec, input))).id;
  try {
    return await create();
  } catch (error) {
    if (!isConflict(error)) throw error;
    const other = await findContainer(engine, paths, spec.id); // refuses one that is not ours
    if (other) await removeContainer(engine, other.Id, signal);
    return create();
  }
}

async function prepareStart(context: StartContext, spec: ComponentSpec, signal: AbortSignal): Promise<void> {
  const { engine, paths } = context;
  // one after the other: what is refused must not go on making things
  await refuseTakenPorts(engine, spec);
  await prepareAnvil(spec);
  signal.throwIfAborted();
  if (containerForm(spec).network === 'devnet') await ensureNetwork(engine, paths, signal);
}

const recordStart = ({ engine, paths }: StartContext, spec: ComponentSpec): Promise<void> =>
  writeContainerRecord(paths, spec.id, {
    version: 1,
    engine: engine.host,
    name: containerName(paths, spec.id),
    logSince: new Date().toISOString(),
  });

const FIREWALL_WAIT_MS = 500;

/** Errors are the daemon's own. */
async function startNow({ docker }: Engine, id: string): Promise<Container> {
  const start = (): Promise<unknown> => docker.getContainer(id).start();
  try {
    await start();
  } catch (error) {
    if (!isFirewallReset(error)) throw error;
    await sleep(FIREWALL_WAIT_MS);
    await start();
  }
  return docker.getContainer(id).inspect();
}

/** A container that could not be started (a port, a GPU, a folder) is of no use to anybody. */
async function removeFailed(
  { engine, paths }: StartContext,
  spec: ComponentSpec,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  if (httpStatus(error) === undefined) return; // the engine did not answer, so it cannot remove anything either
  const container = await findContainer(engine, paths, spec.id);
  if (container?.State.Running) return;
  if (container) await removeContainer(engine, container.Id, signal);
  await removeContainerRecord(paths, spec.id);
}

async function startError(engine: Engine, error: unknown, spec: ComponentSpec, tag: string): Promise<unknown> {
  const port = takenPort(error);
  if (port === undefined) return translateError(error, aboutStart(engine, spec, tag));
  const name = spec.ports.find((own) => own.port === port)?.name ?? 'port';
  return portTaken(port, `${spec.id} ${name}`, ...(await holderOfPort(engine, port)));
}

async function refuseTakenPorts(engine: Engine, spec: ComponentSpec): Promise<void> {
  const listening = listeningPorts();
  for (const { name, port } of spec.ports) {
    if (listening.has(port)) throw portTaken(port, `${spec.id} ${name}`, ...(await holderOfPort(engine, port)));
  }
}

/** Who it is and, for a container, how it is stopped: a container says more than the proxy process in front of it. */
async function holderOfPort({ docker, host }: Engine, port: number): Promise<[holder: string, stop?: string]> {
  const containers = await engineCall({ host, action: 'list containers' }, () => docker.listContainers());
  const publishing = containers.find((container) => container.Ports.some(({ PublicPort }) => PublicPort === port));
  if (publishing) {
    const name = publishing.Names[0]?.replace(/^\//, '') ?? publishing.Id;
    return [`container ${name}`, stopCommand(name, publishing.Labels)];
  }
  const holder = portHolder(port);
  return [holder ? describeHolder(holder) : 'another program'];
}

function stopCommand(name: string, labels: Readonly<Record<string, string>>): string {
  const { [LABEL.dir]: dir, [LABEL.devnet]: devnet, 'com.docker.compose.project': project } = labels;
  if (project !== undefined) return `docker compose -p ${project} down`;
  if (dir === undefined) return `docker stop ${name}`;
  return `cd ${join(dir, '../../..')} && devkit down --devnet ${devnet}`;
}
