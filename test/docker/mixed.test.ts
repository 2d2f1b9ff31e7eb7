/** Processes and containers in one devnet, from the same configuration files; and two devnets of containers side by side. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProveResult, QuickstartResult } from '../../cli/services/inputs.ts';
import { devkit, devkitJson, type Running, startDevkit, tempWorkspace } from '../fixtures/devkit.ts';
import { describeDocker } from '../fixtures/docker.ts';
import { proverRows } from '../fixtures/prover-rows.ts';

const terminals: Running[] = [];
const small = ['--slots', '2', '--messages', '1'];

interface Component {
  id: string;
  state: string;
  runtime?: string;
}

/** A command that stays in its terminal, once it says that its component is ready. */
async function terminal(line: string, cwd: string): Promise<void> {
  const running = startDevkit(line.split(' '), { cwd });
  terminals.push(running);
  await new Promise<void>((resolve, reject) => {
    let seen = '';
    running.child.stderr!.on('data', (text: string) => {
      seen += text;
      if (/^[a-z-]+: ready/m.test(seen)) resolve();
    });
    void running.ended.then(({ code, stderr }) => reject(new Error(`devkit ${line} ended with ${code}: ${stderr}`)));
  });
}

async function closeTerminals(): Promise<(number | null)[]> {
  for (const { child } of terminals) child.kill('SIGINT');
  return (await Promise.all(terminals.splice(0).map(({ ended }) => ended))).map(({ code }) => code);
}

afterEach(closeTerminals);

const proverUrl = async (cwd: string): Promise<string> =>
  /DATABASE_PROVER_URL='?([^'\s]+)/.exec((await devkit(['env'], { cwd })).stdout)![1]!;

const runtimesOf = async (cwd: string): Promise<Record<string, string | undefined>> => {
  const { components } = await devkitJson<{ components: Component[] }>(['status'], { cwd });
  return Object.fromEntries(
    components.filter(({ state }) => state === 'running').map(({ id, runtime }) => [id, runtime]),
  );
};

/** A batch is proven while `ids` run in terminals of their own, otherwise than the rest. */
async function provesWith(cwd: string, ids: readonly string[], flag: '--docker' | '--docker=false'): Promise<void> {
  const general = join(cwd, '.devkit/devnets/default/ecosystem/chains/era/configs/general.yaml');
  const before = await readFile(general, 'utf8');
  await devkitJson(['down'], { cwd });
  for (const id of ids) await terminal(`prover run --component=${id} ${flag}`, cwd);
  await devkitJson(['up'], { cwd });
  const elsewhere = flag === '--docker' ? 'docker' : 'process';
  const running = await runtimesOf(cwd);
  for (const [id, runtime] of Object.entries(running)) {
    expect([id, runtime === elsewhere]).toEqual([id, ids.includes(id)]);
  }
  await devkitJson(['tx', 'send', '--slots', '2', '--messages', '1', '--transfers', '0'], { cwd });
  const proven = await devkitJson<ProveResult>(['prove'], { cwd });
  expect(proven.verdict).toBe('accepted');
  const rows = await proverRows(await proverUrl(cwd), proven.batch);
  expect(rows.filter(({ status }) => status !== 'successful')).toEqual([]);
  expect(await readFile(general, 'utf8')).toBe(before);
  expect(await closeTerminals()).toEqual(ids.map(() => 130));
}

await describeDocker('devnets beside each other', () => {
  describe('one devnet, both runtimes', () => {
    test('single components of a devnet of processes run as containers with upstream’s mounts', async () => {
      await using workspace = await tempWorkspace('mixed-process');
      await devkitJson<QuickstartResult>(['quickstart', ...small], { cwd: workspace.dir });
      await provesWith(workspace.dir, ['circuit-prover', 'compressor', 'gateway'], '--docker');
      const whole = await devkit(['up', '--runtime', 'docker'], { cwd: workspace.dir });
      expect([whole.code, whole.stderr]).toEqual([2, expect.stringContaining('was made with --runtime process')]);
    });

    test('single components of a devnet of containers run as processes', async () => {
      await using workspace = await tempWorkspace('mixed-docker');
      await devkitJson<QuickstartResult>(['quickstart', ...small, '--runtime', 'docker'], { cwd: workspace.dir });
      await provesWith(workspace.dir, ['circuit-prover', 'witness-generator'], '--docker=false');
      const gateway = await devkit(['prover', 'run', '--component=gateway', '--docker=false'], { cwd: workspace.dir });
      expect([gateway.code, gateway.stderr]).toEqual([2, expect.stringContaining('--component=gateway --docker')]);
    });
  });

  test('two devnets of containers run side by side, and down takes away only its own', async () => {
    await using first = await tempWorkspace('side-a');
    await using second = await tempWorkspace('side-b');
    for (const { dir } of [first, second]) {
      const result = await devkitJson<QuickstartResult>(['quickstart', ...small, '--runtime', 'docker'], { cwd: dir });
      expect(result.verdict).toBe('accepted');
    }
    await devkitJson(['down', '--all', '--yes'], { cwd: first.dir });
    const running = Object.keys(await runtimesOf(second.dir));
    expect(running).toEqual(expect.arrayContaining(['postgres', 'l1', 'l2', 'server', 'circuit-prover']));
  });
});
