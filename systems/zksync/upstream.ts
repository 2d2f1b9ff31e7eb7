/** Upstream's own programs as specs: the same components from their images, or from programs on this machine. */
import { basename, dirname, join, posix, resolve } from 'node:path';
import type { ComponentSpec, Mount, Need, ProgramPath, Resources } from '../../cli/core/types.ts';
import { coreStoreDir, proverStoreDir } from './containers.ts';
import { SERVER_COMPONENTS, type WorkerOptions, type ZksyncDevnet } from './index.ts';
import { PROVER_PROTOCOL_VERSION, type ProtocolVersion, parseVersion } from './protocol/ids.ts';
import { ownArguments, proverFiles, serverFiles } from './upstream/argv.ts';
import {
  stopGraceMs,
  UPSTREAM_SERVER,
  type UpstreamComponent,
  type UpstreamId,
  upstreamProvers,
} from './upstream/components.ts';
import { type ImageOverrides, imageReference } from './upstream/images.ts';
import { circuitProverRamMB, mibOf } from './upstream/memory.ts';

/** UUIDs as `nvidia-smi -L` prints them. */
export type Devices = 'all' | readonly string[];

export interface UpstreamOptions extends WorkerOptions {
  /** Of images without a tag of their own. */
  tag: string;
  images?: ImageOverrides | undefined;
  /** Programs on this machine; what is not named here is looked up on PATH by upstream's name. */
  binaries?: Partial<Readonly<Record<UpstreamId, ProgramPath>>> | undefined;
  /** For the components that use a GPU; default: all of the machine, as upstream. */
  devices?: Devices | undefined;
  /** `bellman_cuda_dir` of ZkStack.yaml. Only the compressor as a process wants it: in the image the library is compiled in. */
  bellmanCudaDir?: string | undefined;
  /** Default: `prover/` of the ecosystem. */
  proverDir?: string | undefined;
  /** Default: what genesis.yaml says. It decides which components there are. */
  version?: ProtocolVersion | undefined;
}

const CONFIGS = '/configs';
const KEYS = '/prover/data/keys';
const LOOPBACK = '127.0.0.1';
const ready = (component: string): Need => ({ component, condition: 'ready' });
const inContainer = (name: string): string => posix.join(CONFIGS, name);

/** The prover components of the chain's protocol version. */
export function upstreamProverSpecs(devnet: ZksyncDevnet, options: UpstreamOptions): ComponentSpec[] {
  return upstreamProvers(upstreamVersion(devnet, options).minor).map((component) =>
    proverSpec(devnet, options, component),
  );
}

/** The core server. Its contracts must be upstream's: the ecosystem is one that zkstack initialised. */
export function upstreamServerSpec(
  devnet: ZksyncDevnet,
  options: UpstreamOptions,
  components: readonly string[] = SERVER_COMPONENTS,
): ComponentSpec {
  const argv = (file: (name: string) => string): string[] => [
    ...serverFiles(file),
    `--components=${components.join(',')}`,
  ];
  return {
    ...baseSpec(devnet, options, UPSTREAM_SERVER),
    argv: argv((name) => join(devnet.configsDir, name)),
    cwd: devnet.ecosystemDir,
    needs: [ready('postgres'), ready('l1')],
    container: {
      ...containerBase(options, UPSTREAM_SERVER),
      argv: argv(inContainer),
      mounts: [configsMount(devnet), ...serverData(devnet)],
    },
  };
}

/** The version whose components the chain needs. */
export function upstreamVersion(devnet: ZksyncDevnet, { version }: Pick<UpstreamOptions, 'version'>): ProtocolVersion {
  return version ?? parseVersion(devnet.config.genesis?.protocolSemanticVersion ?? '') ?? PROVER_PROTOCOL_VERSION;
}

/** The spec with its GPUs named; components without a GPU stay as they are. */
export function withDevices(spec: ComponentSpec, devices: Devices): ComponentSpec {
  if (spec.container?.gpus === undefined) return spec;
  const { CUDA_VISIBLE_DEVICES: _all, ...env } = spec.env;
  return {
    ...spec,
    // a process sees all of them unless told; inside a container the same UUIDs are the ones it was given
    env: devices === 'all' ? env : { ...env, CUDA_VISIBLE_DEVICES: devices.join(',') },
    container: { ...spec.container, gpus: devices },
  };
}

function proverSpec(devnet: ZksyncDevnet, options: UpstreamOptions, component: UpstreamComponent): ComponentSpec {
  const own = ownArguments(component.flags, options);
  const setup = component.id === 'compressor' ? universalSetup(devnet, options) : { env: {}, mounts: [] };
  const spec: ComponentSpec = {
    ...baseSpec(devnet, options, component),
    argv: [...proverFiles((name) => join(devnet.configsDir, name)), ...own],
    cwd: proverDirOf(devnet, options),
    env: processEnv(devnet, options, component),
    container: {
      ...containerBase(options, component),
      argv: [...proverFiles(inContainer), ...own],
      mounts: [
        { source: join(proverDirOf(devnet, options), 'data', 'keys'), target: KEYS },
        { source: proverStore(devnet, options), target: '/artifacts' },
        configsMount(devnet),
        ...setup.mounts,
      ],
      // zkstack rewrites general.yaml for the container; then a native component beside it reads wrong paths
      env: {
        ZKSYNC_PROVER_SETUP_DATA_PATH: KEYS.slice(1),
        ...storeEnv(devnet),
        ...setup.env,
      },
    },
  };
  return component.gpu ? withDevices(spec, options.devices ?? 'all') : spec;
}

