const GIB = 2 ** 30;

/** What a machine needs for something. Versioned data: numbers change with what runs, and each says where it comes from. */
export interface Requirements {
  /** What the numbers are for, in a sentence. */
  about: string;
  cores: Amount;
  ramBytes: Amount;
  diskBytes: Amount;
  /** GPU memory; absent when no GPU is used. */
  vramBytes?: Amount;
  needsEngine: boolean;
}

export interface Amount {
  /** Below this it is refused. */
  least: number;
  /** Below this it works, but slowly or not for everything. */
  good: number;
  source: string;
}

/** The oldest Node the kit runs on. */
export const MIN_NODE = { version: '22.22.0', source: 'package.json, engines' } as const;

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
} as const satisfies Record<string, Requirements>;

export type RequirementSet = keyof typeof REQUIREMENTS;

/** -1, 0 or 1; of dotted version numbers. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}
