import { formatBytes } from '../../lib/units.ts';
import { DevkitError } from '../core/errors.ts';
import type { Amount, RequirementSet, Requirements } from '../core/requirements.ts';
import { type HostFacts, hostFacts } from '../host/facts.ts';
import { type GpuFacts, gpuFacts } from '../host/gpu.ts';
import { holderLookup } from '../host/ports.ts';
import type { GpuCheckResult } from '../runtimes/docker/gpu-check.ts';
import { amount, type DoctorCheck } from './doctor/check.ts';
import { deviceChecks } from './doctor/gpu-checks.ts';
import { containerRunCheck, containerToolCheck, nativeChecks } from './doctor/gpu-tool-checks.ts';
import { engineCheck, freeMemory, nodeCheck, packageChecks, platformCheck, portsCheck } from './doctor/host-checks.ts';

export type { CheckState, DoctorCheck } from './doctor/check.ts';

export interface DoctorReport {
  for: RequirementSet;
  about: string;
  /** No check failed. */
  fit: boolean;
  checks: DoctorCheck[];
}

export interface DoctorOptions {
  for: RequirementSet;
  needed: Requirements;
  /** Where a devnet would lie. */
  workspace: string;
  /** Ports a new devnet would use, by name. */
  ports: Readonly<Record<string, number>>;
  /** `ZkStack.yaml` of the ecosystem, when there is one. */
  ecosystemFile?: string | undefined;
  signal?: AbortSignal;
  /** Default: the machine as it is. */
  facts?: HostFacts;
  gpu?: GpuFacts;
  holderOf?: (port: number) => string | undefined;
  /** Runs a container with this GPU; default: on the engine that is found. */
  runContainer?: (uuid: string, signal: AbortSignal) => Promise<GpuCheckResult>;
}

/**
 * Whether this machine is fit for something. Looks only, and leaves nothing behind; where all of a GPU's layers are there, one
 * short-lived container is run to see it.
 */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  const { needed } = options;
  const facts = options.facts ?? (await hostFacts(options.workspace));
  const checks = [
    amount('cores', 'CPU cores', facts.cores, needed.cores, String, 'use a machine with more cores'),
    amount('ram', 'memory', facts.ramBytes, needed.ramBytes, formatBytes, 'use a machine with more memory'),
    ...(options.for === 'reference' ? [freeMemory(facts, needed)] : []),
    amount(
      'disk',
      `free disk space at ${facts.diskPath}`,
      facts.diskFreeBytes,
      needed.diskBytes,
      formatBytes,
      'free some space, or use a workspace on another disk',
    ),
    portsCheck(options.ports, options.holderOf ?? holderLookup()),
    nodeCheck(facts),
    platformCheck(facts),
    ...packageChecks(facts),
    engineCheck(facts, needed.needsEngine),
    ...(needed.vramBytes ? await gpuChecks(options, facts, needed.vramBytes) : []),
  ];
  return { for: options.for, about: needed.about, fit: checks.every((check) => check.state !== 'fail'), checks };
}

/** The error for a machine that is not fit: says each failed check with its fix. */
export function unfitError(report: DoctorReport): DevkitError {
  const failed = report.checks.filter((check) => check.state === 'fail');
  const lines = failed.map((check) => `${check.title}: found ${check.found}, needed ${check.needed}`);
  return new DevkitError('HOST_UNFIT', `this machine is not fit for ${report.for}: ${lines.join('; ')}`, {
    hint: failed.flatMap((check) => check.fix ?? []).join('; '),
    details: { checks: failed },
  });
}

async function gpuChecks(options: DoctorOptions, { engine }: HostFacts, vramBytes: Amount): Promise<DoctorCheck[]> {
  const { ecosystemFile, signal = new AbortController().signal, runContainer = runOnEngine } = options;
  const facts = options.gpu ?? (await gpuFacts({ engine, ecosystemFile, signal }));
  const [driver, ...devices] = deviceChecks(facts, vramBytes);
  const tool = containerToolCheck(facts, engine);
  const first = facts.driver.gpus.find(({ mig }) => !mig);
  const run = await containerRunCheck({ driver, tool, facts, engine }, async () =>
    first === undefined ? { state: 'refused', reason: 'no GPU without MIG' } : runContainer(first.uuid, signal),
  );
  return [driver, ...devices, ...nativeChecks(facts, engine), tool, run];
}

async function runOnEngine(uuid: string, signal: AbortSignal): Promise<GpuCheckResult> {
  const [{ connectEngine }, { checkGpuInContainer }] = await Promise.all([
    import('../runtimes/docker/engine.ts'),
    import('../runtimes/docker/gpu-check.ts'),
  ]);
  try {
    return await checkGpuInContainer(await connectEngine(), uuid, signal);
  } catch (error) {
    if (error instanceof DevkitError) return { state: 'refused', reason: error.message };
    throw error;
  }
}
