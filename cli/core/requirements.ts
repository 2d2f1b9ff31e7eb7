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

/** What a machine can be asked to be fit for. */
export type RequirementSet = 'reference' | 'upstream';

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
