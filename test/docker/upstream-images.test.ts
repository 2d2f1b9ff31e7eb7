/**
 * Upstream's images cannot be had everywhere: a recorder takes their names and reports how it was started. What is expected is written
 * out here, from zkstack's `prover run --docker` and docker-compose-prover.yaml.
 */
import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DevkitError } from '../../cli/core/errors.ts';
import { devnetPaths } from '../../cli/core/paths.ts';
import type { ComponentSpec } from '../../cli/core/types.ts';
import { containerOptions } from '../../cli/runtimes/docker/create-options.ts';
import { createDockerRuntime } from '../../cli/runtimes/docker/index.ts';
import { pullMissing } from '../../cli/runtimes/docker/pull.ts';
import { askProbe } from '../../cli/runtimes/ready/probe.ts';
import type { ManagedRuntime } from '../../cli/runtimes/runtime.ts';
import { engineInspector } from '../../cli/services/preflight.ts';
import { makeMountSources } from '../../cli/services/upstream.ts';
import type { ZksyncDevnet } from '../../systems/zksync/index.ts';
import { type UpstreamOptions, upstreamProverSpecs, upstreamServerSpec } from '../../systems/zksync/upstream.ts';
import { describeDocker } from '../fixtures/docker.ts';
import { importRecorder } from '../fixtures/recorder/image.ts';
import { isStart, parseStart, type StartRecord } from '../fixtures/recorder/record.ts';
import { startRegistry } from '../fixtures/registry.ts';
import { upstreamDevnet } from '../fixtures/upstream-devnet.ts';

const TAG = `2.0-0.31.0-test${randomBytes(3).toString('hex')}-1`;
const REPOSITORIES = [
  'matterlabs/prover-fri-gateway',
  'matterlabs/prover-job-monitor',
  'matterlabs/witness-generator',
  'matterlabs/circuit-prover-gpu',
  'matterlabs/proof-fri-gpu-compressor',
  'matterlabs/server-v2',
];
/** Not the default ports: a devnet may run on this machine. */
const PORTS = {
  ZKSYNC_PROVER_GATEWAY_PORT: '23322',
  ZKSYNC_PROVER_GATEWAY_PROMETHEUS_LISTENER_PORT: '23310',
  ZKSYNC_PROVER_JOB_MONITOR_HTTP_PORT: '23074',
  ZKSYNC_PROVER_JOB_MONITOR_PROMETHEUS_PORT: '23317',
  ZKSYNC_WITNESS_GENERATOR_PROMETHEUS_LISTENER_PORT: '23116',
  ZKSYNC_PROVER_PROMETHEUS_PORT: '23315',
  ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: '23321',
  ZKSYNC_API_WEB3_JSON_RPC_HTTP_PORT: '23050',
  ZKSYNC_API_HEALTHCHECK_PORT: '23071',
  ZKSYNC_EXTERNAL_PROOF_INTEGRATION_API_HTTP_PORT: '23073',
  ZKSYNC_PROMETHEUS_LISTENER_PORT: '23314',
};
const UUID = 'GPU-11111111-2222-3333-4444-555555555555';
const FILES = ['--config-path=/configs/general.yaml', '--secrets-path=/configs/secrets.yaml'];

