/** How much memory upstream's circuit prover takes. */
import type { UpstreamFlagValues } from './argv.ts';

const SETUP_MB = 21_800;
/** Largest of the light circuits: a leaf (2.24 GB); the main VM, 74.5 % of all jobs, takes 1.7 GB. */
const LIGHT_MB = 2_240;
/** Largest of the heavy ones: base circuit 8. */
const HEAVY_MB = 3_510;
/** What most jobs take: `--threads` does not tell light from heavy. */
const TYPICAL_MB = 1_700;

/** What the program starts when no count is given: one light, one heavy. */
const DEFAULT_COUNT = 1;

/**
 * MB (10^6 bytes). Setup data once, then each thread by the circuit it works on: measured per circuit in upstream's code comments
 * (which call 13 light and 3 heavy threads 54.4 GB for base circuits, 57.6 GB for leaves). The flags' help states 2 and 10 GB.
 */
export function circuitProverRamMB({ threads, lightWvgCount, heavyWvgCount }: UpstreamFlagValues): number {
  if (threads !== undefined) return SETUP_MB + threads * TYPICAL_MB;
  return SETUP_MB + (lightWvgCount ?? DEFAULT_COUNT) * LIGHT_MB + (heavyWvgCount ?? DEFAULT_COUNT) * HEAVY_MB;
}

/** zkstack's default for `--threads`. */
const MAX_THREADS = 32;
/** For the operating system and the other components. */
const RESERVE_MB = 8_000;

/** `--threads` for a machine: not more than its cores, and than its memory has room for beside the setup data; at least 1. */
export function affordableThreads({ cores, ramBytes }: { cores: number; ramBytes: number }): number {
  const room = Math.floor((ramBytes / 1e6 - RESERVE_MB - SETUP_MB) / TYPICAL_MB);
  return Math.max(1, Math.min(MAX_THREADS, cores, room));
}

export const mibOf = (megabytes: number): number => Math.ceil((megabytes * 1e6) / 2 ** 20);
