/**
 * The command lines of the prover book and of today's tools, as they are written there (`zkstack` → `devkit`, `prover_cli` →
 * `devkit prover-cli`), one component per terminal. First a chain of one's own, then one given batch without a server.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BatchSealResult, ProveResult, VerifyResult } from '../../cli/services/inputs.ts';
import { poll } from '../../lib/deadline.ts';
import { devkit, devkitJson, type Ended, type Running, startDevkit } from '../fixtures/devkit.ts';
import { proverRows, queryProver } from '../fixtures/prover-rows.ts';
import { RUNTIMES } from '../fixtures/runtimes.ts';
import { COMMAND_LISTS, wordsOf } from '../fixtures/upstream-commands.ts';

const SERVER_LIST =
  'api,tree,eth,state_keeper,housekeeper,commitment_generator,da_dispatcher,proof_data_handler,vm_runner_protective_reads,vm_runner_bwip,external_proof_integration_api';

let root: string;
/** Ecosystem of the first part. */
let own: string;
const terminals: Running[] = [];

/** `devkit <words>` in a folder, as typed. */
const type = (line: string, cwd: string): Promise<Ended> => devkit(line.split(' '), { cwd });

async function must(line: string, cwd: string): Promise<Ended> {
  const ended = await type(line, cwd);
  expect(ended.code, `devkit ${line}\n${ended.stderr}`).toBe(0);
  return ended;
}

/** Ends a command that stays in its terminal as soon as it says that it is ready; its exit code and what it printed. */
async function untilReady(line: string, cwd: string): Promise<Ended> {
  const running = terminal(line, cwd);
  running.child.stderr?.on('data', (text: string) => {
    if (/^(server|[a-z-]+): ready/m.test(text)) running.child.kill('SIGINT');
  });
  const ended = await running.ended;
  terminals.splice(terminals.indexOf(running), 1);
  return ended;
}

/** A command that stays in its terminal. */
function terminal(line: string, cwd: string): Running {
  const running = startDevkit(line.split(' '), { cwd });
  terminals.push(running);
  return running;
}

async function closeTerminals(): Promise<(number | null)[]> {
  for (const { child } of terminals) child.kill('SIGINT');
  return (await Promise.all(terminals.splice(0).map(({ ended }) => ended))).map(({ code }) => code);
}

const proverDatabase = async (ecosystem: string): Promise<string> => {
  const [chain] = (await readdir(join(ecosystem, 'chains'))).reverse();
  const secrets = await readFile(join(ecosystem, 'chains', chain!, 'configs/secrets.yaml'), 'utf8');
  return /prover_url: (\S+)/.exec(secrets)![1]!;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'devkit-steps-'));
});
afterAll(async () => {
  await closeTerminals();
  const folders = [...(await readdir(root)), 'lists/local_ecosystem'].map((name) => join(root, name));
  for (const cwd of folders.filter((folder) => existsSync(folder))) await devkit(['down', '--all', '--yes'], { cwd });
  await rm(root, { recursive: true, force: true });
});

const ECOSYSTEM =
  'ecosystem create --l1-network=localhost --prover-mode=gpu --wallet-creation=localhost --l1-batch-commit-data-generator-mode=rollup --start-containers=true';

const FOREGROUND = /^(server --|prover run )/;
const INSERT = / insert-(version|batch) /;
const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const ALL_LINES = unique(COMMAND_LISTS.flatMap(({ lines }) => lines));

