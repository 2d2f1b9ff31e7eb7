/**
 * The reference components as containers. Inside, files lie where upstream's images have them (`/configs`, `/prover/data/keys`,
 * `/artifacts`, working directory `/`); the chain's files are mounted as they are, and what differs in a container is said by
 * `ZKSYNC_<SECTION>_<KEY>` variables, which win over general.yaml and secrets.yaml. So native components may run from the same files.
 */
import { join, resolve } from 'node:path';
import type { ContainerPlaces } from '../../cli/core/system.ts';
import type { ContainerForm, Mount } from '../../cli/core/types.ts';
import type { ZksyncConfig } from './protocol/config.ts';

export interface ContainerDevnet {
  ecosystemDir: string;
  config: ZksyncConfig;
  containers: ContainerPlaces;
  /** Port of the devnet's own database. */
  postgresPort: number;
}

/** Folder of the prover's object store on this machine. */
export const proverStoreDir = ({ ecosystemDir, config }: Pick<ContainerDevnet, 'ecosystemDir' | 'config'>): string =>
  resolve(ecosystemDir, 'prover', config.prover.objectStore.fileBackedBasePath ?? 'artifacts');

/** Folder of the core's object store on this machine. */
export const coreStoreDir = ({ ecosystemDir, config }: Pick<ContainerDevnet, 'ecosystemDir' | 'config'>): string =>
  resolve(ecosystemDir, config.coreObjectStore.fileBackedBasePath ?? 'artifacts');

const APP = '/app/systems/zksync/components';
const CONFIGS = '/configs';
const KEYS = '/prover/data/keys';
const CACHE = '/cache';
const COMPILE_CACHE = '/compile-cache';

/** Paths of a chain's configuration files inside a container. */
export const containerConfig = (name: string): string => `${CONFIGS}/${name}`;

/** A prover component: upstream's mounts and working directory (zkstack `prover run --docker`). */
export function proverContainer(devnet: ContainerDevnet, id: string, flags: readonly string[]): ContainerForm {
  return {
    ...componentContainer(devnet, id, [
      `--config-path=${containerConfig('general.yaml')}`,
      `--secrets-path=${containerConfig('secrets.yaml')}`,
      ...flags,
    ]),
    mounts: [...sharedMounts(devnet), { source: proverStoreDir(devnet), target: '/artifacts' }],
    env: {
      ...networkEnv(devnet),
      ZKSYNC_PROVER_SETUP_DATA_PATH: 'prover/data/keys',
      ZKSYNC_PROVER_PROVER_OBJECT_STORE_FILE_BACKED_BASE_PATH: 'artifacts',
    },
  };
}

/** The core server. Its keys are those of the prover, for checking what it sends to L1. */
export function serverContainer(devnet: ContainerDevnet, flags: readonly string[]): ContainerForm {
  return {
    ...componentContainer(devnet, 'server', flags),
    mounts: [...sharedMounts(devnet), { source: coreStoreDir(devnet), target: '/chain/artifacts' }],
    env: { ...networkEnv(devnet), ZKSYNC_CORE_OBJECT_STORE_FILE_BACKED_BASE_PATH: '/chain/artifacts' },
  };
}

/** Memory that one component may take: what was measured, and half as much again; recursive circuits are larger. */
const MEMORY_MIB = { linked: 3 * 1024, recursive: 8 * 1024 } as const;

function componentContainer({ config, containers }: ContainerDevnet, id: string, flags: readonly string[]) {
  const aggregation = config.devkit.aggregation === 'recursive' ? 'recursive' : 'linked';
  return {
    image: { local: 'zksync' },
    argv: [`${APP}/${id}/main.ts`, ...flags],
    cwd: '/',
    user: containers.user,
    network: containers.network,
    hardened: true,
    limits: { memoryMiB: MEMORY_MIB[aggregation], pids: 500 },
  } satisfies Partial<ContainerForm>;
}

function sharedMounts({ ecosystemDir, containers }: ContainerDevnet): Mount[] {
  return [
    { source: join(ecosystemDir, 'prover', 'data', 'keys'), target: KEYS, readOnly: true },
    { source: containers.configsDir, target: CONFIGS, readOnly: true },
    { source: containers.cacheDir, target: CACHE, readOnly: true },
    { source: containers.compileCacheDir, target: COMPILE_CACHE },
  ];
}

/** Where the others are: by name in the devnet's network, on loopback in the machine's. */
function networkEnv({ config, containers, postgresPort }: ContainerDevnet): Record<string, string> {
  const env: Record<string, string> = { DEVKIT_CACHE_DIR: CACHE, NODE_COMPILE_CACHE: COMPILE_CACHE };
  if (containers.network === 'host') return env;
  const urls = {
    ZKSYNC_DATABASE_SERVER_URL: databaseIn(config.database.serverUrl, postgresPort),
    ZKSYNC_DATABASE_PROVER_URL: databaseIn(config.database.proverUrl, postgresPort),
    ZKSYNC_L1_L1_RPC_URL: atComponent(config.l1.rpcUrl, 'l1'),
    ZKSYNC_DEVKIT_L2_RPC_URL: atComponent(config.devkit.l2RpcUrl, 'l2'),
    ZKSYNC_DATA_HANDLER_GATEWAY_API_URL: atComponent(config.dataHandler.gatewayApiUrl, 'gateway'),
  };
  for (const [name, url] of Object.entries(urls)) if (url !== undefined) env[name] = url;
  return { ...env, DEVKIT_CONTAINER_NETWORK: '1' };
}

/** A database on another port than the devnet's own is somebody else's, on this machine. */
const databaseIn = (url: string | undefined, ownPort: number): string | undefined =>
  atComponent(url, url !== undefined && Number(new URL(url).port || 5432) === ownPort ? 'postgres' : HOST_GATEWAY);

/** Name under which a container reaches this machine. */
const HOST_GATEWAY = 'host.docker.internal';

/** The URL with another host; undefined when it does not point at this machine. */
function atComponent(text: string | undefined, component: string): string | undefined {
  if (text === undefined) return undefined;
  const url = new URL(text);
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) return undefined;
  url.hostname = component;
  return url.href;
}
