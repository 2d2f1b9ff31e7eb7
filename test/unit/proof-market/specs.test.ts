/** The programs of a market as specs: command lines, containers, what they need. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { marketSpecs, type ProducerChoice, producerSpec, system } from '../../../systems/proof-market/index.ts';
import { openPlace } from './place.ts';

const COMPONENTS = join(import.meta.dirname, '../../../systems/proof-market/components');
const PORTS = { postgres: 5632, market: 8729 };
const DATABASE = 'postgres://postgres:notsecurepassword@postgres:5632/proof_market';

const marketOf = (place: Parameters<typeof marketSpecs>[0]) => {
  const [postgres, market] = marketSpecs(place);
  if (postgres === undefined || market === undefined) throw new Error('two components');
  return { postgres, market };
};

describe('the market', () => {
  test('is started with its two files after its database, and is ready when it answers', async () => {
    await using one = await openPlace({ ports: PORTS });
    const { postgres, market } = marketOf(one.place);
    const { dir } = one.place.paths;
    expect(market).toMatchObject({
      id: 'market',
      program: 'node',
      argv: [
        `${COMPONENTS}/market/main.ts`,
        `--config-path=${dir}/configs/market.yaml`,
        `--secrets-path=${dir}/configs/secrets.yaml`,
      ],
      env: {},
      cwd: dir,
      ports: [{ name: 'http', port: 8729 }],
      needs: [{ component: 'postgres', condition: 'ready' }],
      ready: { kind: 'http', url: 'http://127.0.0.1:8729/_admin/server/availability' },
      stop: { signal: 'SIGTERM', graceMs: 10_000 },
    });
    expect(postgres).toMatchObject({ id: 'postgres', ports: [{ name: 'sql', port: 5632 }] });
  });

  test('as a container on the network of the devnet: copies of its files, the database by its name', async () => {
    await using one = await openPlace({ ports: PORTS, runtime: 'docker' });
    const { market } = marketOf(one.place);
    const { dir } = one.place.paths;
    expect(market.container).toEqual({
      image: { local: 'proof-market' },
      argv: [
        '/app/systems/proof-market/components/market/main.ts',
        '--config-path=/configs/market.yaml',
        '--secrets-path=/configs/secrets.yaml',
      ],
      cwd: '/',
      user: '1000:1000',
      network: 'devnet',
      hardened: true,
      limits: { memoryMiB: 1536, pids: 500 },
      env: {
        DEVKIT_CACHE_DIR: '/cache',
        NODE_COMPILE_CACHE: '/compile-cache',
        DEVKIT_CONTAINER_NETWORK: '1',
        MARKET_DATABASE_URL: DATABASE,
      },
      mounts: [
        { source: '/home/me/.cache/devkit', target: '/cache', readOnly: true },
        { source: `${dir}/containers/compile-cache`, target: '/compile-cache' },
        { source: `${dir}/containers/configs`, target: '/configs', readOnly: true },
        { source: `${dir}/data/keys`, target: '/cache/keys' },
      ],
    });
  });

  test('as a container beside processes: the network of the machine, the database of the file', async () => {
    await using one = await openPlace({ ports: PORTS, network: 'host' });
    const { container } = marketOf(one.place).market;
    expect(container?.network).toBe('host');
    expect(Object.keys(container?.env ?? {})).toEqual(['DEVKIT_CACHE_DIR', 'NODE_COMPILE_CACHE']);
  });
});

describe('a producer', () => {
  const choice = (more: Partial<ProducerChoice> = {}): ProducerChoice => ({
    name: 'producer',
    metricsPort: 9100,
    ...more,
  });

  test('is told where the market is, who it is, what it offers, and where its files are', async () => {
    await using one = await openPlace({ ports: PORTS });
    const spec = producerSpec(one.place, choice());
    const folder = join(one.place.paths.dataDir, 'producers', 'producer');
    expect(spec).toMatchObject({
      id: 'producer',
      argv: [
        `${COMPONENTS}/producer/main.ts`,
        '--url=http://127.0.0.1:8729/',
        `--auth=${folder}/auth.json`,
        `--statements=${folder}/statements.json`,
        `--db-path=${folder}`,
        '--owner=producer',
        '--metrics-port=9100',
      ],
      cwd: folder,
      ports: [{ name: 'metrics', port: 9100 }],
      needs: [{ component: 'market', condition: 'ready' }],
      ready: { kind: 'http', url: 'http://127.0.0.1:9100/metrics' },
      // a proof that is under way is finished
      stop: { signal: 'SIGTERM', graceMs: 100_000 },
    });
  });

  test('one of several has its name in its id and owns its asks under it', async () => {
    await using one = await openPlace();
    const spec = producerSpec(one.place, choice({ name: 'bob' }));
    expect(spec.id).toBe('producer-bob');
    expect(spec.argv).toContain('--owner=producer-bob');
    expect(spec.cwd).toBe(join(one.place.paths.dataDir, 'producers', 'bob'));
  });

  test('only the flags of the generator that were chosen', async () => {
    await using one = await openPlace();
    const usual = producerSpec(one.place, choice()).argv.length;
    const flags = (more: Partial<ProducerChoice>) => producerSpec(one.place, choice(more)).argv.slice(usual);
    expect(flags({})).toEqual([]);
    expect(flags({ smp: 8, shard0MemScale: 9 })).toEqual(['--smp=8', '--shard0-mem-scale=9']);
    expect(flags({ memoryBytes: 2 ** 30, timeoutMs: 90_000, generator: '/opt/proof-generator' })).toEqual([
      '--memory=1073741824',
      '--timeout=90000ms',
      '--proof-generator=/opt/proof-generator',
    ]);
  });

  test('as a container: its folder, the market by its name, its own limits', async () => {
    await using one = await openPlace({ ports: PORTS, runtime: 'docker' });
    const { container } = producerSpec(one.place, choice());
    expect(container).toMatchObject({
      image: { local: 'proof-market' },
      argv: [
        '/app/systems/proof-market/components/producer/main.ts',
        '--url=http://market:8729/',
        '--auth=/data/auth.json',
        '--statements=/data/statements.json',
        '--db-path=/data',
        '--owner=producer',
        '--metrics-port=9100',
      ],
      network: 'devnet',
      limits: { memoryMiB: 3072, pids: 500 },
    });
    expect(container?.env).not.toHaveProperty('MARKET_DATABASE_URL');
    expect(container?.mounts).toContainEqual({
      source: join(one.place.paths.dataDir, 'producers', 'producer'),
      target: '/data',
    });
  });

  test('as a container beside processes: the market on the loopback of the machine', async () => {
    await using one = await openPlace({ ports: PORTS, network: 'host' });
    expect(producerSpec(one.place, choice()).container).toMatchObject({
      network: 'host',
      argv: expect.arrayContaining(['--url=http://127.0.0.1:8729/']),
    });
  });
});

test('memory of the stack is the limit of the container that it names, in whole MiB', async () => {
  await using one = await openPlace({ runtime: 'docker', memory: { market: 2.5 * 2 ** 30, producer: 1e9 } });
  const producer = producerSpec(one.place, { name: 'producer', metricsPort: 9100 });
  expect(marketOf(one.place).market.container?.limits?.memoryMiB).toBe(2560);
  expect(producer.container?.limits?.memoryMiB).toBe(953);
});

test('what `env` says before the users are made: addresses, no login', async () => {
  await using one = await openPlace({ ports: PORTS });
  const opened = await system.open?.(one.place);
  expect(opened?.variables).toEqual({
    MARKET_URL: 'http://127.0.0.1:8729/',
    DATABASE_MARKET_URL: 'postgres://postgres:notsecurepassword@localhost:5632/proof_market',
  });
  expect(opened?.toolFiles).toBeUndefined();
  expect(opened?.containerFiles).toEqual({
    'market.yaml': join(one.place.paths.dir, 'configs', 'market.yaml'),
    'secrets.yaml': join(one.place.paths.dir, 'configs', 'secrets.yaml'),
  });
});
