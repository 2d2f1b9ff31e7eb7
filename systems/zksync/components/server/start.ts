import { Registry } from 'prom-client';
import type { Hex } from 'viem';
import { listenHttp } from '../../../../lib/component/http.ts';
import type { Logger } from '../../../../lib/component/log.ts';
import { serveMetrics } from '../../../../lib/component/metrics.ts';
import { ConfigError } from '../../../../lib/component/refusal.ts';
import { sleep } from '../../../../lib/deadline.ts';
import { isConnectionError, openPool, type Pool } from '../../../../lib/postgres.ts';
import { redactUrl } from '../../../../lib/redact.ts';
import { openPoseidon2 } from '../../../../proving/poseidon2.ts';
import { createHasher } from '../../protocol/batch/hash.ts';
import { requireServerUrl, type ZksyncConfig } from '../../protocol/config.ts';
import { batchHeader } from '../../protocol/core-db/batches.ts';
import { CORE_CHANNEL, createCoreSchema } from '../../protocol/core-db/db.ts';
import { latestPatch } from '../../protocol/core-db/expected.ts';
import { openObjectStore } from '../../protocol/store/object-store.ts';
import { openWaker } from '../shared/waker.ts';
import { apiServer } from './api/server.ts';
import { writeMethods } from './api/write-methods.ts';
import { zksMethods } from './api/zks.ts';
import { commitmentTask } from './batch/commitment-task.ts';
import { daDispatcherTask, housekeeperTask } from './batch/housekeeping-tasks.ts';
import { protectiveReadsTask, witnessInputTask } from './batch/runner-tasks.ts';
import { treeTask } from './batch/tree-task.ts';
import type { ServerContext } from './context.ts';
import { aggregatorTask } from './eth/aggregator-task.ts';
import { openL1, rollupAddress } from './eth/l1.ts';
import { managerTask } from './eth/manager-task.ts';
import { watcherTask } from './eth/watcher-task.ts';
import { createHealth, type Health, healthServer } from './health.ts';
import { httpRpc, patientRpc } from './json-rpc.ts';
import type { ComponentName } from './names.ts';
import { createProofChecker } from './proofs/checker.ts';
import { fetcherTask, submitterTask } from './proofs/data-handler-tasks.ts';
import { externalApi } from './proofs/external-api.ts';
import { stateKeeperTask } from './state-keeper/keeper-task.ts';
import { runTask, type Task, type TaskRunner } from './tasks.ts';

export interface StartOptions {
  config: ZksyncConfig;
  components: readonly ComponentName[];
  cwd: string;
  log: Logger;
  /** Stops everything. */
  signal: AbortSignal;
}

/** Runs the chosen components until aborted. `onReady` is called once all ports are open. */
export async function runServer(options: StartOptions, onReady?: (health: Health) => void): Promise<void> {
  const { config, log, signal } = options;
  const pgUrl = requireServerUrl(config);
  await waitForDatabase(pgUrl, log, signal);
  await using stack = new AsyncDisposableStack();
  const pool = stack.adopt(openCoreDb(config, pgUrl, log), (p) => p.end());
  const poseidon2 = stack.use(await openPoseidon2());
  const server = await openContext(options, pool, createHasher(poseidon2));
  const registry = new Registry();
  const health = createHealth(options.components);
  const tasks = tasksOf(server, options.components, registry);
  stack.use(await serveMetrics(config.prometheus.listenerPort, registry));
  const waker = stack.use(wakerOf(config, pgUrl));
  await openApis(server, options, stack, health);
  onReady?.(health);
  log.info({ components: options.components, chain: server.chainId }, 'server runs');
  const runner = { waker, health, log, signal, pollMs: config.devkit.fast.loopIntervalMs };
  await Promise.all(tasks.map((task) => runTask(task, runner)));
  await untilAborted(signal);
}

/** Creates the tables; says once what it waits for while the database is not there. */
async function waitForDatabase(pgUrl: string, log: Logger, signal: AbortSignal): Promise<void> {
  for (let said = false; ; said = true) {
    try {
      return await createCoreSchema(pgUrl);
    } catch (error) {
      const { code } = error as { code?: string };
      const missing = code === UNKNOWN_DATABASE;
      if (!missing && !isConnectionError(error)) throw error;
      const reason = missing
        ? 'not created yet (devkit chain init makes it)'
        : 'not reachable (devkit containers starts it)';
      if (!said) log.info(`waiting for the core database ${redactUrl(pgUrl)}: ${reason}`);
    }
    await sleep(DATABASE_RETRY_MS, signal);
  }
}

const UNKNOWN_DATABASE = '3D000';
const DATABASE_RETRY_MS = 250;

function openCoreDb({ postgres }: ZksyncConfig, url: string, log: Logger): Pool {
  return openPool(url, {
    max: Math.min(postgres.maxConnections, 20),
    name: 'server',
    statementTimeoutMs: postgres.statementTimeoutMs,
    onError: (error) => log.warn(`database connection lost: ${error.message}`),
  });
}

