/** Faults that only a container engine has, while a batch is proven: it is restarted; a container reaches its memory limit. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BatchSealResult, QuickstartResult } from '../../cli/services/inputs.ts';
import { poll } from '../../lib/deadline.ts';
import { devkit, devkitJson, startDevkit, tempWorkspace } from '../fixtures/devkit.ts';
import { describeDocker } from '../fixtures/docker.ts';
import { type ProverRow, proverRows } from '../fixtures/prover-rows.ts';

const MIB = 2 ** 20;
const SCRIPT = join(import.meta.dirname, '../../scripts/docker-engine');
const scripted = promisify(execFile);

await describeDocker('a devnet of containers', (engine) => {
  /** Only an engine that the script started is ours to restart. */
  const isOwn = engine.host === `unix://${process.env['DEVKIT_DOCKER_DIR'] ?? '/var/lib/devkit-docker'}/docker.sock`;
  let workspace: Awaited<ReturnType<typeof tempWorkspace>>;
  let database: string;
  const json = <T>(...args: string[]) => devkitJson<T>(args, { cwd: workspace.dir });

  const rowsWhen = (batch: number, enough: (rows: ProverRow[]) => boolean): Promise<ProverRow[]> =>
    poll(
      async () => {
        const rows = await proverRows(database, batch).catch(() => []);
        return enough(rows) ? rows : undefined;
      },
      { intervalMs: 50, timeoutMs: 120_000, signal: new AbortController().signal },
    );

  async function newBatch(): Promise<number> {
    await json('tx', 'send', '--slots', '2', '--messages', '1', '--transfers', '0');
    return (await json<BatchSealResult>('batch', 'seal')).batch.number;
  }

  async function expectProven(batch: number, ended: { code: number | null; stdout: string; stderr: string }) {
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain(`batch ${batch} of chain 271: accepted`);
    const rows = await proverRows(database, batch);
    const names = rows.map(({ round, circuit, depth, sequence }) => [round, circuit, depth, sequence].join('/'));
    expect(new Set(names).size).toBe(names.length);
    expect(rows.filter(({ status }) => status !== 'successful')).toEqual([]);
  }

  beforeAll(async () => {
    workspace = await tempWorkspace('docker-faults');
    await json<QuickstartResult>('quickstart', '--slots', '2', '--messages', '1', '--runtime', 'docker');
    const { stdout } = await devkit(['env'], { cwd: workspace.dir });
    database = /DATABASE_PROVER_URL='?([^'\s]+)/.exec(stdout)![1]!;
  });
  afterAll(() => workspace[Symbol.asyncDispose]());

  test.skipIf(!isOwn)(
    'the engine is restarted while a batch is proven: the devnet comes back and every job is done once',
    async () => {
      const batch = await newBatch();
      const { ended } = startDevkit(['prove', '--batch', String(batch)], { cwd: workspace.dir });
      await rowsWhen(batch, (rows) => rows.some(({ status }) => status === 'successful'));
      await scripted(SCRIPT, ['stop']);
      await scripted(SCRIPT, ['start']);
      await expectProven(batch, await ended);
    },
  );

  test('a container at its memory limit is named as such, and its jobs are queued again', async () => {
    const [container] = await engine.docker.listContainers({
      filters: { label: ['devkit.component=circuit-prover', `devkit.dir=${workspace.dir}/.devkit/devnets/default`] },
    });
    const prover = engine.docker.getContainer(container!.Id);
    const stats = (await prover.stats({ stream: false })) as { memory_stats: { usage: number } };
    const tight = stats.memory_stats.usage + 24 * MIB;
    await prover.update({ Memory: tight, MemorySwap: tight });
    const batch = await newBatch();
    const running = startDevkit(['prove', '--batch', String(batch)], { cwd: workspace.dir });
    let said = '';
    running.child.stderr!.on('data', (text: string) => {
      said += text;
    });
    const reported = async () => (said.includes('killed by the kernel') ? true : undefined);
    await poll(reported, { intervalMs: 50, timeoutMs: 60_000, signal: new AbortController().signal });
    await prover.update({ Memory: 3072 * MIB, MemorySwap: 3072 * MIB });
    await expectProven(batch, await running.ended);
  });
});
