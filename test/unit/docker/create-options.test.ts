import { expect, test } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import type { ComponentSpec, ContainerForm } from '../../../cli/core/types.ts';
import { hostPath } from '../../../cli/runtimes/docker/anvil.ts';
import { type ContainerInput, containerDigest, containerOptions } from '../../../cli/runtimes/docker/create-options.ts';
import { gpuMethod, gpuOptions } from '../../../cli/runtimes/docker/device-options.ts';
import { containerName, networkName, volumeName } from '../../../cli/runtimes/docker/names.ts';

const paths = devnetPaths('/nowhere/w', 'demo');
const input: ContainerInput = { paths, podName: 'gateway-0a1b2c3d', imageTag: 'devkit/zksync:1', imageId: 'sha256:1' };

const form: ContainerForm = {
  image: { local: 'zksync' },
  argv: ['/app/main.ts', '--config', '/configs/general.yaml'],
  env: { B: '2' },
  mounts: [
    { source: '/w/configs', target: '/configs', readOnly: true },
    { source: 'postgres', target: '/data' },
  ],
  network: 'devnet',
  hardened: true,
  limits: { memoryMiB: 512, cpus: 1.5, pids: 64 },
};

const spec: ComponentSpec = {
  id: 'gateway',
  program: 'node',
  argv: ['main.ts'],
  env: { A: '1' },
  cwd: '/w',
  ports: [{ name: 'http', port: 3322 }],
  needs: [{ component: 'postgres', condition: 'ready' }],
  ready: { kind: 'http', url: 'http://127.0.0.1:3322/health' },
  resources: {},
  stop: { signal: 'SIGTERM', graceMs: 90_500 },
  container: form,
};
const withForm = (change: Partial<ContainerForm>): ComponentSpec => ({ ...spec, container: { ...form, ...change } });

test('the options of a container, all of them', () => {
  const options = containerOptions(spec, input);
  const { Labels, ...rest } = options;
  expect(Labels).toMatchObject({
    'devkit.component': 'gateway',
    'devkit.needs': '["postgres"]',
    'devkit.dir': paths.dir,
  });
  expect(Labels?.['devkit.spec']).toMatch(/^[0-9a-f]{16}$/);
  expect(rest).toEqual({
    name: containerName(paths, 'gateway'),
    Image: 'devkit/zksync:1',
    Cmd: form.argv,
    Env: ['A=1', 'B=2', 'POD_NAME=gateway-0a1b2c3d'],
    Healthcheck: {
      Test: ['CMD', 'node', '/devkit/health.mjs', 'http', 'http://127.0.0.1:3322/health'],
      Interval: 30_000_000_000,
      Timeout: 5_000_000_000,
      Retries: 3,
    },
    StopSignal: 'SIGTERM',
    StopTimeout: 91,
    ExposedPorts: { '3322/tcp': {} },
    NetworkingConfig: { EndpointsConfig: { [networkName(paths)]: { Aliases: ['gateway'] } } },
    HostConfig: {
      NetworkMode: networkName(paths),
      PortBindings: { '3322/tcp': [{ HostIp: '127.0.0.1', HostPort: '3322' }] },
      ExtraHosts: ['host.docker.internal:host-gateway'],
      Mounts: [
        { Type: 'bind', Source: '/w/configs', Target: '/configs', ReadOnly: true },
        { Type: 'volume', Source: volumeName(paths, 'postgres'), Target: '/data', ReadOnly: false },
      ],
      Init: true,
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      Memory: 512 * 2 ** 20,
      MemorySwap: 512 * 2 ** 20,
      NanoCpus: 1_500_000_000,
      PidsLimit: 64,
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,mode=1777' },
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
    },
  });
});

test("an image of another project on the machine's network is run as it is made", () => {
  const { HostConfig, Healthcheck, ExposedPorts, NetworkingConfig } = containerOptions(
    withForm({ image: { reference: 'ghcr.io/x/y:1' }, network: 'host', hardened: false, limits: {}, mounts: [] }),
    input,
  );
  expect([Healthcheck, ExposedPorts, NetworkingConfig]).toEqual([undefined, undefined, undefined]);
  expect(HostConfig).toEqual({
    NetworkMode: 'host',
    Mounts: [],
    Init: true,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
  });
});

