import { basename, dirname } from 'node:path';
import type { ComponentSpec } from './types.ts';

const LOOPBACK = '127.0.0.1';
/** In a container: its own network, published on this machine's loopback only. */
const EVERYWHERE = '0.0.0.0';

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
  const settings = (listen: string): string[] =>
    settingArgs({
      listen_addresses: listen,
      port: options.port,
      unix_socket_directories: '',
      max_connections: options.maxConnections ?? 300,
      shared_buffers: '64MB',
      max_wal_size: '256MB',
      // not `minimal`: a crash would take back sequences that were used in the transaction that made them
      wal_level: 'replica',
      max_wal_senders: 0,
      io_method: 'sync',
      jit: 'off',
      log_line_prefix: '%m [%p] %d ',
    });
  return {
    id: options.id ?? 'postgres',
    program: 'postgres',
    argv: ['-D', '/proc/self/cwd', ...settings(LOOPBACK)],
    env: { LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    cwd: options.dataDir,
    ports: [{ name: 'sql', port: options.port }],
    needs: options.needs ?? [],
    ready: { kind: 'sql', url: postgresUrl(options.port, 'postgres') },
    resources: { ramMiB: 150, diskBytes: 100 * 2 ** 20 },
    stop: { signal: 'SIGINT', graceMs: 10_000 },
    unprivileged: true,
    // the image carries a ready data folder; the volume is filled from it at its first use
    container: {
      image: { local: 'postgres' },
      argv: ['-D', POSTGRES_DATA, ...settings('*')],
      mounts: [{ source: options.id ?? 'postgres', target: POSTGRES_DATA }],
      network: 'devnet',
      hardened: true,
      limits: { memoryMiB: 1024, pids: 500 },
    },
  };
}

const POSTGRES_DATA = '/var/lib/postgresql/data';

const settingArgs = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

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
  /** `uid:gid` of its container: the account that may write the folder of the state file. */
  containerUser?: string | undefined;
}

/** anvil on loopback. After SIGKILL it comes back with the state of the last interval: the latest blocks may be lost. */
export function anvilSpec(options: AnvilOptions): ComponentSpec {
  return {
    id: options.id,
    program: 'anvil',
    argv: anvilArgs(options, LOOPBACK, options.stateFile),
    env: {},
    cwd: dirname(options.stateFile),
    ports: [{ name: 'http', port: options.port }],
    needs: options.needs ?? [],
    ready: { kind: 'jsonrpc', url: `http://${LOOPBACK}:${options.port}`, method: 'eth_chainId' },
    resources: { ramMiB: 60 },
    stop: { signal: 'SIGINT', graceMs: 5_000 },
    container: {
      image: { local: 'anvil' },
      argv: anvilArgs(options, EVERYWHERE, `${ANVIL_DATA}/${basename(options.stateFile)}`),
      ...(options.containerUser === undefined ? {} : { user: options.containerUser }),
      mounts: [{ source: dirname(options.stateFile), target: ANVIL_DATA }],
      network: 'devnet',
      hardened: true,
      limits: { memoryMiB: 1024, pids: 200 },
    },
  };
}

const ANVIL_DATA = '/data';

function anvilArgs(options: AnvilOptions, host: string, stateFile: string): string[] {
  const args = ['--host', host, '--port', String(options.port), '--chain-id', String(options.chainId)];
  args.push('--state', stateFile, '--state-interval', String(options.stateIntervalSecs ?? 1));
  if (options.noMining) args.push('--no-mining');
  if (options.mnemonic !== undefined) args.push('--mnemonic', options.mnemonic);
  if (options.accounts !== undefined) args.push('--accounts', String(options.accounts));
  return [...args, ...(options.extraArgs ?? [])];
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
