/** A devnet as a Compose file: the same containers that the docker runtime makes, said in Compose's words. Pure. */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { Document, isScalar, Scalar, visit } from 'yaml';
import { healthCommand } from './health.ts';
import type { ComponentSpec, ContainerForm, Mount } from './types.ts';

export interface ComposeOptions {
  /** Name of the devnet, for labels. */
  devnet: string;
  /** Name of the Compose project: lower case letters, digits, `-` and `_`. */
  project: string;
  /** Tag of each image made on this machine, by its short name. */
  imageTags: Readonly<Record<string, string>>;
  /** Real name of each of the devnet's volumes, by its short name. They are the devnet's: Compose neither makes nor removes them. */
  volumes: Readonly<Record<string, string>>;
  /** Time between two health checks of a container. */
  healthIntervalMs: number;
  /** How this machine's engine gives GPUs to containers; default: its own NVIDIA driver. */
  gpuMethod?: 'device-requests' | 'cdi';
}

export interface ComposeService {
  image: string;
  pull_policy?: 'never';
  entrypoint?: string[];
  command: string[];
  working_dir?: string;
  user?: string;
  environment: Record<string, string>;
  network_mode?: 'host';
  networks?: Record<string, { aliases: string[] }>;
  extra_hosts?: string[];
  ports?: string[];
  volumes: ComposeMount[];
  depends_on?: Record<string, { condition: 'service_healthy' | 'service_started' }>;
  healthcheck?: ComposeHealth;
  init: true;
  read_only?: true;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  stop_signal: string;
  stop_grace_period: string;
  restart: string;
  mem_limit?: string;
  memswap_limit?: string;
  cpus?: number;
  pids_limit?: number;
  deploy?: { resources: { reservations: { devices: GpuDevices[] } } };
  logging: { driver: string; options: Record<string, string> };
  labels: Record<string, string>;
}

interface ComposeHealth {
  test: string[];
  interval: string;
  timeout: string;
  retries: number;
  start_period: string;
}

type ComposeMount =
  | { type: 'volume'; source: string; target: string; read_only?: true }
  | { type: 'bind'; source: string; target: string; read_only?: true; bind: { create_host_path: false } };
type GpuDevices = { driver: 'nvidia' | 'cdi'; capabilities: string[] } & ({ count: 'all' } | { device_ids: string[] });

export interface ComposeFile {
  name: string;
  services: Record<string, ComposeService>;
  networks: Record<string, { labels: Record<string, string> }>;
  volumes: Record<string, { external: true; name: string }>;
}

const NETWORK = 'devnet';

/**
 * The file as a plain object, every `$` doubled: nothing in it is a variable of Compose.
 * @throws Error for a component without container form, an image without tag, a volume without name: mistakes of the caller.
 */
export function composeFile(specs: readonly ComponentSpec[], options: ComposeOptions): ComposeFile {
  const ids = new Set(specs.map(({ id }) => id));
  const checked = new Set(specs.filter(({ container }) => container && hasHealth(container)).map(({ id }) => id));
  const services = specs.map((spec) => {
    const needs = spec.needs.filter(({ component }) => ids.has(component));
    return [spec.id, { ...serviceOf(spec, options), ...dependsOn(needs, checked) }] as const;
  });
  const usesNetwork = specs.some(({ container }) => container?.network === 'devnet');
  const file: ComposeFile = {
    name: options.project,
    services: Object.fromEntries(services.map(([id, service]) => [id, ordered(service)])),
    networks: usesNetwork ? { [NETWORK]: { labels: labelsOf(options) } } : {},
    volumes: Object.fromEntries(
      volumesOf(specs).map((short) => [short, { external: true as const, name: nameOf(options.volumes, short) }]),
    ),
  };
  return mapStrings(file, (text) => text.replaceAll('$', '$$$$'));
}

/** Every text in a plain value replaced; keys stay. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  const walk = (one: unknown): unknown => {
    if (typeof one === 'string') return change(one);
    if (Array.isArray(one)) return one.map(walk);
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as T;
}

/**
 * YAML that every reader takes for the same values: a text that any version of YAML could take for a number, a date or a truth value
 * is quoted. `comment` becomes the lines at the top.
 */
