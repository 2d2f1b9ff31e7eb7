/** Docker Compose v2 and the files that `devkit export compose` writes. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ComposeService } from '../../cli/core/compose.ts';
import { composeFile, composeYaml, mapStrings } from '../../cli/core/compose.ts';
import type { Engine } from '../../cli/runtimes/docker/engine.ts';
import type { ExportComposeResult } from '../../cli/services/export-compose.ts';
import type {
  BatchListResult,
  BatchSealResult,
  QuickstartResult,
  VerifyResult,
  WatchTick,
} from '../../cli/services/inputs.ts';
import { composeSamples } from '../../scripts/compose.ts';
import { type Compose, openCompose } from '../fixtures/compose.ts';
import { devkit, devkitJson, tempWorkspace } from '../fixtures/devkit.ts';
import { describeDocker } from '../fixtures/docker.ts';
import { NASTY, OPTIONS, spec } from '../unit/compose/specs.ts';
import { tempDir } from '../unit/compose/temp-dir.ts';

interface Normalised {
  services: Record<string, ComposeService & { environment: Record<string, string | null> }>;
}

/** The file as Compose understands it. */
const understood = async (compose: Compose, file: string): Promise<Normalised> =>
  mapStrings(JSON.parse(await compose('-f', file, 'config', '--format', 'json')) as Normalised, (text) =>
    text.replaceAll('$$', '$'),
  );

/** What the engine has of a project. */
async function leftOf({ docker }: Engine, project: string): Promise<string[]> {
  const filters = { label: [`com.docker.compose.project=${project}`] };
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...networks.map(({ Name }) => Name),
    ...(Volumes ?? []).map(({ Name }) => Name),
  ];
}

const SAMPLES = await composeSamples();

