/** The base field of Pallas, in which the statements of this market compute, as the circuits take it: four 64-bit limbs. */

/** p of y^2 = x^3 + 5 over F_p. */
export const PALLAS_BASE_MODULUS = 0x40000000000000000000000000000000224698fc094cf91b992d30ed00000001n;

export const LIMBS = 4;
const LIMB_BITS = 64n;
const LIMB_MASK = (1n << LIMB_BITS) - 1n;

/** Least significant limb first. The value must be in 0 .. 2^256 - 1. */
export const toLimbs = (value: bigint): bigint[] =>
  Array.from({ length: LIMBS }, (_, index) => (value >> (LIMB_BITS * BigInt(index))) & LIMB_MASK);

/** The integer of limbs as they stand; limbs beyond 64 bits overlap. */
export const fromLimbs = (limbs: readonly bigint[]): bigint =>
  limbs.reduce((sum, limb, index) => sum + (limb << (LIMB_BITS * BigInt(index))), 0n);
