/** The programs of a market as specs that any runtime can start. */
import { join } from 'node:path';
import { POSTGRES_PASSWORD, POSTGRES_USER, postgresSpec } from '../../cli/core/infrastructure.ts';
import type { SystemPlace } from '../../cli/core/system.ts';
import type { ComponentSpec, Need } from '../../cli/core/types.ts';
import { CONTAINER_KEYS, containerConfig, containerOf } from './containers.ts';
import { marketFiles } from './files.ts';

const MAIN_DIR = join(import.meta.dirname, 'components');
const LOOPBACK = '127.0.0.1';
const DATABASE = 'proof_market';

export const DEFAULT_PORTS = { postgres: 5432, market: 8529 } as const;
type PortName = keyof typeof DEFAULT_PORTS;

export const portOf = ({ state }: Pick<SystemPlace, 'state'>, name: PortName): number =>
  state.ports[name] ?? DEFAULT_PORTS[name];

/** Root of the market, as `URL` of the scripts has it. */
export const marketUrl = (place: Pick<SystemPlace, 'state'>): string =>
  `http://${LOOPBACK}:${portOf(place, 'market')}/`;

export const databaseUrl = (host: string, port: number): string =>
  `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@${host}:${port}/${DATABASE}`;

const ready = (component: string): Need => ({ component, condition: 'ready' });

export function marketSpecs(place: SystemPlace): ComponentSpec[] {
  return [postgresSpec({ dataDir: place.paths.postgresData, port: portOf(place, 'postgres') }), marketSpec(place)];
}

function marketSpec(place: SystemPlace): ComponentSpec {
  const { paths, containers } = place;
  const files = marketFiles(paths);
  const port = portOf(place, 'market');
  const database = portOf(place, 'postgres');
  const flags = (config: string, secrets: string): string[] => [`--config-path=${config}`, `--secrets-path=${secrets}`];
  return {
    ...nodeSpec('market', 'market', paths.dir, flags(files.market, files.secrets)),
    ports: [{ name: 'http', port }],
    needs: [ready('postgres')],
    ready: { kind: 'http', url: `http://${LOOPBACK}:${port}/_admin/server/availability` },
    resources: { ramMiB: 200 },
    container: containerOf(place, {
      component: 'market',
      flags: flags(containerConfig('market.yaml'), containerConfig('secrets.yaml')),
      ...(containers.network === 'devnet' ? { env: { MARKET_DATABASE_URL: databaseUrl('postgres', database) } } : {}),
      mounts: [
        { source: containers.configsDir, target: '/configs', readOnly: true },
        { source: files.keysDir, target: CONTAINER_KEYS },
      ],
    }),
  };
}

/** Flags of the producer's own command line that a user may set. */
export interface ProducerChoice {
  /** User that asks and proves. */
  name: string;
  metricsPort: number;
  smp?: number | undefined;
  shard0MemScale?: number | undefined;
  memoryBytes?: number | undefined;
  timeoutMs?: number | undefined;
  /** The user's generator; absolute. */
  generator?: string | undefined;
}

/** The one without a name of its own is `producer`. */
export const producerId = (name: string): string => (name === 'producer' ? name : `producer-${name}`);

/** Files of a producer, in its folder. */
export const PRODUCER_FILES = { auth: 'auth.json', statements: 'statements.json' } as const;

export function producerSpec(place: SystemPlace, choice: ProducerChoice): ComponentSpec {
  const { paths, containers } = place;
  const id = producerId(choice.name);
  const dir = marketFiles(paths).producerDir(choice.name);
  const inNetwork = containers.network === 'devnet';
  const flags = (folder: string, url: string): string[] => [
    `--url=${url}`,
    `--auth=${folder}/${PRODUCER_FILES.auth}`,
    `--statements=${folder}/${PRODUCER_FILES.statements}`,
    `--db-path=${folder}`,
    `--owner=${id}`,
    `--metrics-port=${choice.metricsPort}`,
    ...generatorFlags(choice),
  ];
  const containerUrl = inNetwork ? `http://market:${portOf(place, 'market')}/` : marketUrl(place);
  return {
    ...nodeSpec(id, 'producer', dir, flags(dir, marketUrl(place))),
    ports: [{ name: 'metrics', port: choice.metricsPort }],
    needs: [ready('market')],
    ready: { kind: 'http', url: `http://${LOOPBACK}:${choice.metricsPort}/metrics` },
    resources: { ramMiB: 1100 },
    stop: { signal: 'SIGTERM', graceMs: 100_000 },
    container: containerOf(place, {
      component: 'producer',
      flags: flags('/data', containerUrl),
      mounts: [{ source: dir, target: '/data' }],
    }),
  };
}

function generatorFlags({ smp, shard0MemScale, memoryBytes, timeoutMs, generator }: ProducerChoice): string[] {
  const given: Record<string, string | number | undefined> = {
    smp,
    'shard0-mem-scale': shard0MemScale,
    memory: memoryBytes,
    timeout: timeoutMs === undefined ? undefined : `${timeoutMs}ms`,
    'proof-generator': generator,
  };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
}

function nodeSpec(id: string, folder: string, cwd: string, flags: readonly string[]) {
  return {
    id,
    program: 'node',
    argv: [join(MAIN_DIR, folder, 'main.ts'), ...flags],
    env: {},
    cwd,
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
  } as const satisfies Partial<ComponentSpec>;
}