await describeDocker('images of upstream', (engine) => {
  const { signal } = new AbortController();
  let dir: string;
  let devnet: ZksyncDevnet;
  let runtime: ManagedRuntime;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'upstream-images-'));
    devnet = await upstreamDevnet(dir, PORTS);
    runtime = createDockerRuntime({ paths: devnetPaths(dir, 'upstream'), engine, env: {} });
    const [first = '', ...others] = REPOSITORIES;
    await importRecorder(engine.docker, first, TAG);
    for (const repo of others) await engine.docker.getImage(`${first}:${TAG}`).tag({ repo, tag: TAG });
  });
  afterAll(async () => {
    await runtime.sweep(signal);
    for (const repo of REPOSITORIES) await engine.docker.getImage(`${repo}:${TAG}`).remove({ force: true });
    await rm(dir, { recursive: true, force: true });
  });

  const specOf = (id: string, options: Partial<UpstreamOptions> = {}): ComponentSpec => {
    const all = [
      ...upstreamProverSpecs(devnet, { tag: TAG, ...options }),
      upstreamServerSpec(devnet, { tag: TAG, ...options }, ['api', 'tree']),
    ];
    return all.find((spec) => spec.id === id)!;
  };

  async function launch(spec: ComponentSpec): Promise<StartRecord> {
    await makeMountSources([spec]);
    const { podName } = await runtime.start(spec, signal);
    const limit = AbortSignal.timeout(60_000);
    for await (const line of runtime.logs(spec.id, { follow: true }, limit)) {
      if (!isStart(line)) continue;
      const record = parseStart(line);
      expect(record.env['POD_NAME']).toBe(podName);
      return record;
    }
    throw new Error(`${spec.id} said nothing`);
  }

  const prover = (...names: string[]): string => join(dir, 'ecosystem', 'prover', ...names);
  const ownMounts = (record: StartRecord) =>
    record.mounts.map(({ target, source, readOnly }) => [target, source, readOnly ? 'ro' : 'rw']);
  /** What Docker and the kit's runtime add for any container. */
  const ownEnv = ({ env }: StartRecord) =>
    Object.fromEntries(
      Object.entries(env).filter(([name]) => !['PATH', 'HOSTNAME', 'HOME', 'POD_NAME'].includes(name)),
    );
  const shared = (): string[][] => [
    ['/artifacts', prover('artifacts'), 'rw'],
    ['/configs', join(dir, 'containers', 'configs-era'), 'ro'],
  ];
  const keys = (): string[] => ['/prover/data/keys', prover('data', 'keys'), 'rw'];

  describe('without a GPU', () => {
    test.each([
      ['gateway', {}, FILES],
      ['prover-job-monitor', {}, FILES],
      ['witness-generator', {}, [...FILES, '--all_rounds']],
      ['witness-generator', { round: 'leaf_aggregation' }, [...FILES, '--round=leaf_aggregation']],
    ])('%s %o: arguments, environment, mounts, folder, user, network', async (id, options, argv) => {
      const record = await launch(specOf(id, options));
      expect(record.argv).toEqual(argv);
      expect(ownEnv(record)).toEqual({ ZKSYNC_PROVER_SETUP_DATA_PATH: 'prover/data/keys' });
      expect(ownMounts(record)).toEqual([...shared(), keys()]);
      expect(record).toMatchObject({ cwd: '/', uid: 0, gid: 0, networkNamespace: readlinkSync('/proc/self/ns/net') });
      expect(record.devices.filter((name) => name.startsWith('nvidia'))).toEqual([]);
      await runtime.stop(id, signal);
    });

    test('the server: its five files and the data of the chain, under the paths that zkstack writes', async () => {
      const record = await launch(specOf('server'));
      const chain = join(dir, 'ecosystem', 'chains', 'era');
      expect(record.argv).toEqual([
        '--genesis-path=/configs/genesis.yaml',
        '--config-path=/configs/general.yaml',
        '--wallets-path=/configs/wallets.yaml',
        '--secrets-path=/configs/secrets.yaml',
        '--contracts-config-path=/configs/contracts.yaml',
        '--components=api,tree',
      ]);
      const targets = ownMounts(record).map(([target]) => target);
      expect(targets.sort()).toEqual(
        ['/artifacts', '/configs', '/db', join(chain, 'db'), join(dir, 'ecosystem', 'artifacts')].sort(),
      );
      await runtime.stop('server', signal);
    });

    test('its probe reaches it, and it is stopped by SIGTERM', async () => {
      const spec = specOf('gateway');
      const port = spec.ready.kind === 'http' ? new URL(spec.ready.url).port : '';
      await launch({ ...spec, container: { ...spec.container!, env: { RECORDER_PORT: port } } });
      await expect.poll(() => askProbe(spec.ready, 1_000, signal)).toBeUndefined();
      const lines: string[] = [];
      const seen = new AbortController();
      const following = (async () => {
        for await (const line of runtime.logs('gateway', { follow: true }, seen.signal)) lines.push(line);
      })();
      await expect.poll(() => lines.some(isStart)).toBe(true);
      await runtime.stop('gateway', signal);
      await expect.poll(() => lines.at(-1)).toBe('{"record":"stop","signal":"SIGTERM"}');
      seen.abort();
      await following;
    });

    test('the configuration of the chain is not changed by any of it', async () => {
      const own = await readFile(join(devnet.configsDir, 'general.yaml'), 'utf8');
      expect(own).toBe(await readFile(join(import.meta.dirname, '../../templates/zksync/general.yaml'), 'utf8'));
    });
  });

  describe('with GPUs', () => {
    /** As it is made, not started: an engine without the driver refuses only the start. */
    async function created(spec: ComponentSpec) {
      await makeMountSources([spec]);
      const { image } = spec.container!;
      const tag = 'reference' in image ? image.reference : '';
      const container = await engine.docker.createContainer(
        containerOptions(spec, {
          paths: devnetPaths(dir, 'upstream'),
          podName: `${spec.id}-00000000`,
          imageTag: tag,
          imageId: (await engine.docker.getImage(tag).inspect()).Id,
        }),
      );
      try {
        return await container.inspect();
      } finally {
        await container.remove({ force: true });
      }
    }

    test.each([
      [
        'circuit-prover',
        { threads: 32, maxAllocation: 25_769_803_776 },
        ['--threads=32', '--max-allocation=25769803776'],
      ],
      ['circuit-prover', { lightWvgCount: 15, heavyWvgCount: 1 }, ['--light-wvg-count=15', '--heavy-wvg-count=1']],
      ['compressor', {}, []],
      ['compressor', { fflonk: true }, ['--fflonk=true']],
    ])('%s %o: the request is --gpus=all, on the network of the machine', async (id, options, own) => {
      const { HostConfig: host, Config: config } = await created(specOf(id, options));
      expect(host.DeviceRequests).toMatchObject([{ Count: -1, Capabilities: [['gpu']] }]);
      expect(host.NetworkMode).toBe('host');
      expect(config).toMatchObject({ Cmd: [...FILES, ...own], WorkingDir: '/', User: '' });
      expect(host).toMatchObject({ CapDrop: null, ReadonlyRootfs: false, Memory: 0, NanoCpus: 0 });
    });

    test('named devices are asked for by UUID', async () => {
      const { HostConfig: host, Config: config } = await created(specOf('compressor', { devices: [UUID] }));
      expect(host.DeviceRequests).toMatchObject([{ DeviceIDs: [UUID], Capabilities: [['gpu']] }]);
      expect(config.Env).toContain(`CUDA_VISIBLE_DEVICES=${UUID}`);
      expect((config as { StopTimeout?: number }).StopTimeout).toBe(100);
    });

    test('the compressor finds the universal setup where it looks for it', async () => {
      const { container, ...spec } = specOf('compressor');
      const { gpus: _none, ...form } = container!;
      const record = await launch({ ...spec, container: form });
      expect(ownMounts(record)).toEqual([...shared(), ['/keys/setup', prover('keys', 'setup'), 'rw'], keys()]);
      expect(ownEnv(record)).toEqual({
        ZKSYNC_PROVER_SETUP_DATA_PATH: 'prover/data/keys',
        ZKSYNC_PROOF_COMPRESSOR_PROMETHEUS_PORT: '23321',
      });
      await runtime.stop('compressor', signal);
    });

    test('a GPU that the engine cannot give: it says so and leaves nothing; one that it can is in the container', async () => {
      const spec = specOf('circuit-prover', { threads: 2 });
      const outcome = await launch(spec).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        if (!(outcome instanceof DevkitError)) throw outcome;
        expect(outcome).toMatchObject({
          code: 'HOST_UNFIT',
          message: expect.stringMatching(/^circuit-prover cannot be given a GPU: /),
        });
        expect((await runtime.inspect('circuit-prover')).state).toBe('missing');
      } else {
        expect((outcome as StartRecord).devices.some((name) => name.startsWith('nvidia'))).toBe(true);
        await runtime.stop('circuit-prover', signal);
      }
    });
  });

  describe('images that are not here', () => {
    const notices: string[] = [];
    const options = {
      signal,
      emit: (event: { type: string; message?: string }) => {
        if (event.type === 'notice') notices.push(event.message ?? '');
      },
    };
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

    test('are pulled, once', async () => {
      await using registry = await startRegistry('matterlabs/circuit-prover-gpu', 'new', { architecture });
      const reference = `${registry.host}/matterlabs/circuit-prover-gpu:new`;
      try {
        await pullMissing(engine, [reference], options);
        expect(notices).toContain(`${reference} is not on this machine: pulling it`);
        expect((await engineInspector(engine)(reference))?.labels).toEqual({ 'devkit.test': 'pulled' });
        const asked = registry.asked.length;
        await pullMissing(engine, [reference], options);
        expect(registry.asked).toHaveLength(asked);
      } finally {
        await engine.docker.getImage(reference).remove({ force: true });
      }
    });

    test('and that no registry has', async () => {
      await using registry = await startRegistry('matterlabs/circuit-prover-gpu', 'new', { architecture });
      const reference = `${registry.host}/matterlabs/circuit-prover-gpu:old`;
      await expect(pullMissing(engine, [reference], options)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: `the image ${reference} is not on this machine, and its registry does not have it, or not for everybody`,
      });
    });

    test('and whose registry does not answer', async () => {
      await expect(pullMissing(engine, ['127.0.0.1:1/matterlabs/server-v2:x'], options)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('its registry cannot be reached'),
      });
    });
  });
});