describe('every line of the lists, as it is written there, without a terminal to ask at', () => {
  let ecosystem: string;
  const setUp = ALL_LINES.filter((line) => !FOREGROUND.test(line) && !INSERT.test(line));

  const run = async (line: string, values: Record<string, string>): Promise<void> => {
    const { code, stderr } = await devkit(wordsOf(line, values), { cwd: ecosystem });
    // the same batch in two spellings of one command: it is inserted once
    const isSecond = / insert-batch /.test(line) && stderr.includes('already');
    expect(isSecond ? 0 : code, `devkit ${line}\n${stderr}`).toBe(0);
  };

  test('what sets up ends with 0, with a name for whatever has none', async () => {
    const folder = join(root, 'lists');
    await mkdir(folder);
    await must(setUp.find((line) => line.startsWith('ecosystem create'))!, folder);
    ecosystem = join(folder, 'local_ecosystem');
    await must('chain init', ecosystem);
    await must('prover init', ecosystem);
    for (const line of setUp.filter((line) => !line.startsWith('ecosystem create'))) await run(line, {});
  });

  test('versions and batches are inserted', async () => {
    const { stdout } = await must('dev prover info', ecosystem);
    const [, hash = ''] = /Snark wrapper: (0x[0-9a-f]{64})/.exec(stdout) ?? [];
    const [, db = ''] = /Database URL: (\S+)/.exec(stdout) ?? [];
    const values = { version: '0.30.1', minor: '30', patch: '2', batch: '5', hash, db };
    for (const line of ALL_LINES.filter((line) => INSERT.test(line))) await run(line, values);
  });

  test('what stays in the foreground gets ready and ends with Ctrl-C', async () => {
    const programs = Map.groupBy(
      ALL_LINES.filter((line) => FOREGROUND.test(line)),
      (line) => /--component=(?:circuit-)?(\S+)/.exec(line)?.[1] ?? 'server',
    );
    // different programs beside each other, the spellings of one program one after the other
    const walk = async (lines: readonly string[]): Promise<void> => {
      for (const line of lines) {
        const { code, stderr } = await untilReady(line, ecosystem);
        expect(code, `devkit ${line}\n${stderr}`).toBe(line.includes('witness-vector-generator') ? 2 : 130);
      }
    };
    await Promise.all([...programs.values()].map(walk));
    await must('down', ecosystem);
  });
});

describe.each(RUNTIMES)('running a local chain, runtime %s', (runtime) => {
  test('ecosystem, chain and prover are made', async () => {
    const { stderr } = await must(`${ECOSYSTEM} --ecosystem-name own_${runtime} --runtime ${runtime}`, root);
    expect(stderr.includes('run as processes of this machine')).toBe(runtime === 'process');
    own = join(root, `own_${runtime}`);
    await must('chain create --prover-mode gpu --chain-name second', own);
    await must('chain init', own);
    await must('prover init --dev', own);
    await must('prover setup-keys', own);
    await must('prover generate-sk', own);
  });

  test('a batch before its version is refused, naming the next command', async () => {
    const { code, stderr } = await type('dev prover insert-batch --number 7 --version 0.31.0', own);
    expect([code, stderr]).toEqual([2, expect.stringContaining('insert-version')]);
  });

  test('info shows version, wrappers and database in upstream’s block', async () => {
    const { stdout } = await must('dev prover info', own);
    expect(stdout).toContain('Current prover setup information:');
    expect(stdout).toMatch(/Protocol version: 0\.31\.0/);
    expect(stdout).toMatch(/Snark wrapper: 0x[0-9a-f]{64}/);
    expect(stdout).toContain('Database URL: postgres://');
  });

  test('server and components in their own terminals, the provers before the server, prove and execute a batch', async () => {
    terminal('prover run --component=witness-generator --round=all-rounds', own);
    terminal('prover run --component=compressor', own);
    terminal('prover run --component=prover', own);
    terminal('prover run --component=prover-job-monitor', own);
    terminal('prover run --component=gateway', own);
    terminal(`server --components=${SERVER_LIST}`, own);
    await must('server wait --timeout 120', own);
    const { stdout } = await must('dev prover info', own);
    const wrapper = /Snark wrapper: (0x[0-9a-f]{64})/.exec(stdout)![1]!;
    await must(`dev prover insert-version --version 0.31.0 --snark-wrapper=${wrapper}`, own);
    await must('tx send --slots 2 --messages 1 --transfers 0', own);
    const { batch } = await devkitJson<BatchSealResult>(['batch', 'seal'], { cwd: own });
    const url = await proverDatabase(own);
    const ready = async () =>
      (
        await queryProver<{ status: string }>(
          url,
          'SELECT status FROM proof_compression_jobs_fri WHERE l1_batch_number = $1',
          [batch.number],
        )
      ).find(({ status }) => status === 'successful' || status === 'sent_to_server');
    await poll(ready, { intervalMs: 250, timeoutMs: 300_000, signal: new AbortController().signal });
    const verified = await devkitJson<VerifyResult>(['verify-batch', String(batch.number)], { cwd: own });
    expect(verified.verdict).toBe('accepted');
    const status = await must(`prover-cli ${url} status batch -n ${batch.number}`, own);
    expect(status.stdout).toMatch(/Proof sent to server|Compressor: Successful/);
  });

  test('the old witness vector component says where it went and exits 2', async () => {
    const { code, stderr } = await type('prover run --component=witness-vector-generator --threads 10', own);
    expect([code, stderr]).toEqual([2, expect.stringContaining('inside')]);
  });

  test('Ctrl-C ends every terminal in order', async () => {
    const codes = await closeTerminals();
    expect(codes).toEqual([130, 130, 130, 130, 130, 130]);
  });
});

