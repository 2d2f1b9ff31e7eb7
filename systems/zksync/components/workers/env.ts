/** What every worker opens at start, each thing waited for if it is not there yet. */
import { resolve } from 'node:path';
import type { Pool } from 'pg';
import type { Logger } from '../../../../lib/component/log.ts';
import { Refusal } from '../../../../lib/component/refusal.ts';
import type { ComponentContext } from '../../../../lib/component/run-component.ts';
import { openPool } from '../../../../lib/postgres.ts';
import { loadConfig, requireProverUrl, type ZksyncConfig } from '../../protocol/config.ts';
import { type Aggregation, formatVersion, type ProtocolVersion } from '../../protocol/ids.ts';
import { type CircuitSet, loadCircuitSet } from '../../protocol/keys/circuit-set.ts';
import { readCommitments } from '../../protocol/keys/key-files.ts';
import { PROVER_CHANNEL } from '../../protocol/prover-db/db.ts';
import { findVersion, listVersions, type VersionRow } from '../../protocol/prover-db/intake.ts';
import { type ObjectStore, openObjectStore } from '../../protocol/store/object-store.ts';
import { openWaker, type Waker } from '../shared/waker.ts';
import { isOutage, outageText } from './outage.ts';
import { waitFor } from './wait.ts';

/** Component, folders, configuration, database and store of a worker. */
export interface WorkerEnv {
  log: Logger;
  /** Aborted when the component shall stop picking jobs. */
  signal: AbortSignal;
  podName: string;
  config: ZksyncConfig;
  proverUrl: string;
  pool: Pool;
  /** Absent when notifications are switched off (`devkit.fast.notify`): polling alone. */
  waker: Waker | undefined;
  store: ObjectStore;
}

/** A worker that can do nothing useful with what it found; the component ends. */
export class StartError extends Refusal {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}

/** Reads the configuration and opens store and database; waits for the database and its tables. */
export async function openEnv(
  ctx: Pick<ComponentContext, 'log' | 'signal' | 'podName'>,
  flags: { configPath: string; secretsPath: string },
  options: { component: string; connections: number },
): Promise<WorkerEnv> {
  const config = await loadConfig(flags);
  if (config.devkit.variant !== 'reference') {
    throw new StartError(
      `${flags.configPath}: devkit.variant is ${config.devkit.variant}: this is the reference ${options.component}`,
    );
  }
  const proverUrl = requireProverUrl(config);
  const store = await openObjectStore(config.prover.objectStore, { cwd: process.cwd() });
  const pool = openPool(proverUrl, { max: options.connections, name: ctx.podName });
  await waitFor(ctx.log, ctx.signal, async () => {
    try {
      await listVersions(pool);
      return { ready: true };
    } catch (error) {
      if (!isOutage(error)) throw error;
      return { missing: `the prover database: ${outageText(error)}` };
    }
  });
  const waker = config.devkit.fast.notify ? openWaker(proverUrl, PROVER_CHANNEL) : undefined;
  return { log: ctx.log, signal: ctx.signal, podName: ctx.podName, config, proverUrl, pool, waker, store };
}

/** Closes the connections. */
export async function closeEnv({ pool, waker }: WorkerEnv): Promise<void> {
  await waker?.[Symbol.asyncDispose]();
  await pool.end();
}

/** Loads the circuits of the configured aggregation mode; waits while there are no keys. */
export function loadKeys({ config, log, signal }: WorkerEnv): Promise<CircuitSet> {
  const keysDir = resolve(config.prover.setupDataPath);
  return waitFor(log, signal, async () => {
    if ((await readCommitments(keysDir)) === undefined) {
      return { missing: `keys in ${keysDir}: make them with: devkit prover setup-keys` };
    }
    return { ready: await loadCircuitSet({ keysDir, aggregation: aggregationOf(config) }) };
  });
}

export const aggregationOf = (config: ZksyncConfig): Aggregation =>
  config.devkit.aggregation === 'recursive' ? 'recursive' : 'linked';

const hashText = (hash: bigint): string => `0x${hash.toString(16).padStart(64, '0')}`;

/** The wrapper hash of the local keys against the one in the database. @throws StartError when they differ */
export function checkWrapper(
  circuits: CircuitSet,
  row: { version: ProtocolVersion; snarkWrapperVkHash: bigint },
): void {
  if (hashText(row.snarkWrapperVkHash) === circuits.snarkWrapperVkHash) return;
  throw new StartError(
    `the local keys have wrapper hash ${circuits.snarkWrapperVkHash}, the database says ${hashText(row.snarkWrapperVkHash)} ` +
      `for version ${formatVersion(row.version)}: these keys cannot prove its batches`,
  );
}

/** Waits for a row of the version table. `missing` says in words what is awaited. */
export function waitForVersion(
  env: Pick<WorkerEnv, 'log' | 'signal'>,
  missing: string,
  find: () => Promise<VersionRow | undefined>,
): Promise<VersionRow> {
  return waitFor(env.log, env.signal, async () => {
    try {
      const row = await find();
      return row === undefined ? { missing } : { ready: row };
    } catch (error) {
      if (!isOutage(error)) throw error;
      return { missing: `the prover database: ${outageText(error)}` };
    }
  });
}

/** Waits for the version's row and checks the local keys against it. @throws StartError on a mismatch */
export async function checkVersion(env: WorkerEnv, circuits: CircuitSet, version: ProtocolVersion): Promise<void> {
  const missing =
    `protocol version ${formatVersion(version)} in the prover database: the gateway inserts it with the first batch, ` +
    'or run: devkit dev prover insert-version --default';
  checkWrapper(circuits, await waitForVersion(env, missing, () => findVersion(env.pool, version)));
}

/** As `checkVersion`, with the newest version there is. @throws StartError on a mismatch */
export async function checkNewestVersion(env: WorkerEnv, circuits: CircuitSet): Promise<void> {
  const missing = 'a protocol version in the prover database: the gateway inserts it with the first batch';
  checkWrapper(circuits, await waitForVersion(env, missing, async () => (await listVersions(env.pool))[0]));
}
