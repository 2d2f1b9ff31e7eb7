/** The components of an open devnet on this machine's GPUs. */
import { formatVersion } from '../../systems/zksync/protocol/ids.ts';
import { statusCounts } from '../../systems/zksync/protocol/prover-db/reports.ts';
import { withDevices } from '../../systems/zksync/upstream.ts';
import type { ComponentSpec } from '../core/types.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';
import { devicesOf, leasingRuntime, type Placed, placeSpecs } from './devices.ts';
import { type OpenDevnet, protocolVersion, proverUrl, withDatabase } from './devnet.ts';
import { type PhaseJobs, phaseJobsOf } from './phases.ts';

/**
 * Which GPU each component gets, the specs with it, and a runtime that leases it for as long as they run.
 * @throws DevkitError HOST_UNFIT with the arithmetic, or for `--device gpu` without one
 */
export async function placeOn(
  devnet: OpenDevnet,
  specs: readonly ComponentSpec[],
): Promise<{ placed: Placed; specs: ComponentSpec[]; runtime: ManagedRuntime }> {
  const { ctx, runtime } = devnet;
  const { paths, deviceTable: table, signal } = ctx;
  const device = ctx.device ?? devnet.stack.devices;
  const placed = await placeSpecs(specs, { paths, runtime, device, table, signal });
  const devices = devicesOf(placed);
  const onDevice = (spec: ComponentSpec): ComponentSpec => {
    const uuid = devices.get(spec.id);
    return uuid === undefined ? spec : withDevices(spec, [uuid]);
  };
  return { placed, specs: specs.map(onDevice), runtime: leasingRuntime(runtime, { paths, devices }) };
}

/** One query over the tables of all batches. */
export const readPhaseJobs = (devnet: OpenDevnet): Promise<PhaseJobs> =>
  withDatabase(proverUrl(devnet), async (pool) =>
    phaseJobsOf(await statusCounts(pool), formatVersion(protocolVersion(devnet))),
  );
