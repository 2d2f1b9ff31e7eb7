/** What upstream's programs are started with, compared with literals from zkstack's `prover run` and docker-compose-prover.yaml. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import type { ZksyncDevnet } from '../../../systems/zksync/index.ts';
import {
  type UpstreamOptions,
  upstreamProverSpecs,
  upstreamServerSpec,
  withDevices,
} from '../../../systems/zksync/upstream.ts';
import { upstreamDevnet } from '../../fixtures/upstream-devnet.ts';

let dir: string;
let devnet: ZksyncDevnet;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upstream-specs-'));
  devnet = await upstreamDevnet(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const specsOf = (options: Partial<UpstreamOptions> = {}): Map<string, ComponentSpec> =>
  new Map(upstreamProverSpecs(devnet, { tag: 'latest', ...options }).map((spec) => [spec.id, spec]));
const specOf = (id: string, options: Partial<UpstreamOptions> = {}): ComponentSpec => {
  const spec = specsOf(options).get(id);
  if (!spec) throw new Error(`no ${id}`);
  return spec;
};
const imageOf = ({ container }: ComponentSpec): string =>
  container && 'reference' in container.image ? container.image.reference : '';

const FILES = ['--config-path=/configs/general.yaml', '--secrets-path=/configs/secrets.yaml'];

describe('as containers', () => {
  test.each([
    ['gateway', 'matterlabs/prover-fri-gateway:latest', []],
    ['prover-job-monitor', 'matterlabs/prover-job-monitor:latest', []],
    ['witness-generator', 'matterlabs/witness-generator:latest', ['--all_rounds']],
    ['circuit-prover', 'matterlabs/circuit-prover-gpu:latest', []],
    ['compressor', 'matterlabs/proof-fri-gpu-compressor:latest', []],
  ])('%s is %s', (id, image, own) => {
    const spec = specOf(id);
    expect(imageOf(spec)).toBe(image);
    expect(spec.container).toMatchObject({ argv: [...FILES, ...own], cwd: '/', network: 'host', hardened: false });
    expect(spec.container).not.toHaveProperty('user');
    expect(spec.container).not.toHaveProperty('entrypoint');
  });

  test('the compose file of upstream: 32 threads and 24 GiB for the circuit prover', () => {
    expect(specOf('circuit-prover', { threads: 32, maxAllocation: 25_769_803_776 }).container?.argv).toEqual([
      ...FILES,
      '--threads=32',
      '--max-allocation=25769803776',
    ]);
  });

  test.each([
    ['circuit-prover', { lightWvgCount: 15, heavyWvgCount: 1 }, ['--light-wvg-count=15', '--heavy-wvg-count=1']],
    ['witness-generator', { round: 'basic_circuits' }, ['--round=basic_circuits']],
    ['witness-generator', { round: 'recursion_tip' }, ['--round=recursion_tip']],
    ['compressor', { fflonk: true }, ['--fflonk=true']],
    ['compressor', { fflonk: false }, []],
  ])('%s with %o', (id, options, own) => {
    expect(specOf(id, options).container?.argv).toEqual([...FILES, ...own]);
  });

  test('the three mounts of zkstack, the configuration as a copy that cannot be changed', () => {
    const prover = join(dir, 'ecosystem', 'prover');
    const mounts = [
      { source: join(prover, 'data', 'keys'), target: '/prover/data/keys' },
      { source: join(prover, 'artifacts'), target: '/artifacts' },
      { source: join(dir, 'containers', 'configs-era'), target: '/configs', readOnly: true },
    ];
    for (const id of ['gateway', 'prover-job-monitor', 'witness-generator', 'circuit-prover']) {
      expect(specOf(id).container?.mounts, id).toEqual(mounts);
    }
    expect(specOf('compressor').container?.mounts).toEqual([
      ...mounts,
      { source: join(prover, 'keys', 'setup'), target: '/keys/setup' },
    ]);
  });

  test('general.yaml need not be rewritten: the setup data path comes by environment', () => {
    for (const spec of specsOf().values()) {
      expect(spec.container?.env?.['ZKSYNC_PROVER_SETUP_DATA_PATH'], spec.id).toBe('prover/data/keys');
    }
  });

  test('a store and a universal setup at other paths are mounted where the defaults are', () => {
    const { config } = devnet;
    const elsewhere = {
      ...devnet,
      config: {
        ...config,
        prover: { ...config.prover, objectStore: { ...config.prover.objectStore, fileBackedBasePath: '/data/store' } },
        proofCompressor: { ...config.proofCompressor, universalSetupPath: '/data/crs/setup_compact.key' },
      },
    };
    const compressor = upstreamProverSpecs(elsewhere, { tag: 'latest' }).find(({ id }) => id === 'compressor');
    expect(compressor?.container?.mounts).toContainEqual({ source: '/data/store', target: '/artifacts' });
    expect(compressor?.container?.mounts).toContainEqual({ source: '/data/crs', target: '/keys/setup' });
    expect(compressor?.container?.env).toMatchObject({
      ZKSYNC_PROVER_PROVER_OBJECT_STORE_FILE_BACKED_BASE_PATH: 'artifacts',
      ZKSYNC_PROOF_COMPRESSOR_UNIVERSAL_SETUP_PATH: 'keys/setup/setup_compact.key',
    });
  });

  test('all GPUs for circuit prover and compressor, none for the others', () => {
    const gpus = [...specsOf().values()].map((spec) => [spec.id, spec.container?.gpus]);
    expect(gpus.filter(([, which]) => which !== undefined)).toEqual([
      ['circuit-prover', 'all'],
      ['compressor', 'all'],
    ]);
  });

  test('named devices', () => {
    const devices = ['GPU-11111111-2222-3333-4444-555555555555'];
    const prover = specOf('circuit-prover', { devices });
    expect(prover.container?.gpus).toEqual(devices);
    expect(prover.env).toEqual({ CUDA_VISIBLE_DEVICES: devices[0] });
    expect(specOf('gateway', { devices })).toEqual(specOf('gateway'));
    expect(withDevices(prover, 'all')).toEqual(specOf('circuit-prover'));
  });

  test('tags, other images, digests', () => {
    const images = { gateway: 'localhost:5000/gw', compressor: 'mine/compressor:7', 'circuit-prover': 'cp@sha256:ab' };
    const tag = '2.0-0.31.0-1a2b3c4-1751450000000';
    expect([...specsOf({ tag, images }).values()].map(imageOf)).toEqual([
      `localhost:5000/gw:${tag}`,
      `matterlabs/prover-job-monitor:${tag}`,
      `matterlabs/witness-generator:${tag}`,
      'cp@sha256:ab',
      'mine/compressor:7',
    ]);
  });

  test('time to end by themselves, more than the programs take', () => {
    const grace = Object.fromEntries([...specsOf().values()].map(({ id, stop }) => [id, stop.graceMs]));
    expect(grace).toEqual({
      gateway: 15_000,
      'prover-job-monitor': 15_000,
      'witness-generator': 30_000,
      'circuit-prover': 90_000,
      compressor: 100_000,
    });
  });
});

describe('as processes', () => {
  test('arguments with paths of this machine, in the folder of the prover', () => {
    const configs = join(dir, 'ecosystem', 'chains', 'era', 'configs');
    expect(specOf('witness-generator')).toMatchObject({
      program: { path: 'zksync_witness_generator' },
      argv: [`--config-path=${configs}/general.yaml`, `--secrets-path=${configs}/secrets.yaml`, '--all_rounds'],
      cwd: join(dir, 'ecosystem', 'prover'),
      env: {},
    });
  });

  test('the names of the programs', () => {
    expect([...specsOf().values()].map(({ program }) => (program as { path: string }).path)).toEqual([
      'zksync_prover_fri_gateway',
      'zksync_prover_job_monitor',
      'zksync_witness_generator',
      'zksync_circuit_prover',
      'zksync_proof_fri_compressor',
    ]);
  });

  test('a program from the stack, and bellman-cuda for the compressor', () => {
    const program = { path: '/opt/zksync/compressor', from: 'devkit.yaml:3 (binaries.compressor)' };
    const spec = specOf('compressor', { binaries: { compressor: program }, bellmanCudaDir: '/opt/bellman-cuda' });
    expect(spec.program).toEqual(program);
    expect(spec.env).toEqual({
      BELLMAN_CUDA_DIR: '/opt/bellman-cuda',
      ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: '3321',
    });
  });
});

test('ports and probes are those of general.yaml', () => {
  const asked = [...specsOf().values()].map(({ id, ready }) => [id, ready.kind === 'http' ? ready.url : '']);
  expect(asked).toEqual([
    ['gateway', 'http://127.0.0.1:3310/metrics'],
    ['prover-job-monitor', 'http://127.0.0.1:3317/metrics'],
    ['witness-generator', 'http://127.0.0.1:3116/metrics'],
    ['circuit-prover', 'http://127.0.0.1:3315/metrics'],
    ['compressor', 'http://127.0.0.1:3321/metrics'],
  ]);
  expect(specOf('gateway').ports).toEqual([
    { name: 'http', port: 3322 },
    { name: 'metrics', port: 3310 },
  ]);
  expect(specOf('prover-job-monitor').ports).toContainEqual({ name: 'http', port: 3074 });
});

test('before protocol v27 witness vectors have a component of their own', () => {
  const old = specsOf({ version: { minor: 24, patch: 2 }, threads: 10 });
  expect([...old.keys()]).toEqual(['gateway', 'witness-generator', 'witness-vector-generator', 'prover', 'compressor']);
  expect(old.get('witness-vector-generator')?.container?.argv).toEqual([...FILES, '--threads=10']);
  expect(old.get('prover')).toMatchObject({ container: { argv: FILES, gpus: 'all' } });
  expect(imageOf(old.get('prover')!)).toBe('matterlabs/prover-gpu-fri:latest');
  expect(imageOf(old.get('witness-vector-generator')!)).toBe('matterlabs/witness-vector-generator:latest');
});

test("memory of the circuit prover: upstream's own sums", () => {
  const ramMB = (options: Partial<UpstreamOptions>): number =>
    Math.round(((specOf('circuit-prover', options).resources.ramMiB ?? 0) * 2 ** 20) / 1e6);
  // 13 light and 3 heavy threads: 54.4 GB for base circuits, 57.6 GB for leaves
  const both = ramMB({ lightWvgCount: 13, heavyWvgCount: 3 });
  expect(both).toBeGreaterThanOrEqual(57_600);
  expect(both).toBeLessThan(63_000);
  expect(specOf('circuit-prover').resources.vramMiB).toBe(22_889);
  expect(specOf('circuit-prover', { maxAllocation: 2 ** 34 }).resources.vramMiB).toBe(16 * 1024);
});

test('the server: all five files, the components, the data of the chain', () => {
  const spec = upstreamServerSpec(devnet, { tag: 'v29' }, ['api', 'tree']);
  const chain = join(dir, 'ecosystem', 'chains', 'era');
  expect(imageOf(spec)).toBe('matterlabs/server-v2:v29');
  expect(spec.container).toMatchObject({
    argv: [
      '--genesis-path=/configs/genesis.yaml',
      '--config-path=/configs/general.yaml',
      '--wallets-path=/configs/wallets.yaml',
      '--secrets-path=/configs/secrets.yaml',
      '--contracts-config-path=/configs/contracts.yaml',
      '--components=api,tree',
    ],
    network: 'host',
    cwd: '/',
  });
  expect(spec.container?.mounts).toContainEqual({ source: join(chain, 'db'), target: '/db' });
  expect(spec.ready).toEqual({ kind: 'http', url: 'http://127.0.0.1:3071/health' });
  expect(spec.program).toEqual({ path: 'zksync_server' });
});
