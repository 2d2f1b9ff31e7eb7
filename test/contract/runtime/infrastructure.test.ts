import { readFileSync, statSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anvilSpec, postgresSpec, postgresUrl } from '../../../cli/core/infrastructure.ts';
import type { ComponentSpec, ComponentStatus } from '../../../cli/core/types.ts';
import { ensureAnvilState } from '../../../cli/host/anvil-state.ts';
import { freePort } from '../../../cli/host/ports.ts';
import { ensurePostgresData } from '../../../cli/host/postgres-data.ts';
import { converge, superviseWhile } from '../../../cli/services/converge.ts';
import { down } from '../../../cli/services/down.ts';
import { devnetStatus } from '../../../cli/services/status.ts';
import { poll } from '../../../lib/deadline.ts';
import { fixtureSpec, never, rpc, type TestDevnet, testDevnet } from './kit.ts';

const RICH = '0x00000000000000000000000000000000000000aa';

let devnet: TestDevnet;
let ports: { postgres: number; l1: number; l2: number };
let specs: ComponentSpec[];

beforeAll(async () => {
  devnet = await testDevnet();
  const { paths } = devnet;
  ports = { postgres: await freePort(), l1: await freePort(), l2: await freePort() };
  const l1State = join(paths.dataDir, 'l1', 'state.json');
  const l2State = join(paths.dataDir, 'l2', 'state.json');
  await ensurePostgresData(paths.postgresData);
  await ensureAnvilState(l1State);
  await ensureAnvilState(l2State, { [RICH]: { balance: '0x1234', nonce: 7, code: '0x6001' } });
  specs = [
    postgresSpec({ dataDir: paths.postgresData, port: ports.postgres }),
    anvilSpec({ id: 'l1', port: ports.l1, chainId: 9, stateFile: l1State }),
    anvilSpec({ id: 'l2', port: ports.l2, chainId: 271, stateFile: l2State, noMining: true }),
    await fixtureSpec('web', [], { needs: [{ component: 'postgres', condition: 'ready' }] }),
  ];
  await converge({ specs, ...devnet, signal: never });
});

afterAll(() => devnet[Symbol.asyncDispose]());

const query = async (sql: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: postgresUrl(ports.postgres, 'postgres') });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

test('all components answer, a component after what it needs', async () => {
  expect(await query('select 1 as one')).toEqual([{ one: 1 }]);
  expect(await rpc(ports.l1, 'eth_chainId')).toBe('0x9');
  expect(await rpc(ports.l2, 'eth_chainId')).toBe('0x10f');
  const order = devnet.events.map((event) => `${event.type} ${'component' in event ? event.component : ''}`);
  expect(order.indexOf('component.ready postgres')).toBeLessThan(order.indexOf('component.started web'));
});

test('a genesis becomes the first state of anvil', async () => {
  expect(await rpc(ports.l2, 'eth_getBalance', [RICH, 'latest'])).toBe('0x1234');
  expect(await rpc(ports.l2, 'eth_getTransactionCount', [RICH, 'latest'])).toBe('0x7');
  expect(await rpc(ports.l2, 'eth_getCode', [RICH, 'latest'])).toBe('0x6001');
});

test('converging again starts nothing', async () => {
  const before = await devnet.runtime.list();
  await converge({ specs, ...devnet, signal: never });
  expect(await devnet.runtime.list()).toEqual(before);
});

test('status reports pids, ports and memory', async () => {
  const status = await devnetStatus({ ...devnet, specs, signal: never });
  expect(status.state).toBe('running');
  const postgres = status.components.find(({ id }) => id === 'postgres');
  expect(postgres).toMatchObject({ state: 'running', ready: true, ports: [{ name: 'sql', port: ports.postgres }] });
  expect(postgres?.usage?.processes).toBeGreaterThan(1);
  expect(status.total.pssBytes).toBeGreaterThan(2 ** 20);
});

test('everything listens on loopback only', async () => {
  const listening = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .filter((line) => line.includes(' 0A '));
  for (const port of Object.values(ports)) {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const addresses = listening
      .filter((line) => line.includes(`:${hex} `))
      .map((line) => line.trim().split(/[ :]+/)[1]);
    expect(addresses).toEqual(['0100007F']);
  }
});

test('after SIGKILL of each, supervising brings them back with their data', async () => {
  await query('create table kept as select generate_series(1, 1000) as n');
  await rpc(ports.l1, 'anvil_setBalance', [RICH, '0x5']);
  await rpc(ports.l1, 'evm_mine');
  const stateFile = join(devnet.paths.dataDir, 'l1', 'state.json');
  const mined = Date.now();
  const saved = async (): Promise<true | undefined> =>
    (statSync(stateFile, { throwIfNoEntry: false })?.mtimeMs ?? 0) > mined ? true : undefined;
  await poll(saved, { intervalMs: 50, signal: never });

  const killed = await devnet.runtime.list();
  const seen: ComponentStatus[] = [];
  const onExit = async (status: ComponentStatus): Promise<void> => void seen.push(status);
  const work = async (signal: AbortSignal): Promise<void> => {
    for (const { pid } of killed) process.kill(pid as number, 'SIGKILL');
    await poll(
      async () => {
        const status = await devnetStatus({ ...devnet, specs, signal });
        const back = status.components.filter(
          ({ id, ready, pid }) => ready && !killed.some((k) => k.id === id && k.pid === pid),
        );
        return back.length === specs.length ? true : undefined;
      },
      { intervalMs: 50, signal },
    );
  };
  await superviseWhile(work, { specs, ...devnet, onExit, intervalMs: 50, signal: never });

  expect(seen.map(({ id, podName }) => `${id} ${podName}`).sort()).toEqual(
    killed.map(({ id, podName }) => `${id} ${podName}`).sort(),
  );
  expect(await query('select count(*)::int as n from kept')).toEqual([{ n: 1000 }]);
  expect(await rpc(ports.l1, 'eth_getBalance', [RICH, 'latest'])).toBe('0x5');
});

test('a state file that was cut off is replaced by its backup', async () => {
  const l2 = specs.find(({ id }) => id === 'l2') as ComponentSpec;
  await devnet.runtime.stop('l2', never);
  await devnet.runtime.preserve(l2);
  await truncate(join(devnet.paths.dataDir, 'l2', 'state.json'), 100);
  await converge({ specs: [l2], ...devnet, signal: never });
  expect(await rpc(ports.l2, 'eth_getBalance', [RICH, 'latest'])).toBe('0x1234');
});

test('postgres starts although the pid in its pid file belongs to somebody else now', async () => {
  const postgres = specs.find(({ id }) => id === 'postgres') as ComponentSpec;
  const pidFile = join(devnet.paths.postgresData, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8');
  await devnet.runtime.stop('postgres', never);
  await writeFile(pidFile, content.replace(/^\d+/, String(process.ppid)));
  await converge({ specs: [postgres], ...devnet, signal: never });
  expect(await query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('down stops all, each after what needs it, and leaves no process and no file', async () => {
  const pids = (await devnet.runtime.list()).map(({ pid }) => pid as number);
  const result = await down({ ...devnet, removeData: true, signal: never });
  expect(result).toMatchObject({ stopped: ['l1', 'l2', 'postgres', 'web'], swept: [], removed: true });
  const order = devnet.events.flatMap((event) => (event.type === 'component.stopped' ? [event.component] : []));
  expect(order.indexOf('web')).toBeLessThan(order.indexOf('postgres'));
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await expect(stat(join(devnet.paths.workspace, '.devkit'))).rejects.toThrow('ENOENT');
});
