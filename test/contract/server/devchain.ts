/** A chain for tests: real Postgres database, real anvil as L2, the server in this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { anvilGenesisState } from '../../../cli/core/infrastructure.ts';
import { resolveProgram } from '../../../cli/host/programs.ts';
import { poll } from '../../../lib/deadline.ts';
import { openPoseidon2, type Poseidon2 } from '../../../proving/poseidon2.ts';
import { httpRpc, type Rpc } from '../../../systems/zksync/components/server/json-rpc.ts';
import { selectComponents } from '../../../systems/zksync/components/server/names.ts';
import { runServer } from '../../../systems/zksync/components/server/start.ts';
import { createHasher, type Hasher } from '../../../systems/zksync/protocol/batch/hash.ts';
import { loadConfig } from '../../../systems/zksync/protocol/config.ts';
import { runGenesis } from '../../../systems/zksync/protocol/core-db/genesis.ts';
import { localhostWallets } from '../../../systems/zksync/protocol/l1/wallets.ts';
import { l2Genesis } from '../../../systems/zksync/protocol/l2/genesis.ts';
import { freePort, type TestPostgres } from '../../fixtures/postgres.ts';

export const CHAIN_ID = 271;
export const VERSION = { minor: 31, patch: 0 };
export const CORE_COMPONENTS =
  'api,tree,state_keeper,housekeeper,commitment_generator,da_dispatcher,vm_runner_protective_reads,vm_runner_bwip';

export interface TestAnvil extends AsyncDisposable {
  rpc: Rpc;
  url: string;
  /** SIGKILL, then (after `between`) starts again with the same arguments. */
  killAndRestart(between?: () => Promise<void>): Promise<void>;
}

export async function startAnvil(args: readonly string[]): Promise<TestAnvil> {
  const port = await freePort();
  const binary = await resolveProgram('anvil');
  const url = `http://127.0.0.1:${port}`;
  const rpc = httpRpc(url, 'test anvil');
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(binary, ['--host', '127.0.0.1', '--port', String(port), ...args], { stdio: 'ignore' });
    const { signal } = new AbortController();
    await poll(() => rpc('eth_chainId').catch(() => undefined), { intervalMs: 20, timeoutMs: 20_000, signal });
    return child;
  };
  let child = await start();
  const kill = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    rpc,
    url,
    killAndRestart: async (between) => {
      await kill();
      await between?.();
      child = await start();
    },
    [Symbol.asyncDispose]: kill,
  };
}

export interface ChainOptions {
  /** Keep anvil's state in a file, as the kit does; otherwise a killed L2 comes back empty. */
  stateFile?: boolean;
  /** Sections merged over general.yaml. */
  general?: Record<string, unknown>;
  contracts?: Record<string, unknown>;
  l1RpcUrl?: string;
}

export interface DevChain extends AsyncDisposable {
  pool: pg.Pool;
  l2: TestAnvil;
  hasher: Hasher;
  /** The server's API. */
  api: Rpc;
  ports: { api: number; health: number; external: number };
  dir: string;
  genesisRoot: bigint;
  genesisNextIndex: number;
  start(components?: string): RunningServer;
}

export interface RunningServer extends AsyncDisposable {
  ready: Promise<void>;
}

export async function createChain(postgres: TestPostgres, options: ChainOptions = {}): Promise<DevChain> {
  const stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'server-test-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const url = await postgres.emptyDatabase();
  const pool = stack.adopt(new pg.Pool({ connectionString: url, max: 4 }), (p) => p.end());
  const poseidon2: Poseidon2 = stack.use(await openPoseidon2());
  const hasher = createHasher(poseidon2);
  const wallets = localhostWallets(1);
  const genesis = await runGenesis(url, hasher, {
    chainId: CHAIN_ID,
    version: VERSION,
    feeAccount: wallets.fee_account.address,
    snarkWrapperVkHash: `0x${'11'.repeat(32)}`,
  });
  const l2 = stack.use(await startAnvil(await l2Args(dir, options.stateFile ?? false)));
  const ports = { api: await freePort(), health: await freePort(), external: await freePort() };
  const paths = await writeConfig(dir, { url, l2Url: l2.url, ports, wallets, options });
  return {
    pool,
    l2,
    hasher,
    dir,
    ports,
    api: httpRpc(`http://127.0.0.1:${ports.api}`, 'api'),
    genesisRoot: genesis.root,
    genesisNextIndex: genesis.nextIndex,
    start: (components = CORE_COMPONENTS) => startServer(paths, components, dir),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function l2Args(dir: string, stateFile: boolean): Promise<string[]> {
  const { anvilArgs, anvilGenesis } = l2Genesis({ chainId: CHAIN_ID });
  if (!stateFile) {
    await writeFile(join(dir, 'genesis.json'), JSON.stringify(anvilGenesis));
    return [...anvilArgs, '--init', join(dir, 'genesis.json')];
  }
  const file = join(dir, 'l2.json');
  if (!existsSync(file)) await writeFile(file, JSON.stringify(anvilGenesisState(anvilGenesis.alloc)));
  return [...anvilArgs, '--state', file, '--state-interval', '1'];
}

interface ConfigParts {
  url: string;
  l2Url: string;
  ports: DevChain['ports'];
  wallets: ReturnType<typeof localhostWallets>;
  options: ChainOptions;
}

async function writeConfig(dir: string, { url, l2Url, ports, wallets, options }: ConfigParts) {
  const general = {
    api: { web3_json_rpc: { http_port: ports.api }, healthcheck: { port: ports.health } },
    external_proof_integration_api: { http_port: ports.external },
    prometheus: { listener_port: await freePort() },
    core_object_store: { mode: 'FileBacked', file_backed_base_path: 'artifacts' },
    state_keeper: { block_commit_deadline_ms: 0, miniblock_commit_deadline_ms: 20 },
    eth: { sender: { proof_sending_mode: 'ONLY_REAL_PROOFS' } },
    devkit: { l2_rpc_url: l2Url, aggregation: 'linked', crs: 'dev' },
    ...options.general,
  };
  const files = {
    configPath: general,
    secretsPath: { database: { server_url: url }, l1: { l1_rpc_url: options.l1RpcUrl ?? 'http://127.0.0.1:1' } },
    genesisPath: { l1_chain_id: 9, l2_chain_id: CHAIN_ID, fee_account: wallets.fee_account.address },
    walletsPath: wallets,
    contractsPath: options.contracts ?? {},
  };
  const paths = Object.fromEntries(Object.keys(files).map((name) => [name, join(dir, `${name}.yaml`)])) as Record<
    keyof typeof files,
    string
  >;
  for (const [name, content] of Object.entries(files)) {
    await writeFile(paths[name as keyof typeof files], stringify(content));
  }
  return paths;
}

function startServer(paths: Awaited<ReturnType<typeof writeConfig>>, components: string, cwd: string): RunningServer {
  const stop = new AbortController();
  const log = pino({ level: process.env.DEVKIT_LOG ?? 'silent' });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const run = async (): Promise<void> => {
    const config = await loadConfig(paths);
    const selection = selectComponents([components]);
    await runServer({ config, components: selection.components, cwd, log, signal: stop.signal }, () => resolve());
  };
  const done = run().catch(reject);
  return {
    ready,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('test is over'));
      await done;
    },
  };
}