test('the digest follows what the container is made from, and nothing else', () => {
  const digest = containerDigest(spec, input);
  expect(containerDigest(spec, { ...input, podName: 'other', passedEnv: { RUST_LOG: 'debug' } })).toBe(digest);
  expect(containerDigest({ ...spec, argv: ['as', 'process'], cwd: '/' }, input)).toBe(digest);
  const others = [
    containerDigest(spec, { ...input, imageId: 'sha256:2' }),
    containerDigest({ ...spec, env: { A: '2' } }, input),
    containerDigest({ ...spec, ports: [{ name: 'http', port: 1 }] }, input),
    containerDigest({ ...spec, stop: { signal: 'SIGINT', graceMs: 90_500 } }, input),
    containerDigest(withForm({ limits: { memoryMiB: 1024 } }), input),
    containerDigest(withForm({ gpus: 'all' }), input),
    containerDigest(withForm({ user: '1:1' }), input),
  ];
  expect(new Set([digest, ...others]).size).toBe(others.length + 1);
});

test('names carry the devnet and its folder', () => {
  const twin = devnetPaths('/elsewhere/w', 'demo');
  expect(containerName(paths, 'gateway')).toMatch(/^devkit-demo-[0-9a-f]{6}-gateway$/);
  expect(containerName(twin, 'gateway')).not.toBe(containerName(paths, 'gateway'));
});

test.each([
  [{ kind: 'http', url: 'http://127.0.0.1:1/x', status: 404 } as const, 'http http://127.0.0.1:1/x 404'],
  [
    { kind: 'jsonrpc', url: 'http://127.0.0.1:2', method: 'eth_chainId' } as const,
    'jsonrpc http://127.0.0.1:2 eth_chainId',
  ],
  [{ kind: 'tcp', host: '127.0.0.1', port: 3 } as const, 'tcp 127.0.0.1:3'],
  [{ kind: 'sql', url: 'postgres://u:secret@127.0.0.1:5433/db' } as const, 'sql 127.0.0.1:5433'],
  [{ kind: 'sql', url: 'postgres://localhost/db' } as const, 'sql localhost:5432'],
])('health check of %j', (probe, words) => {
  const { Healthcheck } = containerOptions({ ...spec, ready: probe }, input);
  expect(Healthcheck?.Test).toEqual(['CMD', 'node', '/devkit/health.mjs', ...words.split(' ')]);
});

test('GPUs by UUID or all, through device requests or CDI', () => {
  expect(gpuOptions(['GPU-1', 'GPU-2'], 'device-requests')).toEqual({
    DeviceRequests: [{ DeviceIDs: ['GPU-1', 'GPU-2'], Capabilities: [['gpu']] }],
  });
  expect(gpuOptions('all', 'device-requests')).toEqual({ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] });
  expect(gpuOptions(['GPU-1'], 'cdi')).toEqual({
    DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=GPU-1'] }],
  });
  expect(gpuOptions('all', 'cdi')).toEqual({ DeviceRequests: [{ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=all'] }] });
  expect(gpuOptions([], 'cdi')).toEqual({});
});

test.each([
  ['20.10, nothing installed', { Runtimes: { runc: {} } }, 'device-requests'],
  ['the NVIDIA runtime wins', { Runtimes: { nvidia: {} }, CDISpecDirs: ['/etc/cdi'] }, 'device-requests'],
  ['28.2 and newer list devices', { DiscoveredDevices: [{ Source: 'cdi', ID: 'nvidia.com/gpu=0' }] }, 'cdi'],
  ["another vendor's devices", { DiscoveredDevices: [{ Source: 'cdi', ID: 'amd.com/gpu=0' }] }, 'device-requests'],
  ['25 names folders: one with a specification', { CDISpecDirs: ['/etc/cdi'] }, 'cdi'],
  ['25 names folders: empty ones', { CDISpecDirs: ['/empty'] }, 'device-requests'],
] as const)('how a GPU is given: %s', (_, info, method) => {
  const copy = structuredClone(info) as Parameters<typeof gpuMethod>[0];
  expect(gpuMethod(copy, (dirs) => dirs.includes('/etc/cdi'))).toBe(method);
});

test('a path of the container on this machine', () => {
  const mounts = [
    { source: '/w/data', target: '/data' },
    { source: '/w/l1', target: '/data/l1' },
    { source: 'kept', target: '/kept' },
  ];
  const at = (path: string): string | undefined => hostPath({ ...form, mounts }, path);
  expect(at('/data/l1/state.json')).toBe('/w/l1/state.json');
  expect(at('/data/l10/state.json')).toBe('/w/data/l10/state.json');
  expect(at('/data')).toBe('/w/data');
  expect([at('/kept/x'), at('/elsewhere'), at('/database')]).toEqual([undefined, undefined, undefined]);
});
