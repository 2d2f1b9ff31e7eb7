/** The images as the kit runs them: read-only root file system, no capabilities, nobody. They stay: building them again takes time. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DevkitEvent } from '../../../cli/core/events.ts';
import {
  type EnsuredImage,
  ensureImages,
  imageNames,
  localImageTag,
} from '../../../cli/runtimes/docker/images/index.ts';
import { describeDocker } from '../../fixtures/docker.ts';
import { containersOf } from './containers.ts';

const COMPONENTS = ['gateway', 'witness-generator', 'circuit-prover', 'compressor', 'prover-job-monitor', 'server'];
const DATA = '/var/lib/postgresql/data';

await describeDocker('images', (engine) => {
  const limit = (): AbortSignal => AbortSignal.timeout(100_000);
  const containers = containersOf(engine);
  const images = new Map<string, EnsuredImage>();
  const tag = (name: string): string => images.get(name)!.tag;

  beforeAll(async () => {
    const made = await ensureImages(engine, await imageNames(), { signal: limit(), emit: () => {} });
    for (const image of made) images.set(image.name, image);
  });
  afterAll(() => containers.removeAll());

  test('all of them are made, by their recipe, and say what they stand on', async () => {
    expect([...images.keys()]).toEqual(await imageNames());
    for (const { name, base } of images.values()) {
      expect(tag(name)).toBe(await localImageTag(name));
      expect(['registry', 'debian', 'host']).toContain(base);
      const { Config } = await engine.docker.getImage(tag(name)).inspect();
      expect({ user: Config.User, volumes: Config.Volumes ?? null }).toEqual({ user: '65534:65534', volumes: null });
      expect(Config.Labels).toMatchObject({ 'devkit.image': name, 'devkit.base': base });
    }
  });

  test('what is up to date is not made again', async () => {
    const events: DevkitEvent[] = [];
    const again = await ensureImages(engine, ['zksync', 'base'], {
      signal: limit(),
      emit: (event) => events.push(event),
    });
    expect({ events, built: again.map(({ built }) => built) }).toEqual({ events: [], built: [false, false] });
  });

  describe('postgres', () => {
    const query = async (port: number, sql: string): Promise<unknown[]> => {
      const client = new pg.Client(`postgres://postgres:notsecurepassword@127.0.0.1:${port}/postgres`);
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query(sql)).rows as unknown[];
      } finally {
        await client.end();
      }
    };
    const start = async (port: number) => {
      const volumes = [{ name: 'data', target: DATA }];
      const argv = ['-D', DATA, '-c', 'listen_addresses=*', '-c', `port=${port}`, '-c', 'io_method=sync'];
      const container = await containers.start({ image: tag('postgres'), argv, volumes, port });
      const healthy = ['node', '/devkit/health.mjs', 'sql', `127.0.0.1:${port}`];
      while ((await containers.exec(container, healthy)) !== 0);
      return container;
    };

    test('fills an empty volume with its ready data, answers with the password only, and keeps what it was given', async () => {
      const port = await containers.freePort();
      const first = await start(port);
      expect(await query(port, "select current_setting('data_directory_mode') as mode")).toEqual([{ mode: '0700' }]);
      await query(port, 'create table kept (x int); insert into kept values (7)');
      const stranger = new pg.Client(`postgres://postgres:wrong@127.0.0.1:${port}/postgres`);
      await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
      await first.stop({ t: 10 });
      const second = await start(port);
      expect(await query(port, 'select x from kept')).toEqual([{ x: 7 }]);
      await second.stop({ t: 10 });
      expect((await second.inspect()).State.ExitCode).toBe(0);
    });
  });

  test('anvil answers with its chain id', async () => {
    const port = await containers.freePort();
    const argv = ['--host', '0.0.0.0', '--port', String(port), '--chain-id', '9'];
    const container = await containers.start({ image: tag('anvil'), argv, port });
    const healthy = ['node', '/devkit/health.mjs', 'jsonrpc', `http://127.0.0.1:${port}`, 'eth_chainId'];
    while ((await containers.exec(container, healthy)) !== 0);
    const response = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }),
    });
    expect(await response.json()).toMatchObject({ result: '0x9' });
  });

  // any account must do: a component runs as the owner of the folders it writes to
  test.each([...COMPONENTS.map((name) => ({ name, user: '' })), { name: 'gateway', user: '12345:12345' }])(
    '$name loads and asks for its configuration $user',
    async ({ name, user }) => {
      const argv = [`/app/systems/zksync/components/${name}/main.ts`];
      const ended = await containers.run({ image: tag('zksync'), argv, ...(user ? { user } : {}) });
      expect(ended.output).toMatch(/is missing|is needed|give either/);
      expect(ended.exitCode).toBe(2);
    },
  );

  test('proofs are made in the image: bb, the circuits and their packages are whole', async () => {
    const program = `
      const { openPoseidon2 } = await import('/app/proving/poseidon2.ts');
      const { ensureCrs } = await import('/app/proving/crs.ts');
      const { createBb } = await import('/app/proving/bb.ts');
      const { solveWitness } = await import('/app/proving/noir.ts');
      const { readArtifact } = await import('/app/systems/zksync/protocol/keys/programs.ts');
      using poseidon = await openPoseidon2();
      poseidon.permute([0n, 1n, 2n, 3n]);
      const crs = await ensureCrs({ crs: 'dev', points: 1024, cacheDir: '/tmp/cache' });
      const bb = createBb({ crs, cacheDir: '/tmp/cache' });
      const program = await readArtifact('linked', 'l1_messages_hasher');
      const gates = await bb.gateCount({ program, target: 'recursive' });
      await solveWitness(program, {}).catch((error) => process.stdout.write(error.name + ' ' + gates));
    `;
    const argv = ['--input-type=module-typescript', '-e', program];
    const ended = await containers.run({ image: tag('zksync'), argv });
    expect(ended.output).toMatch(/^CircuitInputError \d{3,}$/);
    expect(ended.exitCode).toBe(0);
  });
});
