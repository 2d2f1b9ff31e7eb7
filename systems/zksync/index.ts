/** The ZKsync prover system: its components as specs that any runtime can start. */
import { join } from 'node:path';
import { anvilSpec, postgresSpec } from '../../cli/core/infrastructure.ts';
import type { ContainerPlaces, System } from '../../cli/core/system.ts';
import type { ComponentSpec, Need } from '../../cli/core/types.ts';
import { containerConfig, proverContainer, serverContainer } from './containers.ts';
import { defaultPorts } from './ports.ts';
import type { ZksyncConfig } from './protocol/config.ts';
import { l1Genesis } from './protocol/l1/genesis.ts';
import { l2Genesis } from './protocol/l2/genesis.ts';
import { REQUIREMENTS } from './requirements.ts';
import { UPSTREAM_IDS } from './upstream/components.ts';

/** Its devnets are opened by the files of their ecosystem, which zkstack makes and reads as well: `cli/services/devnet.ts`. */
export const system: System = {
  name: 'zksync',
  stackNames: { images: UPSTREAM_IDS, binaries: UPSTREAM_IDS, memory: UPSTREAM_IDS },
  requirements: REQUIREMENTS,
  defaultPorts,
};

/** What the specs of one chain of one devnet are made from. */
export interface ZksyncDevnet {
  /** Folder with ZkStack.yaml. */
  ecosystemDir: string;
  /** Name of the chain. */
  chain: string;
  /** `chains/<name>/configs`, absolute. */
  configsDir: string;
  /** Data folder of the devnet: postgres, l1, l2. */
  dataDir: string;
  postgresData: string;
  postgresPort: number;
  config: ZksyncConfig;
  containers: ContainerPlaces;
}

/** The proving list of the prover book plus what a local verification needs. */
export const SERVER_COMPONENTS = [
  'api',
  'tree',
  'eth',
  'state_keeper',
  'housekeeper',
  'commitment_generator',
  'da_dispatcher',
  'proof_data_handler',
  'vm_runner_protective_reads',
  'vm_runner_bwip',
  'external_proof_integration_api',
] as const;

/** Flags of the workers that a user may set; the rest follows from the configuration. */
export interface WorkerOptions {
  /** witness-generator: one round in upstream's spelling (`basic_circuits`), or all. */
  round?: string | undefined;
  threads?: number | undefined;
  lightWvgCount?: number | undefined;
  heavyWvgCount?: number | undefined;
  maxAllocation?: number | undefined;
  fflonk?: boolean | undefined;
}

const MAIN_DIR = join(import.meta.dirname, 'components');
const LOOPBACK = '127.0.0.1';

export const l1StateFile = (devnet: Pick<ZksyncDevnet, 'dataDir'>): string => join(devnet.dataDir, 'l1', 'state.json');
/** Each chain of a devnet has its own L2. */
export const l2StateFile = (devnet: Pick<ZksyncDevnet, 'dataDir' | 'chain'>): string =>
  join(devnet.dataDir, `l2-${devnet.chain}`, 'state.json');

const portOf = (url: string): number => Number(new URL(url).port);

/** Database and L1: what every other component leans on. */
export function infrastructureSpecs(
  devnet: Pick<ZksyncDevnet, 'dataDir' | 'postgresData'> & { containers: Pick<ContainerPlaces, 'user'> },
  ports: { postgres: number; l1: number },
): ComponentSpec[] {
  const { chainId, anvilArgs } = l1Genesis();
  return [
    postgresSpec({ dataDir: devnet.postgresData, port: ports.postgres }),
    anvilSpec({
      id: 'l1',
      port: ports.l1,
      chainId,
      stateFile: l1StateFile(devnet),
      extraArgs: withoutChainId(anvilArgs),
      containerUser: devnet.containers.user,
    }),
  ];
}

/** The chain's own node, behind the server's API. */
export function l2Spec(devnet: ZksyncDevnet): ComponentSpec {
  const chainId = l2ChainId(devnet.config);
  const { anvilArgs } = l2Genesis({ chainId });
  const port = portOf(devnet.config.devkit.l2RpcUrl);
  return anvilSpec({
    id: 'l2',
    port,
    chainId,
    stateFile: l2StateFile(devnet),
    extraArgs: withoutChainId(anvilArgs),
    containerUser: devnet.containers.user,
  });
}

