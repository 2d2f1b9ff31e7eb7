/** Anything may be killed at any time: the batch ends verified, and every job is completed exactly once. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BatchSealResult, ProveResult, QuickstartResult } from '../../cli/services/inputs.ts';
import { poll } from '../../lib/deadline.ts';
import { devkit, devkitJson, startDevkit, tempWorkspace } from '../fixtures/devkit.ts';
import { runs } from '../fixtures/pids.ts';
import { type ProverRow, proverRows } from '../fixtures/prover-rows.ts';
import { RUNTIMES } from '../fixtures/runtimes.ts';

describe.each(RUNTIMES)('runtime %s', (runtime) => {
  const env = { DEVKIT_RUNTIME: runtime };
  let workspace: Awaited<ReturnType<typeof tempWorkspace>>;
  let database: string;
  const json = <T>(...args: string[]) => devkitJson<T>(args, { cwd: workspace.dir, env });

  interface Component {
    id: string;
    state: string;
    pid?: number;
  }
  const components = async (): Promise<Component[]> => (await json<{ components: Component[] }>('status')).components;

  async function kill9(id: string): Promise<void> {
    const { pid } = (await components()).find((component) => component.id === id)!;
    process.kill(pid!, 'SIGKILL');
  }

  /** Rows of the batch once `enough` holds; the database may be away for a moment. */
  const rowsWhen = (batch: number, enough: (rows: ProverRow[]) => boolean): Promise<ProverRow[]> =>
    poll(
      async () => {
        const rows = await proverRows(database, batch).catch(() => []);
        return enough(rows) ? rows : undefined;
      },
      { intervalMs: 50, timeoutMs: 120_000, signal: new AbortController().signal },
    );

  const successful = (rows: readonly ProverRow[]): ProverRow[] => rows.filter(({ status }) => status === 'successful');

  async function newBatch(): Promise<number> {
    // what was killed just before its batch was done is started again by the next command that starts things
    await json('up');
    await json('tx', 'send', '--slots', '2', '--messages', '1', '--transfers', '0');
    return (await json<BatchSealResult>('batch', 'seal')).batch.number;
  }

  function expectEachJobOnce(rows: readonly ProverRow[]): void {
    const names = rows.map(({ round, circuit, depth, sequence }) => [round, circuit, depth, sequence].join('/'));
    expect(new Set(names).size).toBe(names.length);
    expect(rows.filter(({ status }) => status !== 'successful')).toEqual([]);
  }

  beforeAll(async () => {
    workspace = await tempWorkspace(`faults-${runtime}`);
  });
  afterAll(() => workspace[Symbol.asyncDispose]());

  test('quickstart killed with SIGKILL while it starts components: the next one goes on and leaves no second process', async () => {
    const { child, ended } = startDevkit(['quickstart', '--slots', '2', '--messages', '1'], {
      cwd: workspace.dir,
      env,
    });
    let seen = '';
    child.stderr!.on('data', (text: string) => {
      seen += text;
      if (/gateway/.test(seen)) child.kill('SIGKILL');
    });
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    const result = await json<QuickstartResult>('quickstart');
    expect(result).toMatchObject({ verdict: 'accepted', batch: 1 });
    const running = (await components()).map(({ pid }) => pid!);
    const commands = running.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(new Set(commands).size).toBe(commands.length);
    const { stdout } = await devkit(['env'], { cwd: workspace.dir, env });
    database = /DATABASE_PROVER_URL='?([^'\s]+)/.exec(stdout)![1]!;
  });

  test('circuit prover, database, chains and server killed with SIGKILL while a batch is proven', async () => {
    const batch = await newBatch();
    const proving = startDevkit(['prove', '--batch', String(batch), '--json'], { cwd: workspace.dir, env });
    await rowsWhen(batch, (rows) => rows.some(({ status }) => status === 'in_progress'));
    await kill9('circuit-prover');
    await rowsWhen(batch, (rows) => successful(rows).length >= 2);
    await kill9('postgres');
    await rowsWhen(batch, (rows) => successful(rows).length >= 4);
    for (const id of ['l1', 'l2', 'server', 'prover-job-monitor', 'witness-generator']) await kill9(id);
    const { code, stdout, stderr } = await proving.ended;
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as ProveResult).verdict).toBe('accepted');
    expectEachJobOnce(await proverRows(database, batch));
  });

  test('Ctrl-C while proving: prove again continues and proves nothing twice', async () => {
    const batch = await newBatch();
    const { child, ended } = startDevkit(['prove', '--batch', String(batch)], { cwd: workspace.dir, env });
    const before = successful(await rowsWhen(batch, (rows) => successful(rows).length >= 3));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect((await json<ProveResult>('prove', '--batch', String(batch))).verdict).toBe('accepted');
    const after = await proverRows(database, batch);
    expectEachJobOnce(after);
    for (const job of before) expect(after.find(({ id }) => id === job.id)).toEqual(job);
  });

  test('after all of it the batches are executed in order and nothing is left after down', async () => {
    const last = await json<QuickstartResult>('quickstart', '--slots', '2', '--messages', '1').catch(
      (error: Error) => error,
    );
    expect(last).toMatchObject({ verdict: 'accepted', executedOnL1: true });
    const pids = (await components()).map(({ pid }) => pid!);
    await json('down', '--all', '--yes');
    for (const pid of pids) expect(runs(pid), `pid ${pid}`).toBe(false);
  });
});
