/**
 * Arithmetic modulo a 254-bit prime in WebAssembly, emitted here: no other tool makes it.
 *
 * A field element is 9 limbs of 29 bits in 32-bit words, in Montgomery form with R = 2^261. Sums of 18 products of 58 bits fit 64 bits,
 * so carries are propagated once a column. R is 2^7 times larger than the modulus q: a product of factors below 8q comes out below 2q,
 * so sums and differences need no exact reduction before they are multiplied.
 */
import { invert } from '../crs/curve.ts';
import {
  type Code,
  EXTEND,
  get,
  I32,
  I64,
  i32,
  i32Load,
  i32Store,
  i64,
  i64Load32,
  i64Store32,
  set,
  tee,
  type ValueType,
  type WasmFunction,
} from './assembler.ts';

export const LIMBS = 9;
export const LIMB_BITS = 29;
/** Bytes of a field element in memory. */
export const ELEMENT_BYTES = 4 * LIMBS;

const MASK = (1n << BigInt(LIMB_BITS)) - 1n;
const R = 1n << BigInt(LIMBS * LIMB_BITS);
const LIMB_MODULUS = 1n << BigInt(LIMB_BITS);

export const limbsOf = (value: bigint): number[] =>
  Array.from({ length: LIMBS }, (_, i) => Number((value >> BigInt(LIMB_BITS * i)) & (i === LIMBS - 1 ? ~0n : MASK)));
export const fromLimbs = (limbs: ArrayLike<number>): bigint =>
  Array.from(limbs).reduceRight((sum, limb) => (sum << BigInt(LIMB_BITS)) + BigInt(limb), 0n);
export const toMontgomery = (value: bigint, q: bigint): bigint => (value * R) % q;
/** 1/v in Montgomery form for a v in Montgomery form; throws for 0. */
export const invertMontgomery = (value: bigint, q: bigint): bigint => (invert(value, q) * ((R * R) % q)) % q;

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const locals = (type: ValueType, n: number): ValueType[] => Array<ValueType>(n).fill(type);

/** mul(out, a, b): out = a·b/R mod q, below 2q for a·b < 2^7·q^2; out may be a or b. */
export function mul(q: bigint): WasmFunction {
  const qLimbs = limbsOf(q);
  const qInverse = LIMB_MODULUS - invert(q & MASK, LIMB_MODULUS); // -1/q modulo a limb
  const [a, b, m, sum] = [3, 12, 21, 30];
  const column = (k: number): Code => {
    const pairs = range(LIMBS).filter((i) => k - i >= 0 && k - i < LIMBS);
    return [
      ...pairs.flatMap((i) => [...get(sum), ...get(a + i), ...get(b + k - i), ...I64.mul, ...I64.add, ...set(sum)]),
      ...pairs
        .filter((i) => k >= LIMBS || i < k)
        .flatMap((i) => [...get(sum), ...get(m + i), ...i64(qLimbs[k - i]!), ...I64.mul, ...I64.add, ...set(sum)]),
    ];
  };
  const shift: Code = [...i64(LIMB_BITS), ...I64.shrU, ...set(sum)];
  const low = range(LIMBS).flatMap((k) => [
    ...column(k),
    ...[...get(sum), ...i64(MASK), ...I64.and, ...i64(qInverse), ...I64.mul, ...i64(MASK), ...I64.and, ...tee(m + k)],
    ...[...i64(qLimbs[0]!), ...I64.mul, ...get(sum), ...I64.add, ...shift],
  ]);
  const high = range(LIMBS - 1).flatMap((i) => [
    ...column(LIMBS + i),
    ...[...get(0), ...get(sum), ...i64(MASK), ...I64.and, ...i64Store32(4 * i)],
    ...[...get(sum), ...shift],
  ]);
  const load = (local: number, pointer: number): Code =>
    range(LIMBS).flatMap((i) => [...get(pointer), ...i64Load32(4 * i), ...set(local + i)]);
  return {
    name: 'mul',
    params: 3,
    locals: locals('i64', 28),
    body: [...load(a, 1), ...load(b, 2), ...low, ...high, ...get(0), ...get(sum), ...i64Store32(4 * (LIMBS - 1))],
  };
}

/** lazy(out, a, b, c): out = a - b - c + 4q, for b + c below 4q; not reduced. */
export function lazy(q: bigint): WasmFunction {
  const carry = 4;
  const fourQ = limbsOf(4n * q);
  const body = range(LIMBS).flatMap((i) => [
    ...difference(i, fourQ[i]!, carry),
    ...(i === LIMBS - 1
      ? [...set(carry), ...get(0), ...get(carry), ...i32Store(4 * i)]
      : [
          ...[...tee(carry), ...i32(MASK), ...I32.and, ...set(5)],
          ...[...get(0), ...get(5), ...i32Store(4 * i)],
          ...[...get(carry), ...i32(LIMB_BITS), ...I32.shr, ...set(carry)],
        ]),
  ]);
  return { name: 'lazy', params: 4, locals: locals('i32', 2), body };
}

/** Limb i of a - b - c + 4q plus the carry, signed, on the stack. */
const difference = (i: number, fourQ: number, carry: number): Code => [
  ...[...get(1), ...i32Load(4 * i), ...get(2), ...i32Load(4 * i), ...I32.sub],
  ...[...get(3), ...i32Load(4 * i), ...I32.sub, ...i32(fourQ), ...I32.add, ...get(carry), ...I32.add],
];

/** strict(out, a, b, c): as lazy, then less the multiple of q that the top limb shows: below 2q. */
export function strict(q: bigint): WasmFunction {
  const [carry, v, quotient, wide] = [4, 5, 14, 15];
  const [qLimbs, fourQ] = [limbsOf(q), limbsOf(4n * q)];
  const topLimb = q >> BigInt(LIMB_BITS * (LIMBS - 1));
  const scale = 40n;
  const first = range(LIMBS).flatMap((i) => [
    ...difference(i, fourQ[i]!, carry),
    ...(i === LIMBS - 1
      ? set(v + i)
      : [
          ...[...tee(carry), ...i32(MASK), ...I32.and, ...set(v + i)],
          ...[...get(carry), ...i32(LIMB_BITS), ...I32.shr, ...set(carry)],
        ]),
  ]);
  const estimate = [
    ...[...get(v + LIMBS - 1), ...EXTEND, ...i64((1n << scale) / (topLimb + 1n)), ...I64.mul],
    ...[...i64(scale), ...I64.shr, ...set(quotient), ...i64(0), ...set(wide)],
  ];
  const second = range(LIMBS).flatMap((i) => [
    ...[...get(v + i), ...EXTEND, ...get(quotient), ...i64(qLimbs[i]!), ...I64.mul, ...I64.sub],
    ...[...get(wide), ...I64.add, ...set(wide)],
    ...(i === LIMBS - 1
      ? [...get(0), ...get(wide), ...i64Store32(4 * i)]
      : [
          ...[...get(0), ...get(wide), ...i64(MASK), ...I64.and, ...i64Store32(4 * i)],
          ...[...get(wide), ...i64(LIMB_BITS), ...I64.shr, ...set(wide)],
        ]),
  ]);
  return {
    name: 'strict',
    params: 4,
    locals: [...locals('i32', 10), 'i64', 'i64'],
    body: [...first, ...estimate, ...second],
  };
}