async function openContext(
  { config, cwd, log }: StartOptions,
  pool: Pool,
  hasher: ServerContext['hasher'],
): Promise<ServerContext> {
  const { genesis } = config;
  if (genesis?.l2ChainId === undefined) {
    throw new ConfigError(`${config.paths.genesisPath ?? '--genesis-path'}: l2_chain_id is missing`);
  }
  const first = await batchHeader(pool, 0);
  if (first === undefined) {
    throw new ConfigError('the core database has no genesis: run devkit chain init, or the server with --genesis');
  }
  return {
    config,
    pool,
    store: await openObjectStore(config.coreObjectStore, { cwd }),
    hasher,
    l2: httpRpc(config.devkit.l2RpcUrl, 'L2 node'),
    chainId: genesis.l2ChainId,
    version: { minor: first.minorVersion, patch: await latestPatch(pool, first.minorVersion) },
    feeAccount: feeAccountOf(config),
    log,
    cwd,
  };
}

/** `fee_account` of genesis.yaml, else of wallets.yaml. */
export function feeAccountOf(config: ZksyncConfig): Hex {
  const address = config.genesis?.feeAccount ?? config.wallets?.fee_account?.address;
  if (address === undefined || !/^0x[0-9a-fA-F]{40}$/.test(address)) {
    throw new ConfigError(`${config.paths.genesisPath ?? 'genesis.yaml'}: fee_account is missing or not an address`);
  }
  return address.toLowerCase() as Hex;
}

type Bell = TaskRunner['waker'] & AsyncDisposable;

function wakerOf(config: ZksyncConfig, pgUrl: string): Bell {
  if (config.devkit.fast.notify) return openWaker(pgUrl, CORE_CHANNEL);
  return {
    connected: false,
    subscribe: () => ({ wait: (ms, signal) => sleep(ms, signal).then(() => false), close: () => {} }),
    [Symbol.asyncDispose]: async () => {},
  };
}

function tasksOf(server: ServerContext, components: readonly ComponentName[], registry: Registry): Task[] {
  const has = (name: ComponentName): boolean => components.includes(name);
  if (has('eth_tx_aggregator') || has('eth_tx_manager')) checkSendingMode(server.config);
  const l1 = components.some((name) => name.startsWith('eth_')) ? openL1(server.config) : undefined;
  const make: Partial<Record<ComponentName, () => Task[]>> = {
    state_keeper: () => [stateKeeperTask(server)],
    tree: () => [treeTask(server)],
    vm_runner_bwip: () => [witnessInputTask(server)],
    vm_runner_protective_reads: () => [protectiveReadsTask(server)],
    commitment_generator: () => [commitmentTask(server)],
    housekeeper: () => [housekeeperTask(server, registry)],
    da_dispatcher: () => [daDispatcherTask(server)],
    eth_watcher: () => [watcherTask(server, l1!)],
    eth_tx_aggregator: () => [aggregatorTask(server, l1!, createProofChecker(server))],
    eth_tx_manager: () => [managerTask(server, l1!)],
    proof_data_handler: () => [submitterTask(server), fetcherTask(server)],
  };
  return components.flatMap((name) => make[name]?.() ?? []);
}

function checkSendingMode(config: ZksyncConfig): void {
  const mode = config.eth.sender.proofSendingMode;
  if (mode === 'ONLY_REAL_PROOFS') return;
  throw new ConfigError(
    `${config.paths.configPath}: eth.sender.proof_sending_mode is ${mode}, but the rollup contract accepts no batch without a proof: set ONLY_REAL_PROOFS (prover mode gpu), or leave component eth out`,
  );
}

async function openApis(
  server: ServerContext,
  { config, components, signal, log }: StartOptions,
  stack: AsyncDisposableStack,
  health: Health,
): Promise<void> {
  if (components.includes('http_api')) {
    const { httpPort: port, bindAddress: host } = config.api.web3JsonRpc;
    const l1 = { chainId: config.genesis?.l1ChainId ?? 9, mainContract: rollupAddress(config) ?? null };
    const methods = { ...zksMethods(server, l1), ...writeMethods(server, signal) };
    stack.use(await listenHttp(apiServer({ l2: patientRpc(server.l2, signal), methods, log }), 'api', { host, port }));
    health.set('http_api', { status: 'ready' });
  }
  if (components.includes('external_proof_integration_api')) {
    const { httpPort: port, bindAddress: host } = config.externalProofIntegrationApi;
    const app = externalApi(server, createProofChecker(server), { signal });
    stack.use(await listenHttp(app, 'external_proof_integration_api', { host, port }));
    health.set('external_proof_integration_api', { status: 'ready' });
  }
  const port = config.api.healthcheck.port;
  stack.use(await listenHttp(healthServer(health), 'healthcheck', { host: '127.0.0.1', port }));
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