function baseSpec(devnet: ZksyncDevnet, options: UpstreamOptions, component: UpstreamComponent): ComponentSpec {
  const ports = component.ports.map(({ name, of }) => ({ name, port: of(devnet.config) }));
  const { port, path } = component.probe.value;
  const asked = ports.find(({ name }) => name === port)?.port ?? 0;
  return {
    id: component.id,
    program: options.binaries?.[component.id] ?? { path: component.binary },
    argv: [],
    env: {},
    cwd: devnet.ecosystemDir,
    ports,
    needs: [ready('postgres')],
    ready: { kind: 'http', url: `http://${LOOPBACK}:${asked}${path}` },
    resources: resourcesOf(component, options),
    stop: { signal: 'SIGTERM', graceMs: stopGraceMs(component) },
  };
}

function resourcesOf({ id, needs }: UpstreamComponent, options: UpstreamOptions): Resources {
  const ramMB = id === 'circuit-prover' ? circuitProverRamMB(options) : needs.ramMB?.value;
  const vramBytes =
    (id === 'circuit-prover' || id === 'prover' ? options.maxAllocation : undefined) ?? needs.vramBytes?.value;
  return {
    ...(ramMB === undefined ? {} : { ramMiB: mibOf(ramMB) }),
    ...(vramBytes === undefined ? {} : { vramMiB: Math.ceil(vramBytes / 2 ** 20) }),
  };
}

/** As zkstack starts them: the machine's network, the image's own user, nothing taken away. */
function containerBase(options: UpstreamOptions, component: UpstreamComponent) {
  return {
    image: { reference: imageReference(component, options) },
    // relative paths of general.yaml count from here
    cwd: '/',
    network: 'host',
    hardened: false,
    ...(component.gpu ? { gpus: 'all' as const } : {}),
  } as const;
}

function processEnv(
  { config }: ZksyncDevnet,
  { bellmanCudaDir }: UpstreamOptions,
  { id }: UpstreamComponent,
): Record<string, string> {
  if (id !== 'compressor') return {};
  return {
    // the template's key (prometheus_listener_port) is not the one the program reads: without this it has no /metrics
    ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: String(config.proofCompressor.prometheusPort),
    ...(bellmanCudaDir === undefined ? {} : { BELLMAN_CUDA_DIR: bellmanCudaDir }),
  };
}

/** The universal setup is mounted, so that the compressor does not download it again at every start. */
function universalSetup(
  devnet: ZksyncDevnet,
  options: UpstreamOptions,
): { env: Record<string, string>; mounts: Mount[] } {
  const configured = devnet.config.proofCompressor.universalSetupPath;
  const file = resolve(proverDirOf(devnet, options), configured);
  const inside = `keys/setup/${basename(file)}`;
  return {
    env: configured === inside ? {} : { ZKSYNC_PROOF_COMPRESSOR_UNIVERSAL_SETUP_PATH: inside },
    mounts: [{ source: dirname(file), target: '/keys/setup' }],
  };
}

/** zkstack writes absolute paths for a chain's data: they exist in the container too, and so do the template's relative ones. */
function serverData(devnet: ZksyncDevnet): Mount[] {
  const db = join(dirname(devnet.configsDir), 'db');
  const store = coreStoreDir(devnet);
  return [
    { source: db, target: '/db' },
    { source: db, target: db },
    { source: store, target: '/artifacts' },
    { source: store, target: store },
  ];
}

/** A store with another path than upstream's default would be lost with the container. */
function storeEnv({ config }: ZksyncDevnet): Record<string, string> {
  const { mode, fileBackedBasePath } = config.prover.objectStore;
  if (mode !== 'FileBacked' || fileBackedBasePath === 'artifacts') return {};
  return { ZKSYNC_PROVER_PROVER_OBJECT_STORE_FILE_BACKED_BASE_PATH: 'artifacts' };
}

const proverDirOf = ({ ecosystemDir }: Pick<ZksyncDevnet, 'ecosystemDir'>, { proverDir }: UpstreamOptions): string =>
  proverDir ?? join(ecosystemDir, 'prover');

function proverStore(devnet: ZksyncDevnet, options: UpstreamOptions): string {
  if (options.proverDir === undefined) return proverStoreDir(devnet);
  return resolve(options.proverDir, devnet.config.prover.objectStore.fileBackedBasePath ?? 'artifacts');
}

/** The copies that the kit makes for containers; nothing writes there. */
const configsMount = ({ containers }: ZksyncDevnet): Mount => ({
  source: containers.configsDir,
  target: CONFIGS,
  readOnly: true,
});