export function composeYaml(file: ComposeFile, comment: readonly string[]): string {
  const doc = new Document(file, { aliasDuplicateObjects: false });
  visit(doc, {
    Seq(_key, node) {
      const texts = node.items.map((item) => (isScalar(item) ? String(item.value) : undefined));
      node.flow = texts.every((text) => text !== undefined) && texts.join('').length <= SHORT_LIST;
    },
    Scalar(_key, node) {
      if (typeof node.value === 'string' && !isPlain(node.value)) {
        node.type = node.value.includes("'") || /[^ -~]/.test(node.value) ? Scalar.QUOTE_DOUBLE : Scalar.QUOTE_SINGLE;
      }
    },
  });
  doc.commentBefore = comment.map((line) => ` ${line}`).join('\n');
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Characters of a list that is still readable on one line. */
const SHORT_LIST = 90;
const SPECIAL_WORDS = /^(y|n|yes|no|on|off|true|false|null)$/i;
const isPlain = (text: string): boolean => /^[a-z/][\w./@+=,:-]*$/i.test(text) && !SPECIAL_WORDS.test(text);

function serviceOf(spec: ComponentSpec, options: ComposeOptions): ComposeService {
  const form = spec.container;
  if (!form) throw new Error(`${spec.id} has no container form`);
  const environment = { ...spec.env, ...form.env, POD_NAME: podName(spec.id, options) };
  return {
    ...imageOf(form, options),
    ...(form.entrypoint ? { entrypoint: form.entrypoint } : {}),
    command: form.argv,
    ...(form.cwd === undefined ? {} : { working_dir: form.cwd }),
    ...(form.user === undefined ? {} : { user: form.user }),
    environment,
    ...networkOf(spec, form),
    volumes: form.mounts.map(mountOf),
    ...(hasHealth(form) ? { healthcheck: healthOf(spec, options) } : {}),
    ...(form.hardened ? HARDENED : {}),
    ...limitsOf(form),
    ...gpusOf(form, options),
    init: true,
    stop_signal: spec.stop.signal,
    stop_grace_period: duration(spec.stop.graceMs),
    restart: 'on-failure:3',
    logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
    labels: labelsOf(options),
  };
}

const HARDENED: Partial<ComposeService> = {
  read_only: true,
  tmpfs: ['/tmp:rw,nosuid,nodev,exec,mode=1777'],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges'],
};

/** `devkit.devnet` says whose they are; without `devkit.dir` the kit's own runtime leaves them alone. */
const labelsOf = ({ devnet }: ComposeOptions): Record<string, string> => ({
  'devkit.devnet': devnet,
  'devkit.compose': '1',
});

/** The same at every start of the same project: a worker finds the rows of its earlier life. */
const podName = (id: string, { project }: ComposeOptions): string =>
  `${id}-${createHash('sha256').update(`${project}/${id}`).digest('hex').slice(0, 8)}`;

/** The health program is in our own images only. */
const hasHealth = ({ image }: ContainerForm): boolean => 'local' in image;

function imageOf(
  { image }: ContainerForm,
  { imageTags }: ComposeOptions,
): Pick<ComposeService, 'image' | 'pull_policy'> {
  if ('reference' in image) return { image: image.reference };
  // made here: a registry that is asked for it would only answer with a riddle
  return { image: nameOf(imageTags, image.local), pull_policy: 'never' };
}

function networkOf(spec: ComponentSpec, form: ContainerForm): Partial<ComposeService> {
  if (form.network === 'host') return { network_mode: 'host' };
  return {
    networks: { [NETWORK]: { aliases: [spec.id] } },
    // components that run as processes are reached by this name
    extra_hosts: ['host.docker.internal:host-gateway'],
    ...(spec.ports.length === 0 ? {} : { ports: spec.ports.map(({ port }) => `127.0.0.1:${port}:${port}`) }),
  };
}

function mountOf({ source, target, readOnly }: Mount): ComposeMount {
  const rest = { source, target, ...(readOnly ? { read_only: true as const } : {}) };
  if (!isAbsolute(source)) return { type: 'volume', ...rest };
  // a folder that is missing is an error, not a new one that belongs to root
  return { type: 'bind', ...rest, bind: { create_host_path: false } };
}

const volumesOf = (specs: readonly ComponentSpec[]): string[] => {
  const sources = specs.flatMap(({ container }) => container?.mounts ?? []).map(({ source }) => source);
  return [...new Set(sources.filter((source) => !isAbsolute(source)))];
};

function dependsOn(
  needs: ComponentSpec['needs'],
  checked: ReadonlySet<string>,
): Pick<ComposeService, 'depends_on'> | Record<string, never> {
  if (needs.length === 0) return {};
  return {
    depends_on: Object.fromEntries(
      needs.map(({ component, condition }) => [
        component,
        { condition: condition === 'ready' && checked.has(component) ? 'service_healthy' : 'service_started' },
      ]),
    ),
  };
}

/** Failures of the first minute do not count, as with the kit's own wait. */
const healthOf = (spec: ComponentSpec, { healthIntervalMs }: ComposeOptions): ComposeHealth => ({
  test: ['CMD', ...healthCommand(spec.ready)],
  interval: duration(healthIntervalMs),
  timeout: '5s',
  retries: 5,
  start_period: '60s',
});

/** For our own programs where the form names no limit: enough for a prover's threads; a fork bomb ends here. */
const DEFAULT_PIDS = 4096;

function limitsOf({ limits = {}, hardened }: ContainerForm): Partial<ComposeService> {
  const { memoryMiB, cpus, pids = hardened ? DEFAULT_PIDS : undefined } = limits;
  return {
    // equal: no swap on top, so that the limit is the limit
    ...(memoryMiB === undefined ? {} : { mem_limit: `${memoryMiB}m`, memswap_limit: `${memoryMiB}m` }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(pids === undefined ? {} : { pids_limit: pids }),
  };
}

function gpusOf({ gpus = [] }: ContainerForm, { gpuMethod }: ComposeOptions): Partial<ComposeService> {
  if (gpus !== 'all' && gpus.length === 0) return {};
  return { deploy: { resources: { reservations: { devices: [gpuDevices(gpus, gpuMethod)] } } } };
}

function gpuDevices(gpus: 'all' | readonly string[], method: ComposeOptions['gpuMethod']): GpuDevices {
  const capabilities = ['gpu'];
  if (method === 'cdi') {
    const names = gpus === 'all' ? ['all'] : gpus;
    return { driver: 'cdi', device_ids: names.map((name) => `nvidia.com/gpu=${name}`), capabilities };
  }
  return { driver: 'nvidia', ...(gpus === 'all' ? { count: 'all' } : { device_ids: [...gpus] }), capabilities };
}

const duration = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

function nameOf(names: Readonly<Record<string, string>>, short: string): string {
  const name = names[short];
  if (name === undefined) throw new Error(`compose: no name for '${short}'`);
  return name;
}

/** What a reader looks for comes first; what is the same everywhere last. */
function ordered({ image, pull_policy, command, depends_on, ...rest }: ComposeService): ComposeService {
  return {
    image,
    ...(pull_policy ? { pull_policy } : {}),
    ...(rest.entrypoint ? { entrypoint: rest.entrypoint } : {}),
    command,
    ...(depends_on ? { depends_on } : {}),
    ...rest,
  };
}