await describeDocker('docker compose', (engine) => {
  test('takes every text for what it is', async () => {
    await using temp = await tempDir();
    const compose = await openCompose(engine.host, temp.dir);
    const environment = Object.fromEntries(NASTY.map((text, i) => [`V${i}`, text]));
    const file = join(temp.dir, 'compose.yaml');
    await writeFile(file, composeYaml(composeFile([spec('app', { argv: NASTY, env: environment })], OPTIONS), ['x']));
    const { services } = await understood(compose, file);
    expect(services['app']?.command).toEqual(NASTY);
    expect(services['app']?.environment).toMatchObject(environment);
  });

  test.each(SAMPLES)(
    'accepts the file of $system in compose/ once its variables have values, and asks for each of them',
    async (sample) => {
      await using temp = await tempDir();
      const compose = await openCompose(engine.host, temp.dir);
      await expect(understood(compose, sample.path)).rejects.toThrow(/required variable \w+ is missing/);
      const values = Object.keys(sample.variables).map((name) => `${name}=/v/${name.toLowerCase()}\n`);
      const env = join(temp.dir, 'values.env');
      await writeFile(env, [...values, 'DEVKIT_DEVNET=default\n'].join(''));
      const config = JSON.parse(await compose('--env-file', env, '-f', sample.path, 'config', '--format', 'json'));
      expect(Object.keys(config.services).sort()).toEqual(Object.keys(parse(sample.yaml).services).sort());
      expect(config.name).toBe('devkit-default');
    },
  );

  test('brings the exported devnet up, proves a batch with it, and leaves nothing', async () => {
    await using workspace = await tempWorkspace('compose');
    const { dir } = workspace;
    const compose = await openCompose(engine.host, dir);
    const first = await devkitJson<QuickstartResult>(
      ['quickstart', '--runtime', 'docker', '--slots', '2', '--messages', '1'],
      { cwd: dir },
    );
    await devkitJson(['down'], { cwd: dir });

    const exported = await devkitJson<ExportComposeResult>(['export', 'compose'], { cwd: dir });
    const file = join(dir, 'compose.yaml');
    expect(exported).toMatchObject({ file, next: 'docker compose -f compose.yaml up --wait' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(Object.keys((await understood(compose, file)).services).sort()).toEqual([...exported.services].sort());

    await using stopped = composeProject(compose, file);
    await compose('-f', file, 'up', '--wait');
    expect(await healthOf(engine, exported.project)).toEqual(
      Object.fromEntries(exported.services.map((id) => [id, 'running (healthy)'])),
    );

    const proven = await proveOne(dir);
    expect(proven).toMatchObject({ batch: first.batch + 1, verdict: 'accepted' });
    expect(new Set(proven.checks.map(({ verifier }) => verifier)).size).toBeGreaterThan(1);

    await stopped[Symbol.asyncDispose]();
    expect(await leftOf(engine, exported.project)).toEqual([]);

    // what was proven through Compose is there when the kit takes over again
    await devkitJson(['up'], { cwd: dir });
    const { batches } = await devkitJson<BatchListResult>(['batch', 'list'], { cwd: dir });
    expect(batches.map(({ number }) => number)).toEqual(expect.arrayContaining([first.batch, proven.batch]));
    // an export over the earlier one is fine, and says that the ports are taken now
    const again = await devkit(['export', 'compose', '--health-interval', '5s'], { cwd: dir });
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('runs and holds its ports')]);
    expect(await readFile(file, 'utf8')).toContain("interval: '5s'");
  });

  test('brings the exported market up, with its users and orders, and a proof is accepted through it', async () => {
    await using workspace = await tempWorkspace('compose-market');
    const { dir } = workspace;
    const compose = await openCompose(engine.host, dir);
    const json = <T>(line: string): Promise<T> => devkitJson<T>(line.split(' '), { cwd: dir });
    await json('up --system proof-market --runtime docker');
    await writeFile(join(dir, 'input.json'), '{"input":"1\\n11"}');
    const { order: bid } = await json<MadeOrder>('market bid push --key 32326 --cost 2 --file input.json');
    await json('down');

    const exported = await json<ExportComposeResult>('export compose');
    expect([exported.services, exported.file]).toEqual([['postgres', 'market'], join(dir, 'compose.yaml')]);
    await using stopped = composeProject(compose, join(dir, 'compose.yaml'));
    await compose('-f', 'compose.yaml', 'up', '--wait');
    expect(await healthOf(engine, exported.project)).toEqual({
      postgres: 'running (healthy)',
      market: 'running (healthy)',
    });

    // these commands only talk to the port
    const { order: ask } = await json<MadeOrder>('market ask push --key 32326 --cost 2');
    expect(await json(`market ask get --key ${ask._key}`)).toMatchObject({
      orders: [{ status: 'processing', bid_key: bid._key }],
    });
    await json('market statement get --key 32326 --output statement.json');
    await json('market proof generate --circuit_input statement.json --public_input input.json --proof_out proof.bin');
    await json(`market proof push --ask-key ${ask._key} --file proof.bin`);
    await stopped[Symbol.asyncDispose]();
    expect(await leftOf(engine, exported.project)).toEqual([]);

    // and the kit has it all when it takes over again
    await json('up');
    expect(await json(`market bid get --key ${bid._key}`)).toMatchObject({ orders: [{ status: 'completed' }] });
  });
});

interface MadeOrder {
  order: { _key: string; status: string };
}

/** Stopped at the end of the test, however it ends. Stopping twice is fine. */
const composeProject = (compose: Compose, file: string): AsyncDisposable => ({
  async [Symbol.asyncDispose]() {
    await compose('-f', file, 'down', '--timeout', '100');
  },
});

async function healthOf({ docker }: Engine, project: string): Promise<Record<string, string>> {
  const found = await docker.listContainers({
    all: true,
    filters: { label: [`com.docker.compose.project=${project}`] },
  });
  return Object.fromEntries(
    found.map(({ Labels, State, Status }) => [
      Labels['com.docker.compose.service'] ?? '',
      `${State} ${/\((.*)\)/.exec(Status)?.[0] ?? ''}`,
    ]),
  );
}

/** With commands that start nothing: the containers of Compose do it all. */
async function proveOne(cwd: string): Promise<VerifyResult> {
  await devkitJson(['tx', 'send', '--slots', '2', '--messages', '1'], { cwd });
  const { batch } = await devkitJson<BatchSealResult>(['batch', 'seal'], { cwd });
  const watched = await devkit(['watch', '--batch', String(batch.number), '--json', '--timeout', '5m'], { cwd });
  const last = JSON.parse(watched.stdout.trim().split('\n').at(-1) ?? '{}') as WatchTick;
  expect([watched.code, last.state]).toEqual([0, 'proven']);
  return devkitJson<VerifyResult>(['verify-batch', String(batch.number)], { cwd });
}