export function serverSpec(devnet: ZksyncDevnet, components: readonly string[] = SERVER_COMPONENTS): ComponentSpec {
  const { config, configsDir } = devnet;
  const flags = (file: (name: string) => string): string[] => [
    `--components=${components.join(',')}`,
    `--config-path=${file('general.yaml')}`,
    `--secrets-path=${file('secrets.yaml')}`,
    `--genesis-path=${file('genesis.yaml')}`,
    `--wallets-path=${file('wallets.yaml')}`,
    `--contracts-config-path=${file('contracts.yaml')}`,
  ];
  const health = config.api.healthcheck.port;
  return {
    ...nodeSpec(
      'server',
      devnet.ecosystemDir,
      flags((name) => join(configsDir, name)),
    ),
    container: serverContainer(devnet, flags(containerConfig)),
    ports: [
      { name: 'rpc', port: config.api.web3JsonRpc.httpPort },
      { name: 'health', port: health },
      { name: 'external-proof-api', port: config.externalProofIntegrationApi.httpPort },
      { name: 'metrics', port: config.prometheus.listenerPort },
    ],
    needs: [ready('postgres'), ready('l1'), ready('l2')],
    ready: { kind: 'http', url: `http://${LOOPBACK}:${health}/health` },
    resources: { ramMiB: 400 },
  };
}

export function proverSpecs(devnet: ZksyncDevnet, options: WorkerOptions = {}): ComponentSpec[] {
  const { config } = devnet;
  const gateway = config.proverGateway;
  const monitor = config.proverJobMonitor;
  return [
    {
      ...proverSpec(devnet, 'gateway', [], gateway.prometheusListenerPort),
      ports: [
        { name: 'http', port: gateway.port },
        { name: 'metrics', port: gateway.prometheusListenerPort },
      ],
      // any answer will do; a connection alone proves nothing where a container engine forwards the port
      ready: { kind: 'http', url: `http://${LOOPBACK}:${gateway.port}/`, status: 404 },
    },
    {
      ...proverSpec(devnet, 'prover-job-monitor', [], monitor.prometheusPort),
      ports: [
        { name: 'http', port: monitor.httpPort },
        { name: 'metrics', port: monitor.prometheusPort },
      ],
      ready: { kind: 'http', url: `http://${LOOPBACK}:${monitor.httpPort}/queue_report` },
    },
    proverSpec(devnet, 'witness-generator', roundFlags(options), config.witnessGenerator.prometheusListenerPort),
    {
      ...proverSpec(devnet, 'circuit-prover', pickerFlags(options), config.prover.prometheusPort),
      resources: { ramMiB: 600 },
      stop: { signal: 'SIGTERM', graceMs: 90_000 },
    },
    {
      ...proverSpec(
        devnet,
        'compressor',
        options.fflonk ? ['--fflonk=true'] : [],
        config.proofCompressor.prometheusPort,
      ),
      stop: { signal: 'SIGTERM', graceMs: 100_000 },
    },
  ];
}

/** Everything of a devnet, in no order: `needs` orders it. */
export function zksyncSpecs(devnet: ZksyncDevnet, ports: { postgres: number; l1: number }): ComponentSpec[] {
  return [...infrastructureSpecs(devnet, ports), l2Spec(devnet), serverSpec(devnet), ...proverSpecs(devnet)];
}

function roundFlags({ round }: WorkerOptions): string[] {
  return round === undefined ? ['--all_rounds'] : [`--round=${round}`];
}

function pickerFlags(options: WorkerOptions): string[] {
  const flags: string[] = [];
  if (options.lightWvgCount !== undefined) flags.push(`--light-wvg-count=${options.lightWvgCount}`);
  if (options.heavyWvgCount !== undefined) flags.push(`--heavy-wvg-count=${options.heavyWvgCount}`);
  if (flags.length === 0) flags.push(`--threads=${options.threads ?? 2}`);
  if (options.maxAllocation !== undefined) flags.push(`--max-allocation=${options.maxAllocation}`);
  return flags;
}

const ready = (component: string): Need => ({ component, condition: 'ready' });

function proverSpec(devnet: ZksyncDevnet, id: string, flags: readonly string[], metrics: number): ComponentSpec {
  const file = (name: string): string => join(devnet.configsDir, name);
  const paths = [`--config-path=${file('general.yaml')}`, `--secrets-path=${file('secrets.yaml')}`];
  return {
    ...nodeSpec(id, join(devnet.ecosystemDir, 'prover'), [...paths, ...flags]),
    container: proverContainer(devnet, id, flags),
    ports: [{ name: 'metrics', port: metrics }],
    ready: { kind: 'http', url: `http://${LOOPBACK}:${metrics}/metrics` },
  };
}

function nodeSpec(id: string, cwd: string, flags: readonly string[]): ComponentSpec {
  return {
    id,
    program: 'node',
    argv: [join(MAIN_DIR, id, 'main.ts'), ...flags],
    env: {},
    cwd,
    ports: [],
    needs: [ready('postgres')],
    ready: { kind: 'tcp', host: LOOPBACK, port: 0 },
    resources: { ramMiB: 200 },
    stop: { signal: 'SIGTERM', graceMs: 30_000 },
  };
}

/** Both genesis functions name the chain id, as does `anvilSpec`. */
function withoutChainId(args: readonly string[]): string[] {
  const at = args.indexOf('--chain-id');
  return at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 2)];
}

function l2ChainId(config: ZksyncConfig): number {
  const id = config.genesis?.l2ChainId;
  if (id === undefined) throw new Error('genesis.yaml was not loaded: pass its path to loadConfig');
  return id;
}
