import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { anvilStateFile, ensureAnvilState, repairAnvilState } from '../../../cli/host/anvil-state.ts';
import { engineFacts } from '../../../cli/host/engine.ts';
import { describeHolder, freePort, holderLookup, portHolder } from '../../../cli/host/ports.ts';
import { findByEnvironment, isAlive, readProcess, signalProcess, usageOf } from '../../../cli/host/proc.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-host-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const listen = async (server: Server, where: number | string): Promise<void> => {
  server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where });
  await once(server, 'listening');
};

test('a process is known by pid and start time', () => {
  const self = readProcess(process.pid);
  expect(self?.ppid).toBe(process.ppid);
  expect(isAlive(process.pid, self?.startTicks as number)).toBe(true);
  expect(isAlive(process.pid, (self?.startTicks as number) + 1)).toBe(false);
});

test('a process with another start time gets no signal', () => {
  expect(signalProcess(process.pid, 1, 'SIGKILL')).toBe(false);
});

test('processes are found by their environment', async () => {
  const mark = `mark-${process.pid}`;
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    env: { DEVKIT_TEST: mark, OTHER: '1' },
  });
  await once(child, 'spawn');
  try {
    expect(findByEnvironment({ DEVKIT_TEST: mark }).map(({ pid }) => pid)).toEqual([child.pid]);
    expect(findByEnvironment({ DEVKIT_TEST: mark }, ['OTHER'])).toHaveLength(1);
    expect(findByEnvironment({ DEVKIT_TEST: mark }, ['MISSING'])).toEqual([]);
    expect(findByEnvironment({ DEVKIT_TEST: mark.slice(0, -1) })).toEqual([]);
    expect(usageOf(child.pid as number)).toMatchObject({ processes: 1, rssBytes: expect.any(Number) });
  } finally {
    child.kill('SIGKILL');
  }
});

test('the holder of a port is named, and a free one has none', async () => {
  const port = await freePort();
  expect(holderLookup()(port)).toBeUndefined();
  const server = createServer();
  await listen(server, port);
  expect(holderLookup()(port)).toContain(`(pid ${process.pid})`);
  server.close();
});

test('an engine that answers is reachable', async () => {
  const socket = join(dir, 'docker.sock');
  const server = createServer((_request, response) => response.end('{"ApiVersion":"1.51","Version":"28.5.2"}'));
  await listen(server, socket);
  expect(await engineFacts({ DOCKER_HOST: `unix://${socket}` })).toMatchObject({
    state: 'reachable',
    version: '28.5.2',
  });
  server.close();
});

test('no socket, no listener, a stranger and a remote engine are told apart', async () => {
  const socket = join(dir, 'docker.sock');
  const stateOf = async (host: string): Promise<string> => (await engineFacts({ DOCKER_HOST: host })).state;
  expect(await stateOf(`unix://${socket}`)).toBe('missing');
  expect(await stateOf('tcp://10.0.0.1:2375')).toBe('remote');
  await writeFile(socket, '');
  expect(await stateOf(`unix://${socket}`)).toBe('refused');
  await rm(socket);
  const server = createServer((_request, response) => response.end('hello'));
  await listen(server, socket);
  expect(await stateOf(`unix://${socket}`)).toBe('broken');
  server.close();
});

test('a damaged state file of anvil is replaced by the last whole one', async () => {
  const file = join(dir, 'state.json');
  expect(await repairAnvilState(file)).toBe('missing');
  await ensureAnvilState(file, { '0xaa': { balance: '0x1' } });
  expect(await repairAnvilState(file)).toBe('whole');
  await writeFile(file, '{"block":');
  expect(await repairAnvilState(file)).toBe('restored');
  expect(await repairAnvilState(file)).toBe('whole');
});

test('a damaged state file without backup is an error, not a new chain', async () => {
  const file = join(dir, 'state.json');
  await writeFile(file, '{');
  await expect(repairAnvilState(file)).rejects.toThrow('is damaged and there is no backup of it');
});

test('the state file is found in the arguments of anvil', () => {
  expect(anvilStateFile(['--port', '1', '--state', '/s'])).toBe('/s');
  expect(anvilStateFile(['--port', '1'])).toBeUndefined();
});

test('a program that listens is named after its file', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(portHolder(port)).toEqual({ port, pid: process.pid, name: basename(process.execPath) });
  server.close();
});

test('the holder of a port is named so that its owner finds it', () => {
  expect(describeHolder({ port: 5432, pid: 12, name: 'postgres' })).toBe('postgres (pid 12)');
  expect(describeHolder({ port: 5432, pid: 13, name: 'docker-proxy' })).toBe(
    'a container (docker ps --filter publish=5432)',
  );
  expect(describeHolder({ port: 5432 })).toBe('a program of another user');
});
