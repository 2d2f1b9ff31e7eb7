import { expect, test } from 'vitest';
import { anvilGenesisState, anvilSpec, postgresSpec, postgresUrl } from '../../../cli/core/infrastructure.ts';
import { compareVersions } from '../../../cli/core/requirements.ts';

test("the database URL is upstream's", () => {
  expect(postgresUrl(5432)).toBe('postgres://postgres:notsecurepassword@localhost:5432');
  expect(postgresUrl(5532, 'x')).toBe('postgres://postgres:notsecurepassword@localhost:5532/x');
});

test('postgres listens on loopback TCP only and is stopped fast', () => {
  const spec = postgresSpec({ dataDir: '/d', port: 5432 });
  expect(spec.argv).toContain('listen_addresses=127.0.0.1');
  expect(spec.argv).toContain('unix_socket_directories=');
  expect(spec).toMatchObject({ cwd: '/d', unprivileged: true, stop: { signal: 'SIGINT' } });
});

test('anvil keeps its state in a file, every second', () => {
  const spec = anvilSpec({ id: 'l2', port: 3060, chainId: 271, stateFile: '/d/l2/state.json', noMining: true });
  expect(spec.argv.join(' ')).toBe(
    '--host 127.0.0.1 --port 3060 --chain-id 271 --state /d/l2/state.json --state-interval 1 --no-mining',
  );
  expect(spec.ready).toEqual({ kind: 'jsonrpc', url: 'http://127.0.0.1:3060', method: 'eth_chainId' });
});

test('a genesis alloc becomes a state of anvil', () => {
  const alloc = { AA: { balance: '16', code: '0x00' }, '0xBB': { nonce: '0x2', storage: { '0x1': '0x2' } } };
  expect(anvilGenesisState(alloc)).toMatchObject({
    accounts: {
      '0xaa': { balance: '0x10', nonce: 0, code: '0x00', storage: {} },
      '0xbb': { balance: '0x0', nonce: 2, code: '0x', storage: { '0x1': '0x2' } },
    },
  });
});

test('versions are compared by number', () => {
  expect(compareVersions('22.9.0', '22.22.0')).toBe(-1);
  expect(compareVersions('24.0', '24.0.0')).toBe(0);
  expect(compareVersions('24.21.0', '22.22.0')).toBe(1);
});