describe('proving one given batch without a server', () => {
  let given: string;

  test('the witness input comes from the API of another devnet', async () => {
    terminal(`server --components=${SERVER_LIST}`, own);
    await must('server wait --timeout 120', own);
    await must(`${ECOSYSTEM} --ecosystem-name given`, root);
    given = join(root, 'given');
    await must(
      'prover init --shall-save-to-public-bucket=false --setup-database=true --use-default=true --dont-drop=false',
      given,
    );
    const answer = await fetch(`${await externalApi(own)}/proof_generation_data/1`);
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="witness_inputs_1.cbor"');
    await writeFile(
      join(given, 'prover/artifacts/witness_inputs/witness_inputs_1.cbor'),
      new Uint8Array(await answer.arrayBuffer()),
    );
  });

  test('version and batch are inserted with prover_cli; a second insert is refused', async () => {
    const { stdout } = await must('prover setup-keys --mode=download --region=us', given).then(() =>
      must('dev prover info', given),
    );
    const wrapper = /Snark wrapper: (0x[0-9a-f]{64})/.exec(stdout)![1]!;
    const url = await proverDatabase(given);
    await must(`prover-cli ${url} insert-version --version=31 --patch=0 --snark-wrapper=${wrapper}`, given);
    await must(`prover-cli ${url} insert-batch --number=1 --version=31 --patch=0`, given);
    const again = await type('dev prover insert-batch --default --number 1', given);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('already')]);
  });

  test('the components prove it, and the other devnet accepts the proof', async () => {
    terminal('prover run --component=witness-generator --round=all-rounds', given);
    terminal('prover run --component=circuit-prover -l 1 -h 1', given);
    terminal('prover run --component=compressor --mode=plonk', given);
    terminal('prover run --component=prover-job-monitor', given);
    const proven = await devkitJson<ProveResult>(['prove', '--batch', '1'], { cwd: given });
    expect(proven.verdict).toBe('accepted');
    expect(proven.proofFile).toMatch(/l1_batch_proof_1_0_0_31_0\.cbor$/);
    const form = new FormData();
    form.append(
      'proof',
      new Blob([new Uint8Array(await readFile(proven.proofFile))], { type: 'application/octet-stream' }),
      'proof.cbor',
    );
    const answer = await fetch(`${await externalApi(own)}/verify_proof/1`, { method: 'POST', body: form });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test('each job was completed once', async () => {
    const rows = await proverRows(await proverDatabase(given), 1);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ status }) => status !== 'successful')).toEqual([]);
  });
});

async function externalApi(ecosystem: string): Promise<string> {
  const { stdout } = await must('status --json', ecosystem);
  const { components } = JSON.parse(stdout) as {
    components: { id: string; ports: { name: string; port: number }[] }[];
  };
  const ports = components.find(({ id }) => id === 'server')!.ports;
  return `http://127.0.0.1:${ports.find(({ name }) => name === 'external-proof-api')!.port}`;
}
