/** The toolchain's image as the generator: how its container is made, and that nothing of it is left. A stand-in has its place. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { devnetPaths } from '../../cli/core/paths.ts';
import type { Engine } from '../../cli/runtimes/docker/engine.ts';
import { ofDevnet } from '../../cli/runtimes/docker/labels.ts';
import { exampleStatement } from '../../systems/proof-market/protocol/proving/example.ts';
import { proveStatement } from '../../systems/proof-market/protocol/proving/prove.ts';
import { type MarketKit, openMarketKit, STATEMENT } from '../contract/proof-market/commands/kit.ts';
import { type Ended, type Running, startDevkit } from '../fixtures/devkit.ts';
import { describeDocker } from '../fixtures/docker.ts';
import {
  type GeneratorPlan,
  type GeneratorRecord,
  generatorRecord,
  tellGenerator,
} from '../fixtures/recorder/generator.ts';
import { importGenerator, importRecorder } from '../fixtures/recorder/image.ts';
import { openTerminal } from '../fixtures/terminal.ts';

const ID = randomBytes(4).toString('hex');
const IMAGE = `devkit-test/proof-market-toolchain:${ID}`;
/** Without the program. */
const OTHER = `devkit-test/no-generator:${ID}`;
const VERIFIED: GeneratorPlan = { write: '0xabcd', say: ['Proof is verified'] };
const FILES = ['--circuit_input', 'circuits/ir.json', '--public_input', 'input.json', '--proof_out', 'out/proof.bin'];
const [UID, GID] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

let dir: string;
const file = (name: string): string => join(dir, name);
const containers = async ({ docker }: Engine, folder = dir): Promise<ContainerInspectInfo[]> => {
  const filters = ofDevnet(devnetPaths(folder, 'default').dir);
  const found = await docker.listContainers({ all: true, filters });
  return Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
};

const start = (flags: readonly string[] = [], files = FILES, image = IMAGE): Running =>
  startDevkit(['market', 'proof', 'generate', ...files, '--image', image, ...flags], { cwd: dir });

async function generate(plan: GeneratorPlan, ...flags: string[]): Promise<Ended> {
  await tellGenerator(file('out'), plan);
  return start(flags).ended;
}

const recorded = async (): Promise<GeneratorRecord> => {
  const record = await generatorRecord(file('out'));
  if (record === undefined) throw new Error('the generator was not started');
  return record;
};
const errorLines = ({ stderr }: Ended): string[] => {
  const lines = stderr.trimEnd().split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('error: ')));
};

