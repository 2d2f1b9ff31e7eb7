import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import type Docker from 'dockerode';
import { DevkitError } from '../../core/errors.ts';
import { healthCommand } from '../../core/health.ts';
import type { DevnetPaths } from '../../core/paths.ts';
import type { ComponentSpec, ContainerForm, Mount, Probe } from '../../core/types.ts';
import { type GpuMethod, gpuOptions } from './device-options.ts';
import { componentLabels } from './labels.ts';
import { containerName, networkName, volumeName } from './names.ts';

export interface ContainerInput {
  paths: DevnetPaths;
  /** Written into the container's environment: workers sign what they pick with it. */
  podName: string;
  /** Name the image is found by, and the id it has now. */
  imageTag: string;
  imageId: string;
  /** Only looked at when the component has GPUs. */
  gpuMethod?: GpuMethod;
  /** Of the kit's own environment, e.g. ZKSYNC_* overrides; not part of the digest. */
  passedEnv?: Readonly<Record<string, string>>;
}

const MIB = 2 ** 20;
/** Enough for a prover's threads; a fork bomb ends here. */
const DEFAULT_PIDS = 4096;

/** What the container is made from, with its labels and `name`. Pure. @throws DevkitError USAGE for a component that has no container form */
export function containerOptions(spec: ComponentSpec, input: ContainerInput): Docker.ContainerCreateOptions {
  const form = containerForm(spec);
  const options = baseOptions(spec, form, input);
  const env = { ...input.passedEnv, ...spec.env, ...form.env, POD_NAME: input.podName };
  return {
    ...options,
    name: containerName(input.paths, spec.id),
    Env: environment(env),
    Labels: componentLabels(spec, input.paths, containerDigest(spec, input)),
  };
}

/** Equal for specs and images that make the same container: 16 hex digits. Does not depend on `podName` and `passedEnv`. */
export function containerDigest(spec: ComponentSpec, input: ContainerInput): string {
  const form = containerForm(spec);
  const parts = [input.imageId, baseOptions(spec, form, input), environment({ ...spec.env, ...form.env }), spec.ports];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

export function containerForm(spec: ComponentSpec): ContainerForm {
  if (spec.container) return spec.container;
  throw new DevkitError('USAGE', `${spec.id} cannot run in a container`, { hint: 'use --runtime process for it' });
}

/** Names of the volumes a component mounts, without the devnet's prefix. */
export const volumesOf = (form: ContainerForm): string[] =>
  form.mounts.map((mount) => mount.source).filter((source) => !isAbsolute(source));

function baseOptions(spec: ComponentSpec, form: ContainerForm, input: ContainerInput): Docker.ContainerCreateOptions {
  const health = healthCheck(spec.ready, form);
  return {
    Image: input.imageTag,
    Cmd: form.argv,
    ...(form.entrypoint ? { Entrypoint: form.entrypoint } : {}),
    ...(form.cwd === undefined ? {} : { WorkingDir: form.cwd }),
    ...(form.user === undefined ? {} : { User: form.user }),
    ...(health ? { Healthcheck: health } : {}),
    StopSignal: spec.stop.signal,
    StopTimeout: Math.max(1, Math.ceil(spec.stop.graceMs / 1000)),
    ...networkOptions(spec, form, input.paths),
    HostConfig: {
      ...hostNetwork(spec, form, input.paths),
      Mounts: form.mounts.map((mount) => mountOptions(mount, input.paths)),
      // with it, signals reach the program and its orphans are reaped
      Init: true,
      // Docker's own restarts bridge the time when no kit command watches
      RestartPolicy: form.restart === false ? { Name: 'no' } : { Name: 'on-failure', MaximumRetryCount: 3 },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      ...limitOptions(form),
      ...(form.hardened ? HARDENED : {}),
      ...(form.gpus === undefined ? {} : gpuOptions(form.gpus, input.gpuMethod ?? 'device-requests')),
    },
  };
}

const HARDENED = {
  ReadonlyRootfs: true,
  Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,mode=1777' },
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
};

function limitOptions({ limits = {}, hardened }: ContainerForm): Docker.HostConfig {
  const { memoryMiB, cpus, pids = hardened ? DEFAULT_PIDS : undefined } = limits;
  return {
    // equal: no swap on top, so that the limit is the limit
    ...(memoryMiB === undefined ? {} : { Memory: memoryMiB * MIB, MemorySwap: memoryMiB * MIB }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(pids === undefined ? {} : { PidsLimit: pids }),
  };
}

function networkOptions(spec: ComponentSpec, form: ContainerForm, paths: DevnetPaths): Docker.ContainerCreateOptions {
  if (form.network === 'host') return {};
  return {
    ExposedPorts: Object.fromEntries(spec.ports.map(({ port }) => [`${port}/tcp`, {}])),
    NetworkingConfig: { EndpointsConfig: { [networkName(paths)]: { Aliases: [spec.id] } } },
  };
}

function hostNetwork(spec: ComponentSpec, form: ContainerForm, paths: DevnetPaths): Docker.HostConfig {
  if (form.network === 'host') return { NetworkMode: 'host' };
  const bindings = spec.ports.map(({ port }) => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: String(port) }]]);
  return {
    NetworkMode: networkName(paths),
    PortBindings: Object.fromEntries(bindings),
    // components that run as processes are reached by this name
    ExtraHosts: ['host.docker.internal:host-gateway'],
  };
}

function mountOptions({ source, target, readOnly = false }: Mount, paths: DevnetPaths): Docker.MountSettings {
  const bind = isAbsolute(source);
  return {
    Type: bind ? 'bind' : 'volume',
    Source: bind ? source : volumeName(paths, source),
    Target: target,
    ReadOnly: readOnly,
  };
}

const SECOND_NS = 1_000_000_000;

/** Images of this machine carry the program that asks; others keep their own health check. */
function healthCheck(ready: Probe, form: ContainerForm): Docker.HealthConfig | undefined {
  if (!('local' in form.image)) return undefined;
  return {
    Test: ['CMD', ...healthCommand(ready)],
    // for people and other tools: the kit asks by itself, and a process per second would cost CPU
    Interval: 30 * SECOND_NS,
    Timeout: 5 * SECOND_NS,
    Retries: 3,
  };
}

/** Sorted, so that equal environments give equal digests. */
const environment = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
