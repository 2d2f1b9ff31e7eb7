/** Starting a devnet's components, and keeping them running while something waits. */

import { poll } from '../../lib/deadline.ts';
import { infrastructureSpecs, l2Spec, proverSpecs, SERVER_COMPONENTS, serverSpec } from '../../systems/zksync/index.ts';
import { insertVersion } from '../../systems/zksync/protocol/prover-db/intake.ts';
import { requeueRowsOf } from '../../systems/zksync/protocol/prover-db/workers.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { ensurePostgresData } from '../host/postgres-data.ts';
import { askProbe } from '../runtimes/ready/probe.ts';
import { prepareContainers } from './containers.ts';
import { converge, superviseWhile } from './converge.ts';
import {
  coreCount,
  hasServer,
  type OpenDevnet,
  protocolVersion,
  proverUrl,
  seedChainState,
  withDatabase,
} from './devnet.ts';
import { listKeys } from './ecosystem/keys.ts';
import type { RunContext } from './ensure-component.ts';
import { requireContracts } from './l1-check.ts';
import { step } from './step.ts';

/** Everything a chain needs to run and to be proven. A chain without contracts (no `chain init`) has no server. */
export function allSpecs(devnet: OpenDevnet): ComponentSpec[] {
  const { zksync, ports } = devnet;
  const core = hasServer(devnet) ? [l2Spec(zksync), serverSpec(zksync, SERVER_COMPONENTS)] : [];
  return [...infrastructureSpecs(zksync, ports), ...core, ...proverSpecs(zksync, { threads: coreCount() })];
}

/**
 * Starts what is missing of `specs` and waits until it is ready. With `keepChanged` a component that runs with other flags (somebody's
 * `prover run --threads 1`) is left as it is; without, it is replaced.
 */
export async function startComponents(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  options: { keepChanged: boolean } = { keepChanged: true },
): Promise<void> {
  await prepareData(devnet, specs);
  await startPrepared(devnet, specs, options);
}

/** As `startComponents`, for components whose data are prepared. */
export async function startPrepared(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  options: { keepChanged: boolean },
): Promise<void> {
  await converge({ specs, ...runContext(devnet), ...options });
}

/**
 * Keeps `specs` running while `work` goes on, from the first moment: what is missing is started, what dies at any time is started again
 * and its rows are queued at once. `work` begins when all answer and the protocol version has its row.
 */
export async function whileAllRun<T>(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await listKeys(devnet.ecosystem);
  await prepareData(devnet, specs);
  return whileRunning(devnet, specs, async (signal) => {
    await step(devnet.ctx, 'components', 'server and prover components', async () => {
      await allAnswer(
        specs.filter(({ id }) => id === 'postgres'),
        signal,
      );
      await ensureVersionRow(devnet);
      await requireContracts(devnet, signal);
      await allAnswer(specs, signal);
    });
    return work(signal);
  });
}

/** Keeps `specs` running while `work` goes on. */
export async function whileRunning<T>(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { downMarker } = devnet.ctx.paths;
  return superviseWhile(work, { specs, ...runContext(devnet), keepChanged: true, downMarker });
}

async function allAnswer(specs: readonly ComponentSpec[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    specs.map(({ ready }) =>
      poll(async () => ((await askProbe(ready, 2_000, signal)) === undefined ? true : undefined), {
        intervalMs: 20,
        maxIntervalMs: 250,
        signal,
      }),
    ),
  );
}

export function runContext(devnet: OpenDevnet): RunContext {
  const { ctx, runtime } = devnet;
  return { runtime, emit: ctx.emit, signal: ctx.signal, onExit: (status) => requeueRows(devnet, status) };
}

/** What the components find when they start: data folders, and what containers are given. */
export async function prepareData(devnet: OpenDevnet, specs: readonly ComponentSpec[]): Promise<void> {
  await seedChainState(devnet);
  if (devnet.state.runtime === 'process') await ensurePostgresData(devnet.zksync.postgresData, devnet.ctx.signal);
  if (devnet.runtime.name === 'docker') await prepareContainers(devnet, specs);
}

async function requeueRows(devnet: OpenDevnet, { podName, id }: ComponentStatus): Promise<void> {
  if (podName === undefined || id === 'postgres') return;
  try {
    await withDatabase(proverUrl(devnet), (pool) => requeueRowsOf(pool, podName));
  } catch (error) {
    // the database may be down as well: then the worker's next start does it
    devnet.ctx.log.warn({ err: error, podName }, 'rows of a dead worker were not requeued');
  }
}

/** The version row comes before everything that looks for it. @throws DevkitError NOT_FOUND without keys, CONFIG_INVALID for damaged ones */
export async function ensureVersionRow(devnet: OpenDevnet): Promise<void> {
  const { snarkWrapper } = await listKeys(devnet.ecosystem);
  await withDatabase(proverUrl(devnet), (pool) =>
    insertVersion(pool, {
      version: protocolVersion(devnet),
      snarkWrapperVkHash: BigInt(snarkWrapper),
      fflonkSnarkWrapperVkHash: null,
    }),
  );
}
