/** What a machine needs for a market and its producers. */
import type { RequirementSet, Requirements } from '../../cli/core/requirements.ts';

const GIB = 2 ** 30;

/** Versioned data: numbers change with what runs, and each says where it comes from. */
export const REQUIREMENTS = {
  reference: {
    about: "devkit's own market and proof generator, real proofs on the CPU",
    cores: { least: 1, good: 2, source: 'devkit 0.1: works on one core; a producer beside the market wants another' },
    ramBytes: { least: 1.5 * GIB, good: 3 * GIB, source: 'devkit 0.1: the generator gets 1 GiB, measured to suffice' },
    diskBytes: {
      least: 0.5 * GIB,
      good: 2 * GIB,
      source: 'devkit 0.1: database, reference string and keys, estimated',
    },
    needsEngine: false,
  },
  upstream: {
    about: "devkit's own market, and the toolchain's proof-generator for the arithmetic example",
    cores: { least: 1, good: 4, source: 'proof market guide: --smp ideally the number of cores' },
    ramBytes: {
      least: 3 * GIB,
      good: 16e9,
      source: 'proof market guide: example plans for 16 GB; the arithmetic example takes less than 2 GB',
    },
    diskBytes: { least: 2 * GIB, good: 10 * GIB, source: 'estimated: program or image of the toolchain' },
    needsEngine: false,
  },
} as const satisfies Record<RequirementSet, Requirements>;