await describeDocker('the image of a proof generator', (engine) => {
  beforeAll(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), "generator's image ")));
    await importGenerator(engine.docker, IMAGE);
    const [repository = '', tag = ''] = OTHER.split(':');
    await importRecorder(engine.docker, repository, tag);
    const ir = {
      _key: '79169223',
      type: 'placeholder-zkllvm',
      definition: { proving_key: ';', verification_key: ';' },
    };
    await tellGenerator(file('circuits'), {});
    await writeFile(file('circuits/ir.json'), JSON.stringify(ir));
    await writeFile(file('input.json'), '{"input":"1\\n11"}');
  });
  afterAll(async () => {
    for (const image of [IMAGE, OTHER]) await engine.docker.getImage(image).remove({ force: true });
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(() => rm(file('out'), { recursive: true, force: true }));

  describe('is run', () => {
    test('as the guide says: the folders under /opt/project, as this user, without a network', async () => {
      expect(await generate(VERIFIED)).toMatchObject({
        code: 0,
        stdout: `${file('out/proof.bin')}: its generator says that it is verified; nothing here can check it\n`,
      });
      const record = await recorded();
      expect(record).toMatchObject({
        program: '/usr/bin/proof-generator',
        argv: [
          ...['--circuit_input', '/opt/project/0/ir.json'],
          ...['--public_input', '/opt/project/1/input.json'],
          ...['--proof_out', '/opt/project/2/proof.bin'],
        ],
        cwd: '/opt/project',
        uid: UID,
        gid: GID,
        interfaces: ['lo'],
      });
      expect(record.mounts.map(({ source, target }) => [target, source])).toEqual([
        ['/opt/project/0', file('circuits')],
        ['/opt/project/1', dir],
        ['/opt/project/2', file('out')],
      ]);
      expect(await readFile(file('out/proof.bin'), 'utf8')).toBe('0xabcd');
      expect(await containers(engine)).toEqual([]);
    });

    test('with the flags for shards, and not for memory: that is the limit of the container', async () => {
      await tellGenerator(file('out'), { ...VERIFIED, wait: true });
      const running = start(['--smp', '2', '--shard0-mem-scale', '3', '--memory', '512MiB']);
      await expect.poll(() => generatorRecord(file('out')), { timeout: 60_000 }).toBeDefined();
      expect((await recorded()).argv.slice(6)).toEqual(['--smp', '2', '--shard0-mem-scale', '3']);
      const [container, ...others] = await containers(engine);
      expect(others).toEqual([]);
      expect(container?.HostConfig).toMatchObject({
        Memory: 512 * 2 ** 20,
        MemorySwap: 512 * 2 ** 20,
        NetworkMode: 'none',
      });
      expect(container?.HostConfig.Mounts?.map(({ Target, ReadOnly = false }) => [Target, ReadOnly])).toEqual([
        ['/opt/project/0', true],
        ['/opt/project/1', true],
        ['/opt/project/2', false],
      ]);
      // and it is gone after Ctrl-C
      running.child.kill('SIGINT');
      expect((await running.ended).code).toBe(130);
      expect(await containers(engine)).toEqual([]);
    });

    test('with one mount where all files are in one folder', async () => {
      await tellGenerator(dir, VERIFIED);
      try {
        const files = FILES.map((word) => word.replace('circuits/', '').replace('out/', ''));
        await writeFile(file('ir.json'), await readFile(file('circuits/ir.json')));
        expect((await start([], files).ended).code).toBe(0);
        const { argv, mounts } = (await generatorRecord(dir)) as GeneratorRecord;
        expect(mounts).toEqual([{ target: '/opt/project/0', source: dir }]);
        expect(argv[1]).toBe('/opt/project/0/ir.json');
      } finally {
        await rm(file('plan.json'));
      }
    });

    test('as the stack says', async () => {
      const stack = `version: 1\nsystem: proof-market\nvariant: upstream\nimages:\n  proof-generator: ${IMAGE}\n`;
      await writeFile(file('devkit.yaml'), stack);
      try {
        await tellGenerator(file('out'), VERIFIED);
        const { code } = await startDevkit(['market', 'proof', 'generate', ...FILES], { cwd: dir }).ended;
        expect([code, (await recorded()).program]).toEqual([0, '/usr/bin/proof-generator']);
      } finally {
        await rm(file('devkit.yaml'));
      }
    });
  });

  describe('fails', () => {
    test('without a file, whatever it says: its last lines, exit code 5, and the container is gone', async () => {
      const ended = await generate({ say: ['reading circuit', 'Proof is verified'] });
      expect([ended.code, ended.stdout, errorLines(ended)]).toEqual([
        5,
        '',
        [
          'error: the generator wrote no proof (exit code 0: Proof is verified)',
          '  reading circuit',
          '  Proof is verified',
          '→ mend that, then the same command again',
        ],
      ]);
      expect(await containers(engine)).toEqual([]);
    });

    test('beyond its memory, and says so', async () => {
      const ended = await generate({ take: 2 ** 30 }, '--memory', '200MiB', '--smp', '1');
      expect(ended.code).toBe(5);
      expect(errorLines(ended)[0]).toMatch(
        /^error: the generator wrote no proof \(exit code 137: killed at its memory limit\)$/,
      );
      expect(await containers(engine)).toEqual([]);
    });

    test('with shards that this machine cannot hold, before a container is made', async () => {
      const ended = await generate({}, '--memory', '1024TiB', '--smp', '8', '--shard0-mem-scale', '9');
      expect([ended.code, errorLines(ended)]).toEqual([
        3,
        [
          expect.stringMatching(/^error: memory: 1024 TiB \/ \(8 \+ 9 - 1\) = 64 TiB a shard; .* too much\)/),
          '→ another --memory, --smp or --shard0-mem-scale',
        ],
      ]);
      expect(await generatorRecord(file('out'))).toBeUndefined();
    });

    test('without the program in it, and leaves nothing', async () => {
      await tellGenerator(file('out'), {});
      const ended = await start([], FILES, OTHER).ended;
      expect([ended.code, errorLines(ended)[0]]).toEqual([
        5,
        expect.stringMatching(/^error: the generator wrote no proof \(exit code 127: .*\/usr\/bin\/proof-generator/),
      ]);
      expect(await containers(engine)).toEqual([]);
    });

    test('when no registry has it', async () => {
      await tellGenerator(file('out'), {});
      const ended = await start([], FILES, '127.0.0.1:1/proof-market-toolchain:x').ended;
      expect([ended.code, errorLines(ended)[0]]).toEqual([
        2,
        expect.stringContaining('its registry cannot be reached'),
      ]);
    });
  });

  describe('beside a market of processes', () => {
    let kit: MarketKit;
    beforeAll(async () => {
      kit = await openMarketKit();
    });
    afterAll(() => kit?.[Symbol.asyncDispose]());

    const generated = (folder: string) => expect.poll(() => generatorRecord(folder), { timeout: 60_000 });

    test('a producer proves with it; a run that is killed is made again; nothing is left', async () => {
      const flags = ['--image', IMAGE, '--smp', '2', '--memory', '512MiB'];
      const producer = openTerminal(['market', 'producer', 'run', ...flags], { cwd: kit.dir });
      try {
        const ask = /\d{9,}/.exec((await producer.says(/^.*ask pushed.*$/m))[0])?.[0] ?? '';
        const folder = join(kit.dir, '.devkit/devnets/default/data/producers/producer/asks', ask);
        await tellGenerator(folder, { wait: true });
        const { definition } = await exampleStatement();
        const write = await proveStatement({ statementKey: STATEMENT, definition, publicInput: '7\n8', threads: 1 });
        await kit.file('input.json', { input: '7\n8' });
        const push = `market bid push --key ${STATEMENT} --cost 2 --file input.json`;
        const { order } = await kit.json<{ order: { _key: string } }>(push);

        await generated(folder).toMatchObject({
          argv: [
            ...['--circuit_input', '/opt/project/0/statement.json'],
            ...['--public_input', '/opt/project/0/input.json'],
            ...['--proof_out', '/opt/project/0/proof.out'],
            ...['--smp', '2'],
          ],
          mounts: [{ source: folder, target: '/opt/project/0' }],
        });
        const [container] = await containers(engine, kit.dir);
        expect(container?.HostConfig.Memory).toBe(512 * 2 ** 20);
        await tellGenerator(folder, { write, say: ['Proof is verified'] });
        await engine.docker.getContainer(container?.Id ?? '').kill();
        const status = async () =>
          (await kit.json<{ orders: [{ status: string }] }>(`market bid get --key ${order._key}`)).orders[0].status;
        await expect.poll(status, { timeout: 60_000 }).toBe('completed');
        expect(producer.said()).toContain('exit code 137');
      } finally {
        producer.kill('SIGINT');
      }
      expect((await producer.ended).code).toBe(130);
      expect(await containers(engine, kit.dir)).toEqual([]);
    });

    const startWaiting = async (): Promise<Running> => {
      const folder = join(kit.dir, 'out');
      await rm(folder, { recursive: true, force: true });
      await tellGenerator(folder, { wait: true });
      const files = ['--circuit_input', file('circuits/ir.json'), '--public_input', 'input.json'];
      const words = ['market', 'proof', 'generate', ...files, '--proof_out', 'out/proof.bin', '--image', IMAGE];
      const running = startDevkit(words, { cwd: kit.dir });
      await generated(folder).toBeDefined();
      return running;
    };

    test('what a killed kit leaves is ended by down', async () => {
      const running = await startWaiting();
      running.child.kill('SIGKILL');
      await running.ended;
      expect(await containers(engine, kit.dir)).toHaveLength(1);
      await kit.json('down');
      expect(await containers(engine, kit.dir)).toEqual([]);
    });

    test('one that down ends has made no proof', async () => {
      const running = await startWaiting();
      await kit.json('down');
      const ended = await running.ended;
      expect([ended.code, errorLines(ended)[0]]).toEqual([5, 'error: the generator wrote no proof (exit code 137)']);
      expect(await containers(engine, kit.dir)).toEqual([]);
    });

    test('a producer in a container does not have it', async () => {
      expect(await kit.refused(['market', 'producer', 'run', '--docker', '--image', IMAGE])).toEqual({
        exitCode: 2,
        message: `a producer in a container has only the reference generator, not ${IMAGE}`,
        hint: 'devkit market producer run --no-docker   (the producer as a process, beside the containers)',
      });
    });
  });
});
