/** How the multithreaded generator divides memory between its shards, and whether a machine has it. */
import { formatBytes } from '../../../lib/units.ts';

export interface MemoryPlan {
  totalBytes: number;
  smp: number;
  shard0MemScale: number;
  /** TOTAL_RAM / (smp + shard0-mem-scale − 1). */
  perShardBytes: number;
  /** shard0-mem-scale × ram_per_shard. */
  shard0Bytes: number;
  /** Of the smp − 1 other shards together. */
  othersBytes: number;
}

/** The formula of upstream's guide. */
export function planMemory(plan: { totalBytes: number; smp: number; shard0MemScale: number }): MemoryPlan {
  const { totalBytes, smp, shard0MemScale } = plan;
  const perShardBytes = totalBytes / (smp + shard0MemScale - 1);
  return {
    ...plan,
    perShardBytes,
    shard0Bytes: shard0MemScale * perShardBytes,
    othersBytes: (smp - 1) * perShardBytes,
  };
}

/** The formula with the numbers in it, in one line. */
export function describePlan({ totalBytes, smp, shard0MemScale, ...plan }: MemoryPlan): string {
  const [total, shard, first, others] = [totalBytes, plan.perShardBytes, plan.shard0Bytes, plan.othersBytes].map(
    formatBytes,
  );
  return (
    `${total} / (${smp} + ${shard0MemScale} - 1) = ${shard} a shard; shard 0: ${shard0MemScale} x ${shard} = ${first}, ` +
    `others: ${smp - 1} x ${shard} = ${others}`
  );
}

/**
 * What the reference generator needs in all. Measured on x64 with RLIMIT_DATA on the process that proves: Node and the witness solver fail
 * with 832 MiB and do with 896; with 1 GiB circuits of 2^13, 2^16 and 2^17 gates were proven, with 2 and with 16 threads.
 */
export const REFERENCE_NEED_BYTES = 2 ** 30;

/** The memory asked for cannot be had, or cannot do. */
export class MemoryPlanError extends Error {
  override readonly name = 'MemoryPlanError';
}

/** Refuses a plan that the machine cannot hold, or that cannot hold the work, with the arithmetic. @throws MemoryPlanError */
export function checkPlan(plan: MemoryPlan, machine: { usableBytes: number; needBytes: number }): void {
  const { usableBytes, needBytes } = machine;
  if (plan.totalBytes > usableBytes) {
    throw new MemoryPlanError(
      `memory: ${describePlan(plan)}; in all ${formatBytes(plan.totalBytes)}, but this machine has ${formatBytes(usableBytes)} ` +
        `(${formatBytes(plan.totalBytes - usableBytes)} too much): give --memory ${Math.floor(usableBytes / 2 ** 20)}M or less`,
    );
  }
  if (plan.totalBytes < needBytes) {
    throw new MemoryPlanError(
      `memory: ${formatBytes(plan.totalBytes)} in all, but a proof needs ${formatBytes(needBytes)} ` +
        `(${formatBytes(needBytes - plan.totalBytes)} too little)`,
    );
  }
}
