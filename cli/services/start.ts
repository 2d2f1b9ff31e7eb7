/** Starting a devnet's components, and keeping them running while something waits. */

import { infrastructureSpecs, l2Spec, SERVER_COMPONENTS } from '../../systems/zksync/index.ts';
import { readCommitments } from '../../systems/zksync/protocol/keys/key-files.ts';
import { insertVersion } from '../../systems/zksync/protocol/prover-db/intake.ts';
import { requeueRowsOf } from '../../systems/zksync/protocol/prover-db/workers.ts';
import { DevkitError } from '../core/errors.ts';
import type { ComponentSpec, ComponentStatus } from '../core/types.ts';
import { ensurePostgresData } from '../host/postgres-data.ts';
import { askProbe } from '../runtimes/ready/probe.ts';
import { prepareContainers } from './containers.ts';
import { allAnswer, converge } from './converge.ts';
import { startableNow, steadySpecs, whilePlaced } from './devices.ts';
import { hasServer, type OpenDevnet, protocolVersion, proverUrl, seedChainState, withDatabase } from './devnet.ts';
import { isAdopted } from './ecosystem/adopt.ts';
import { listKeys } from './ecosystem/keys.ts';
import type { RunContext } from './ensure-component.ts';
import { requireContracts } from './l1-check.ts';
import { takingTurns } from './phases.ts';
import { placeOn, readPhaseJobs } from './place-devnet.ts';
import { step } from './step.ts';
import { serverOfVariant, specsOfVariant, variantOf } from './upstream.ts';

/** Everything a chain needs to run and to be proven. A chain without contracts (no `chain init`) has no server. */
export async function allSpecs(devnet: OpenDevnet): Promise<ComponentSpec[]> {
  const { stack, runtime } = devnet;
  const core = hasServer(devnet)
    ? [...nodeSpecs(devnet), await serverOfVariant(devnet, stack, runtime.name, SERVER_COMPONENTS)]
    : [];
  const provers = await specsOfVariant(devnet, stack, runtime.name);
  return [...(await ownInfrastructure(devnet)), ...core, ...provers];
}

/** The chain's own node; upstream's server has its own inside. */
export const nodeSpecs = (devnet: OpenDevnet): ComponentSpec[] =>
  variantOf(devnet, devnet.stack) === 'upstream' ? [] : [l2Spec(devnet.zksync)];

/** Database and L1; of an ecosystem that was there before the devnet, only what does not answer already. */
export async function ownInfrastructure(devnet: OpenDevnet): Promise<ComponentSpec[]> {
  const specs = infrastructureSpecs(devnet.zksync, devnet.ports);
  if (!isAdopted(devnet.state)) return specs;
  const own = await Promise.all(
    specs.map(async (spec) => {
      const ours = (await devnet.runtime.inspect(spec.id)).state !== 'missing';
      return ours || (await askProbe(spec.ready, 2_000, devnet.ctx.signal)) !== undefined ? [spec] : [];
    }),
  );
  return own.flat();
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
  const { placed, specs: onDevices, runtime } = await placeOn(devnet, specs);
  const startable = await startableNow(placed, onDevices, runtime);
  await converge({ specs: startable, ...runContext(devnet), runtime, ...options });
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
  return whileRunning(devnet, specs, async (signal, steady) => {
    await step(devnet.ctx, 'components', 'server and prover components', async () => {
      await allAnswer(
        specs.filter(({ id }) => id === 'postgres'),
        signal,
      );
      await ensureVersionRow(devnet);
      await requireContracts(devnet, signal);
      await allAnswer(steady, signal);
    });
    return work(signal);
  });
}

/**
 * Keeps `specs` running while `work` goes on; those that share a GPU too small for all of them take turns. `work` is told which ones
 * run at any time. @throws DevkitError HOST_UNFIT when they cannot be placed
 */
export async function whileRunning<T>(
  devnet: OpenDevnet,
  wanted: readonly ComponentSpec[],
  work: (signal: AbortSignal, steady: readonly ComponentSpec[]) => Promise<T>,
): Promise<T> {
  const { paths, emit } = devnet.ctx;
  const { placed, specs } = await placeOn(devnet, wanted);
  if (placed.kind === 'phased') {
    const names = [...takingTurns(placed)].join(' and ');
    emit({ type: 'notice', message: `${names} take turns on one GPU (${placed.why})` });
  }
  return whilePlaced((signal) => work(signal, steadySpecs(placed, specs)), {
    placed,
    paths,
    specs,
    ...runContext(devnet),
    keepChanged: true,
    downMarker: paths.downMarker,
    jobs: () => readPhaseJobs(devnet),
    onStopped: (status) => requeueRows(devnet, status, 'refund'),
  });
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

/** `refund`: it was stopped by the kit, so the attempt does not count. */
async function requeueRows(
  devnet: OpenDevnet,
  { podName, id }: ComponentStatus,
  attempts: 'count' | 'refund' = 'count',
): Promise<void> {
  if (podName === undefined || id === 'postgres') return;
  try {
    await withDatabase(proverUrl(devnet), (pool) => requeueRowsOf(pool, podName, { attempts }));
  } catch (error) {
    // the database may be down as well: then the worker's next start does it
    devnet.ctx.log.warn({ err: error, podName }, 'rows of a dead worker were not requeued');
  }
}

/** The version row comes before everything that looks for it. @throws DevkitError NOT_FOUND without keys, CONFIG_INVALID for damaged ones */
export async function ensureVersionRow(devnet: OpenDevnet): Promise<void> {
  const wrappers = await wrapperHashes(devnet);
  await withDatabase(proverUrl(devnet), (pool) =>
    insertVersion(pool, { version: protocolVersion(devnet), ...wrappers }),
  );
}

async function wrapperHashes(devnet: OpenDevnet): Promise<{
  snarkWrapperVkHash: bigint;
  fflonkSnarkWrapperVkHash: bigint | null;
}> {
  if (variantOf(devnet, devnet.stack) === 'reference') {
    const { snarkWrapper } = await listKeys(devnet.ecosystem);
    return { snarkWrapperVkHash: BigInt(snarkWrapper), fflonkSnarkWrapperVkHash: null };
  }
  const { keys } = devnet.ecosystem.paths;
  const found = (await readCommitments(keys)) as { snark_wrapper?: string; fflonk_snark_wrapper?: string } | undefined;
  if (found?.snark_wrapper === undefined) {
    throw new DevkitError('NOT_FOUND', `there is no snark_wrapper in ${keys}/commitments.json`, {
      hint: 'devkit prover setup-keys --mode=download --region=us',
    });
  }
  const fflonk = found.fflonk_snark_wrapper;
  return {
    snarkWrapperVkHash: BigInt(found.snark_wrapper),
    fflonkSnarkWrapperVkHash: fflonk === undefined ? null : BigInt(fflonk),
  };
}

/** The kit's verifier knows the reference circuits only. @throws DevkitError USAGE for variant upstream */
export function refuseUpstream(devnet: OpenDevnet, command: string): void {
  if (variantOf(devnet, devnet.stack) === 'reference') return;
  throw new DevkitError(
    'USAGE',
    `devkit ${command} checks proofs of the reference circuits; those of variant upstream are checked by its own L1 contracts`,
    { hint: 'devkit up, then devkit watch   (executedAt of zks_getBlockDetails says that L1 accepted a batch)' },
  );
}
