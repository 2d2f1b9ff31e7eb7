/** What a machine needs to prove ZKsync's batches. */
import type { RequirementSet, Requirements } from '../../cli/core/requirements.ts';

const GIB = 2 ** 30;

/** Versioned data: numbers change with what runs, and each says where it comes from. */
export const REQUIREMENTS = {
  reference: {
    about: "devkit's own components with small circuits, real proofs on the CPU",
    cores: { least: 1, good: 2, source: 'devkit 0.1: works on one core, is meant for two or more' },
    ramBytes: {
      least: 1.5 * GIB,
      good: 3 * GIB,
      source: 'devkit 0.1: limit of a linked batch 1.5 GB; recursive needs more',
    },
    diskBytes: {
      least: 1 * GIB,
      good: 3 * GIB,
      source: 'devkit 0.1: a devnet and the cache of keys and CRS, estimated',
    },
    needsEngine: false,
  },
  upstream: {
    about: "the project's own prover on one machine with a GPU",
    cores: { least: 16, good: 16, source: 'ZKsync prover book: 16+ physical cores' },
    ramBytes: { least: 64e9, good: 64e9, source: 'ZKsync prover book: 64 GB' },
    diskBytes: { least: 200e9, good: 400e9, source: 'ZKsync prover book: 200+ GB, 400+ GB for development' },
    vramBytes: {
      least: 24e9,
      good: 48e9,
      source: 'ZKsync prover book: 24 GB; 48 GB for prover and compressor at once',
    },
    needsEngine: true,
  },
} as const satisfies Record<RequirementSet, Requirements>;
