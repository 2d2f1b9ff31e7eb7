import { dirname } from 'node:path';
import type { ComponentSpec } from './types.ts';

const LOOPBACK = '127.0.0.1';

/** User and password of upstream's default database URL; the server listens on loopback only. */
export const POSTGRES_USER = 'postgres';
export const POSTGRES_PASSWORD = 'notsecurepassword';

/** `postgres://postgres:notsecurepassword@localhost:<port>[/<database>]`, as upstream writes it. */
export const postgresUrl = (port: number, database?: string): string =>
  `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@localhost:${port}${database === undefined ? '' : `/${database}`}`;

export interface PostgresOptions {
  /** Made by `ensurePostgresData`. */
  dataDir: string;
  port: number;
  /** Default `postgres`. */
  id?: string;
  maxConnections?: number;
  needs?: ComponentSpec['needs'];
}

/**
 * Postgres on loopback TCP only. Data survives SIGKILL (fsync and synchronous commit stay on); SIGINT is its fast stop.
 * The data folder is named through the working directory, because the unprivileged account need not be able to
 * walk the path to it (a clone under /root).
 */
export function postgresSpec(options: PostgresOptions): ComponentSpec {
  const settings = {
    listen_addresses: LOOPBACK,
    port: options.port,
    unix_socket_directories: '',
    max_connections: options.maxConnections ?? 300,
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    io_method: 'sync',
    jit: 'off',
    log_line_prefix: '%m [%p] %d ',
  };
  return {
    id: options.id ?? 'postgres',
    program: 'postgres',
    argv: ['-D', '/proc/self/cwd', ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    env: { LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    cwd: options.dataDir,
    ports: [{ name: 'sql', port: options.port }],
    needs: options.needs ?? [],
    ready: { kind: 'sql', url: postgresUrl(options.port, 'postgres') },
    resources: { ramMiB: 150, diskBytes: 100 * 2 ** 20 },
    stop: { signal: 'SIGINT', graceMs: 10_000 },
    unprivileged: true,
  };
}

export interface AnvilOptions {
  id: string;
  port: number;
  chainId: number;
  /**
   * JSON file that anvil loads at its start (if there is one) and writes every second and when it is stopped.
   * Its folder must exist. anvil refuses `--init` beside it: a genesis becomes a first state file (`anvilGenesisState`).
   */
  stateFile: string;
  /** Blocks only on demand (`evm_mine`). */
  noMining?: boolean;
  mnemonic?: string;
  /** Number of funded accounts, default 10. */
  accounts?: number;
  stateIntervalSecs?: number;
  /** Further arguments of anvil. */
  extraArgs?: readonly string[];
  needs?: ComponentSpec['needs'];
}

/** anvil on loopback. After SIGKILL it comes back with the state of the last interval: the latest blocks may be lost. */
export function anvilSpec(options: AnvilOptions): ComponentSpec {
  const argv = ['--host', LOOPBACK, '--port', String(options.port), '--chain-id', String(options.chainId)];
  argv.push('--state', options.stateFile, '--state-interval', String(options.stateIntervalSecs ?? 1));
  if (options.noMining) argv.push('--no-mining');
  if (options.mnemonic !== undefined) argv.push('--mnemonic', options.mnemonic);
  if (options.accounts !== undefined) argv.push('--accounts', String(options.accounts));
  argv.push(...(options.extraArgs ?? []));
  return {
    id: options.id,
    program: 'anvil',
    argv,
    env: {},
    cwd: dirname(options.stateFile),
    ports: [{ name: 'http', port: options.port }],
    needs: options.needs ?? [],
    ready: { kind: 'jsonrpc', url: `http://${LOOPBACK}:${options.port}`, method: 'eth_chainId' },
    resources: { ramMiB: 60 },
    stop: { signal: 'SIGINT', graceMs: 5_000 },
  };
}

/** The `alloc` of a genesis.json: accounts by address; numbers are hex or decimal. */
export type GenesisAlloc = Readonly<
  Record<
    string,
    { balance?: string; nonce?: string | number; code?: string; storage?: Readonly<Record<string, string>> }
  >
>;

/** A first state file for anvil (1.7) with the accounts of a genesis; block 0 is made by anvil. */
export function anvilGenesisState(alloc: GenesisAlloc): object {
  const accounts = Object.entries(alloc).map(([address, account]) => [
    (address.startsWith('0x') ? address : `0x${address}`).toLowerCase(),
    {
      nonce: Number(account.nonce ?? 0),
      balance: `0x${BigInt(account.balance ?? 0).toString(16)}`,
      code: account.code ?? '0x',
      storage: account.storage ?? {},
    },
  ]);
  return {
    block: null,
    accounts: Object.fromEntries(accounts),
    best_block_number: 0,
    blocks: [],
    transactions: [],
    historical_states: null,
  };
}
