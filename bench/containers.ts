/**
 * The docker runtime beside Docker Compose and beside processes: `npm run bench:containers` (`-- --runs 5`). Takes some minutes on a machine
 * that does nothing else; needs a container engine; prints Markdown and writes it to docs/benchmarks-containers.md.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ComponentSpec } from '../cli/core/types.ts';
import { connectEngine } from '../cli/runtimes/docker/engine.ts';
import { openServiceContext } from '../cli/services/context.ts';
import { openDevnet } from '../cli/services/devnet.ts';
import type { ProveResult } from '../cli/services/inputs.ts';
import { allSpecs } from '../cli/services/start.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { type ComposeProject, openCompose, untilAllAnswer } from './compose.ts';
import { benchWorkspace, devkit } from './devnet.ts';
import { engineMemory } from './engine-memory.ts';
import { describeMachine, load, seconds, table } from './machine.ts';

const MIB = 2 ** 20;
/** Between two measurements: what the one before has started to tidy up comes to rest. */
const PAUSE_MS = 1_000;
const START_LIMIT_MS = 180_000;
const RUNTIMES = ['process', 'docker'] as const;
type RuntimeName = (typeof RUNTIMES)[number];

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number from 1, not "${values.runs}"`);

const lines: string[] = [];
const say = (...text: string[]): void => {
  lines.push(...text);
  for (const line of text) console.log(line);
};

const engine = await connectEngine();
say(
  '# Benchmarks of the docker runtime',
  '',
  'Repeat with `npm run bench:containers` on a machine that does nothing else. All in one run, the ways of one table by turns; wall clock in seconds: median (lowest to highest).',
  '',
  `Machine: ${describeMachine()}. Docker ${engine.version}. Date: ${new Date().toISOString().slice(0, 10)}. One-minute load before the start: ${load()}. Repetitions: ${runs}.`,
  '',
);
{
  await using containers = await benchWorkspace();
  await using processes = await benchWorkspace();
  const dirs = { docker: containers.dir, process: processes.dir };
  for (const runtime of RUNTIMES) {
    await devkit(['quickstart', '--runtime', runtime, '--quiet'], dirs[runtime]);
    await devkit(['down', '--quiet'], dirs[runtime]);
  }
  await startAndStop(containers.dir);
  await prove(dirs);
}
await writeFileAtomic(join(import.meta.dirname, '../docs/benchmarks-containers.md'), `${lines.join('\n')}\n`);

async function startAndStop(dir: string): Promise<void> {
  const file = join(dir, 'compose.yaml');
  await devkit(['export', 'compose', '--out', file, '--health-interval', '1s', '--quiet'], dir);
  await using compose = await openCompose(file);
  const specs = await specsOf(dir);
  const ways = {
    kit: { up: [] as number[], down: [] as number[] },
    wait: { up: [] as number[], down: [] as number[] },
    polled: { up: [] as number[], down: [] as number[] },
  };
  const measure = {
    kit: async () => ({
      up: (await devkit(['up', '--runtime', 'docker', '--quiet'], dir)).wallMs,
      down: (await devkit(['down', '--quiet'], dir)).wallMs,
    }),
    wait: async () => ({ up: await compose.run('up', '--wait'), down: await compose.run('down') }),
    polled: async () => ({ up: await upPolled(compose, specs), down: await compose.run('down') }),
  };
  const names = ['kit', 'wait', 'polled'] as const;
  for (let run = 0; run < runs; run++) {
    // each way is first, second and third in turn
    for (const name of [...names.slice(run % 3), ...names.slice(0, run % 3)]) {
      const { up, down } = await measure[name]();
      ways[name].up.push(up);
      ways[name].down.push(down);
      await sleep(PAUSE_MS);
    }
  }
  reportStarts(compose.version, specs.length, ways);
}

type Ways = Record<'kit' | 'wait' | 'polled', { up: number[]; down: number[] }>;

function reportStarts(version: string, count: number, { kit, wait, polled }: Ways): void {
  const composeDown = [...wait.down, ...polled.down];
  say(
    `## A stopped devnet starts and stops (${count} containers), Compose ${version} on the exported file`,
    '',
    ...table(
      ['', 'all of it answers', 'stopped'],
      [
        ['`devkit up`, `devkit down`', spread(kit.up), spread(kit.down)],
        ['`docker compose up --wait` (health interval 1 s), `docker compose down`', spread(wait.up), spread(wait.down)],
        [
          "`docker compose up -d` asked by the kit's own probes, `docker compose down`",
          spread(polled.up),
          spread(polled.down),
        ],
      ],
    ),
    '',
    `Up: ${ratio(kit.up, wait.up)} × of \`up --wait\` (limit 0.8), ${ratio(kit.up, polled.up)} × of \`up -d\` with the kit's probes (limit 1.0). Down: ${ratio(kit.down, composeDown)} × (limit 1.0).`,
    'The kit is measured as a whole process, Node and imports included.',
    '',
  );
}

