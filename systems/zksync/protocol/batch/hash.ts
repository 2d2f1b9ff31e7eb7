/** Tagged Poseidon2 hash of the reference circuits (`circuits/common/src/hash.nr` is the same in Noir). */
import { FIELD_MODULUS, toHex32 } from '../../../../proving/field.ts';
import type { Poseidon2 } from '../../../../proving/poseidon2.ts';

/** Order of the BN254 scalar field. */
export const FIELD_SIZE = FIELD_MODULUS;

/** Use of a hash; sits in the capacity word together with the length, so no two uses can be confused. */
export const TAG = {
  key: 1,
  record: 2,
  logQueue: 3,
  message: 4,
  messageQueue: 5,
  net: 6,
  leaf: 7,
  node: 8,
  challenge: 9,
  links: 10,
  public: 11,
  keys: 12,
  out: 13,
  batch: 14,
  nodes: 15,
  /** Chunk states: 256 + base circuit id. */
  stateVm: 257,
  stateFilter: 265,
  stateApplicator: 266,
  stateMessages: 269,
} as const;
export type Tag = (typeof TAG)[keyof typeof TAG];

export interface Hasher {
  /** `H(tag; xs)`. Inputs and result are field elements. */
  hash(tag: Tag, xs: readonly bigint[]): bigint;
}

const TWO_64 = 1n << 64n;

/** The hasher over a permutation; whoever opened the permutation disposes it. */
export function createHasher(poseidon2: Pick<Poseidon2, 'permute'>): Hasher {
  return {
    hash(tag, xs) {
      let state: [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, BigInt(tag) * TWO_64 + BigInt(xs.length)];
      for (let i = 0; i < xs.length; i += 3) {
        const [a, b, c, d] = state;
        state = poseidon2.permute([add(a, xs[i]), add(b, xs[i + 1]), add(c, xs[i + 2]), d]);
      }
      return state[0];
    },
  };
}

function add(a: bigint, b: bigint | undefined): bigint {
  if (b === undefined) return a;
  const sum = a + b;
  return sum >= FIELD_SIZE ? sum - FIELD_SIZE : sum;
}

/** A 256-bit word as (hi, lo), 128 bits each. */
export function limbs(word: bigint): [hi: bigint, lo: bigint] {
  return [word >> 128n, word & LOW_128];
}
const LOW_128 = (1n << 128n) - 1n;

/** Field element or 128-bit value for noir_js and for files: `0x…`, lower case, 32 bytes. */
export const fieldHex = toHex32;

/** A word as the circuits' `Word { hi, lo }`. */
export function wordInput(word: bigint): { hi: string; lo: string } {
  const [hi, lo] = limbs(word);
  return { hi: fieldHex(hi), lo: fieldHex(lo) };
}
