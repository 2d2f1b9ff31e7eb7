import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { leaseGpu, listLeases, releaseGpu } from '../../../cli/host/gpu-lease.ts';

const signal = new AbortController().signal;
let leaseDir: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  leaseDir = join(await mkdtemp(join(tmpdir(), 'devkit-lease-')), 'leases');
});
afterEach(async () => {
  for (const child of children.splice(0)) await killed(child);
  await rm(join(leaseDir, '..'), { recursive: true, force: true });
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Another process that wants the lease; its first line says whether it got it. */
async function holder(dir: string, component: string, uuid = 'GPU-1'): Promise<{ child: ChildProcess; said: string }> {
  const script = join(import.meta.dirname, 'lease-holder.ts');
  const child = spawn(process.execPath, [script, leaseDir, uuid, dir, component], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) return { child, said: line };
  throw new Error('the holder said nothing');
}

const mine = { uuid: 'GPU-1', dir: '/mine', devnet: 'mine', component: 'circuit-prover' };

test('a second devnet is refused, and told which devnet and component hold the GPU', async () => {
  const { child, said } = await holder('/other', 'compressor');
  expect(said).toBe('held');
  await expect(leaseGpu(mine, { leaseDir, signal })).rejects.toMatchObject({
    code: 'HOST_UNFIT',
    message: `GPU GPU-1 is in use by devnet 'other' in /other (compressor, pid ${child.pid})`,
    hint: expect.stringContaining('devkit down --devnet other'),
  });
  expect(await leaseGpu({ ...mine, uuid: 'GPU-2' }, { leaseDir, signal })).toMatchObject({ uuid: 'GPU-2' });
});

test('killed with SIGKILL, the holder holds nothing any more', async () => {
  const { child } = await holder('/other', 'compressor');
  expect(await listLeases({ leaseDir })).toMatchObject([{ devnet: 'other', component: 'compressor', pid: child.pid }]);
  await killed(child);
  expect(await listLeases({ leaseDir })).toEqual([]);
  expect(await leaseGpu(mine, { leaseDir, signal })).toMatchObject({ pid: process.pid });
});

test('of processes that race for it exactly one gets it', async () => {
  const answers = await Promise.all(['/a', '/b', '/c', '/d'].map((dir) => holder(dir, 'circuit-prover')));
  const got = answers.filter(({ said }) => said === 'held');
  expect(got).toHaveLength(1);
  const lost = answers.filter(({ said }) => said.startsWith('refused GPU GPU-1 is in use by devnet'));
  expect(lost).toHaveLength(3);
});

test('components of one devnet share a GPU; each gives back its own lease', async () => {
  await leaseGpu(mine, { leaseDir, signal });
  await leaseGpu({ ...mine, component: 'compressor' }, { leaseDir, signal });
  await releaseGpu({ ...mine, component: 'compressor' }, { leaseDir, signal });
  expect((await listLeases({ leaseDir })).map(({ component }) => component)).toEqual(['circuit-prover']);
  expect((await holder('/other', 'x')).said).toContain("devnet 'mine' in /mine (circuit-prover");
  await releaseGpu(mine, { leaseDir, signal });
  expect((await holder('/other', 'x')).said).toBe('held');
});

test('a lease can be handed to the component, and ends with it', async () => {
  const { child } = await holder('/mine', 'something else', 'GPU-9');
  await leaseGpu(mine, { leaseDir, signal });
  await leaseGpu({ ...mine, pid: child.pid! }, { leaseDir, signal });
  expect(await listLeases({ leaseDir })).toMatchObject([{ uuid: 'GPU-1', pid: child.pid }, { uuid: 'GPU-9' }]);
  await killed(child);
  expect(await listLeases({ leaseDir })).toEqual([]);
  expect(await leaseGpu({ ...mine, pid: child.pid! }, { leaseDir, signal })).toBeUndefined();
});

test('a pid that another process has by now is not the holder', async () => {
  await leaseGpu(mine, { leaseDir, signal });
  const [name = ''] = (await readdir(leaseDir)).filter((file) => file.endsWith('.json'));
  const file = join(leaseDir, name);
  const lease = JSON.parse(await readFile(file, 'utf8')) as { startTicks: number };
  await writeFile(file, JSON.stringify({ ...lease, startTicks: lease.startTicks - 1 }));
  expect(await listLeases({ leaseDir })).toEqual([]);
  await writeFile(file, JSON.stringify({ ...lease, bootId: 'another boot' }));
  expect(await listLeases({ leaseDir })).toEqual([]);
});

test('leases that have ended leave no files once the next one is taken', async () => {
  const { child } = await holder('/other', 'compressor');
  await killed(child);
  await leaseGpu(mine, { leaseDir, signal });
  expect((await readdir(leaseDir)).filter((name) => name.endsWith('.json'))).toHaveLength(1);
});

test('looking makes no folder', async () => {
  expect(await listLeases({ leaseDir })).toEqual([]);
  expect(existsSync(leaseDir)).toBe(false);
});

test('files that are no leases change nothing', async () => {
  await leaseGpu(mine, { leaseDir, signal });
  await writeFile(join(leaseDir, 'damaged.json'), '{');
  await writeFile(join(leaseDir, 'other.json'), '{"uuid": "GPU-1", "dir": 7}');
  expect(await listLeases({ leaseDir })).toHaveLength(1);
});

test('the folder is for all accounts of the machine, whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    await leaseGpu(mine, { leaseDir, signal });
  } finally {
    process.umask(before);
  }
  expect(((await stat(leaseDir)).mode & 0o7777).toString(8)).toBe('1777');
  expect(((await stat(join(leaseDir, 'lock'))).mode & 0o777).toString(8)).toBe('666');
  const files = (await readdir(leaseDir)).filter((file) => file.endsWith('.json'));
  for (const file of files) expect(((await stat(join(leaseDir, file))).mode & 0o044).toString(8)).toBe('44');
});

// nobody is an account that every Linux has; only root can become it
test.runIf(process.getuid?.() === 0)('another account sees the lease, and takes over when it has ended', async () => {
  await chmod(join(leaseDir, '..'), 0o755);
  await leaseGpu(mine, { leaseDir, signal });
  const asNobody = async (): Promise<string> => {
    const script = join(import.meta.dirname, 'lease-holder.ts');
    const child = spawn(process.execPath, [script, leaseDir, 'GPU-1', '/nobody', 'prover'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      uid: 65_534,
      gid: 65_534,
    });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout! })) return line;
    return '';
  };
  expect(await asNobody()).toContain("in use by devnet 'mine'");
  await releaseGpu(mine, { leaseDir, signal });
  expect(await asNobody()).toBe('held');
  await expect(leaseGpu(mine, { leaseDir, signal })).rejects.toThrow("devnet 'nobody' in /nobody");
});