/** Until all answer; what Compose itself still has to do then is waited for and not counted. */
async function upPolled(compose: ComposeProject, specs: readonly ComponentSpec[]): Promise<number> {
  const starting = compose.run('up', '-d');
  const failed = new AbortController();
  starting.catch((error: unknown) => failed.abort(error));
  const signal = AbortSignal.any([failed.signal, AbortSignal.timeout(START_LIMIT_MS)]);
  const answeredMs = await untilAllAnswer(specs, signal);
  await starting;
  return answeredMs;
}

async function specsOf(dir: string): Promise<ComponentSpec[]> {
  const ctx = openServiceContext({ cwd: dir, emit: () => {}, signal: AbortSignal.timeout(START_LIMIT_MS) });
  return allSpecs(await openDevnet(ctx));
}

async function prove(dirs: Readonly<Record<RuntimeName, string>>): Promise<void> {
  const wall: Record<RuntimeName, number[]> = { process: [], docker: [] };
  const cpu: Record<RuntimeName, number[]> = { process: [], docker: [] };
  const memory = new Map<RuntimeName, Map<string, number>>();
  let engineProcesses = new Map<string, { processes: number; pssBytes: number }>();
  for (let run = 0; run < runs; run++) {
    for (const runtime of run % 2 === 0 ? RUNTIMES : RUNTIMES.toReversed()) {
      const dir = dirs[runtime];
      // one devnet at a time: the other one's idle components would take CPU
      await devkit(['up', '--quiet'], dir);
      const { wallMs, cpuMs } = await proveOne(dir);
      wall[runtime].push(wallMs);
      cpu[runtime].push(cpuMs);
      memory.set(runtime, await memoryOf(dir));
      if (runtime === 'docker') engineProcesses = engineMemory();
      await devkit(['down', '--quiet'], dir);
      await sleep(PAUSE_MS);
    }
  }
  reportProving(wall, cpu);
  reportMemory(memory, engineProcesses);
}

/** One batch of 32 slots; the first batch of freshly started components, in both runtimes. */
async function proveOne(dir: string): Promise<{ wallMs: number; cpuMs: number }> {
  await devkit(['tx', 'send', '--slots', '32', '--quiet'], dir);
  await devkit(['batch', 'seal', '--quiet'], dir);
  const proven = JSON.parse((await devkit(['prove', '--json', '--quiet'], dir)).stdout) as ProveResult;
  const stage = proven.stages.find(({ name }) => name === 'prove');
  if (stage === undefined || proven.verdict !== 'accepted') throw new Error(`batch ${proven.batch}: ${proven.verdict}`);
  return { wallMs: stage.wallMs, cpuMs: stage.cpuMs ?? Number.NaN };
}

function reportProving(wall: Record<RuntimeName, number[]>, cpu: Record<RuntimeName, number[]>): void {
  say(
    '## A batch of 32 slots is proven, linked',
    '',
    ...table(
      ['runtime', 'wall', 'CPU'],
      RUNTIMES.map((runtime) => [runtime, spread(wall[runtime]), spread(cpu[runtime])]),
    ),
    '',
    `Containers: ${ratio(wall.docker, wall.process)} × the processes (limit 1.15).`,
    '',
  );
}

interface StatusDocument {
  components: { id: string; usage?: { rssBytes: number; pssBytes?: number } }[];
}

/** MiB by component: PSS, where it can be known. */
async function memoryOf(dir: string): Promise<Map<string, number>> {
  const { components } = JSON.parse((await devkit(['status', '--json'], dir)).stdout) as StatusDocument;
  return new Map(
    components.map(({ id, usage }) => [id, Math.round((usage?.pssBytes ?? usage?.rssBytes ?? Number.NaN) / MIB)]),
  );
}

function reportMemory(
  memory: ReadonlyMap<RuntimeName, ReadonlyMap<string, number>>,
  engineProcesses: ReadonlyMap<string, { processes: number; pssBytes: number }>,
): void {
  const [processes, containers] = RUNTIMES.map((runtime) => memory.get(runtime) ?? new Map<string, number>());
  const sum = (of: ReadonlyMap<string, number> | undefined): number =>
    [...(of?.values() ?? [])].reduce((a, b) => a + b, 0);
  const parts = [...engineProcesses].map(
    ([name, { processes: count, pssBytes }]) => `${count} × ${name} ${Math.round(pssBytes / MIB)}`,
  );
  say(
    '## Memory after a batch, MiB (PSS)',
    '',
    ...table(
      ['component', 'process', 'container'],
      [
        ...[...(containers?.keys() ?? [])].map((id) => [id, processes?.get(id) ?? '', containers?.get(id) ?? '']),
        ['all', sum(processes), sum(containers)],
      ],
    ),
    '',
    `The engine itself, beside that: ${parts.join(', ')} MiB.`,
    '',
  );
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function spread(ms: readonly number[]): string {
  return `${exact(median(ms))} (${exact(Math.min(...ms))} to ${exact(Math.max(...ms))})`;
}

function ratio(ours: readonly number[], theirs: readonly number[]): string {
  return (median(ours) / median(theirs)).toFixed(2);
}

/** Starts take few seconds: two digits below 10. */
function exact(ms: number): string {
  return ms < 10_000 ? (ms / 1000).toFixed(2) : seconds(ms);
}
