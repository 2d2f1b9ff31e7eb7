/** The prover side of a devnet, without a server: database, folders, configuration, and the real components as processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { type Bb, createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import { openPoseidon2 } from '../../../proving/poseidon2.ts';
import { createHasher, type Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { CRS_POINTS } from '../../../systems/zksync/protocol/circuits.ts';
import { PROVER_PROTOCOL_VERSION } from '../../../systems/zksync/protocol/ids.ts';
import { type CircuitSet, makeKeys } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { insertVersion } from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { freePort, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';

export type ComponentName = 'witness-generator' | 'circuit-prover' | 'compressor' | 'prover-job-monitor';

export interface RunningComponent {
  process: ChildProcess;
  podName: string;
  /** SIGKILL for it and the processes it started. */
  kill(): void;
  /** Log lines so far, as written. */
  log(): Promise<string>;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string>;
}

export interface ProverDevnet extends AsyncDisposable {
  database: TestDatabase;
  /** Working directory of the components. */
  dir: string;
  store: string;
  circuits: CircuitSet;
  hasher: Hasher;
  bb: Bb;
  start(name: ComponentName, ...flags: string[]): RunningComponent;
}

const COMPONENTS = new URL('../../../systems/zksync/components/', import.meta.url).pathname;

export async function startDevnet(postgres: TestPostgres, options: { version?: boolean } = {}): Promise<ProverDevnet> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-workers-'));
  const store = join(dir, 'artifacts');
  await mkdir(join(store, 'witness_inputs'), { recursive: true });
  const database = await postgres.proverDatabase();
  const crs = await ensureCrs({ crs: 'dev', points: CRS_POINTS.linked.keys, cacheDir: cacheDir() });
  const bb = createBb({ crs, cacheDir: cacheDir() });
  const circuits = await makeKeys({
    keysDir: join(dir, 'data/keys'),
    aggregation: 'linked',
    crs,
    bb,
    cacheDir: cacheDir(),
  });
  if (options.version !== false) await insertVersionOf(database, circuits.snarkWrapperVkHash);
  await writeConfig(dir, database.url);
  const poseidon2 = await openPoseidon2();
  const running: RunningComponent[] = [];
  return {
    database,
    dir,
    store,
    circuits,
    bb,
    hasher: createHasher(poseidon2),
    start: (name, ...flags) => {
      const component = startComponent(dir, name, running.length, flags);
      running.push(component);
      return component;
    },
    [Symbol.asyncDispose]: async () => {
      for (const component of running) component.kill();
      await Promise.all(running.map(({ ended }) => ended));
      poseidon2[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function insertVersionOf(database: TestDatabase, snarkWrapper: string): Promise<void> {
  await insertVersion(database.pool, {
    version: PROVER_PROTOCOL_VERSION,
    snarkWrapperVkHash: BigInt(snarkWrapper),
    fflonkSnarkWrapperVkHash: null,
  });
}

function startComponent(dir: string, name: ComponentName, number: number, flags: string[]): RunningComponent {
  const podName = `${name}-test${number}`;
  const paths = [`--config-path=${join(dir, 'general.yaml')}`, `--secrets-path=${join(dir, 'secrets.yaml')}`];
  const child = spawn(process.execPath, [join(COMPONENTS, name, 'main.ts'), ...paths, ...flags], {
    cwd: dir,
    env: { ...process.env, POD_NAME: podName },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const file = join(dir, `${podName}.log`);
  const log = createWriteStream(file);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const kill = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  return { process: child, podName, ended, kill, log: () => readFile(file, 'utf8').catch(() => '') };
}

/** Small intervals, free ports. */
async function writeConfig(dir: string, proverUrl: string): Promise<void> {
  const ports = await Promise.all(Array.from({ length: 5 }, freePort));
  const [prover, witness, compressor, monitor, http] = ports;
  const intervals = [
    'prover_jobs_archiver',
    'proof_compressor_job_requeuer',
    'prover_job_requeuer',
    'witness_generator_job_requeuer',
    'proof_compressor_queue_reporter',
    'prover_queue_reporter',
    'witness_generator_queue_reporter',
    'witness_job_queuer',
  ].map((name) => `  ${name}_run_interval_ms: 200`);
  const general = `prover:
  prover_object_store: { mode: FileBacked, file_backed_base_path: artifacts }
  setup_data_path: data/keys
  prometheus_port: ${prover}
witness_generator: { prometheus_listener_port: ${witness}, max_attempts: 1 }
proof_compressor: { compression_mode: 5, prometheus_port: ${compressor} }
prover_job_monitor:
  prometheus_port: ${monitor}
  http_port: ${http}
${intervals.join('\n')}
devkit:
  variant: reference
  aggregation: linked
  crs: dev
  fast: { idle_backoff_ms: 50, max_idle_backoff_ms: 250 }
`;
  await writeFile(join(dir, 'general.yaml'), general);
  await writeFile(join(dir, 'secrets.yaml'), `database: { prover_url: "${proverUrl}" }\n`);
}
