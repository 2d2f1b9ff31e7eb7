/** BN254 in plain BigInt: slow, small, and the reference the fast code is checked against. */

/** Field modulus of the curve's coordinates. */
export const FIELD_Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
/** Order of the group, modulus of the circuits' field elements. */
export const FIELD_R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** Affine point of y^2 = x^3 + 3; the point at infinity is undefined. */
export type G1 = readonly [x: bigint, y: bigint] | undefined;
/** Element c0 + c1·u of Fp2, u^2 = -1. */
export type Fp2 = readonly [c0: bigint, c1: bigint];
export type G2 = readonly [x: Fp2, y: Fp2] | undefined;

export const G1_GENERATOR: G1 = [1n, 2n];
export const G2_GENERATOR: G2 = [
  [
    10857046999023057135944570762232829481370756359578518086990519993285655852781n,
    11559732032986387107991004021392285783925812861821192530917403151452391805634n,
  ],
  [
    8495653923123431417604973247489272438418190587263600148770280649306958101930n,
    4082367875863433681332203403145435568316851327593401208105741076214120093531n,
  ],
];

export const mod = (a: bigint, m: bigint): bigint => {
  const r = a % m;
  return r < 0n ? r + m : r;
};

/** Inverse by the extended Euclidean algorithm; throws for 0. */
export function invert(a: bigint, m: bigint): bigint {
  let [r0, r1, s0, s1] = [m, mod(a, m), 0n, 1n];
  if (r1 === 0n) throw new RangeError('no inverse of 0');
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - quotient * r1, s1, s0 - quotient * s1];
  }
  return mod(s0, m);
}

/** base^exponent mod m, exponent >= 0. */
export function power(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n;
  for (let b = mod(base, m), e = exponent; e > 0n; e >>= 1n, b = (b * b) % m) {
    if (e & 1n) result = (result * b) % m;
  }
  return result;
}

export const isOnCurve = (p: G1): boolean =>
  p === undefined || mod(p[1] * p[1] - p[0] * p[0] * p[0] - 3n, FIELD_Q) === 0n;

export function addG1(p: G1, q: G1): G1 {
  if (p === undefined) return q;
  if (q === undefined) return p;
  const same = p[0] === q[0];
  if (same && (p[1] !== q[1] || p[1] === 0n)) return undefined;
  const slope = same ? 3n * p[0] * p[0] * invert(2n * p[1], FIELD_Q) : (q[1] - p[1]) * invert(q[0] - p[0], FIELD_Q);
  const x = mod(slope * slope - p[0] - q[0], FIELD_Q);
  return [x, mod(slope * (p[0] - x) - p[1], FIELD_Q)];
}

export const multiplyG1 = (p: G1, scalar: bigint): G1 => multiply<G1>(p, scalar, addG1);

const sub2 = (a: Fp2, b: Fp2): Fp2 => [mod(a[0] - b[0], FIELD_Q), mod(a[1] - b[1], FIELD_Q)];
const mul2 = (a: Fp2, b: Fp2): Fp2 => [
  mod(a[0] * b[0] - a[1] * b[1], FIELD_Q),
  mod(a[0] * b[1] + a[1] * b[0], FIELD_Q),
];
const scale2 = (a: Fp2, k: bigint): Fp2 => [mod(a[0] * k, FIELD_Q), mod(a[1] * k, FIELD_Q)];
const invert2 = (a: Fp2): Fp2 => {
  const n = invert(a[0] * a[0] + a[1] * a[1], FIELD_Q);
  return [mod(a[0] * n, FIELD_Q), mod(-a[1] * n, FIELD_Q)];
};
const equal2 = (a: Fp2, b: Fp2): boolean => a[0] === b[0] && a[1] === b[1];

/** y^2 = x^3 + 3 / (9 + u). Says nothing about the subgroup. */
export const isOnTwist = ([x, y]: NonNullable<G2>): boolean =>
  equal2(mul2([9n, 1n], sub2(mul2(y, y), mul2(mul2(x, x), x))), [3n, 0n]);

export function addG2(p: G2, q: G2): G2 {
  if (p === undefined) return q;
  if (q === undefined) return p;
  const same = equal2(p[0], q[0]);
  if (same && !equal2(p[1], q[1])) return undefined;
  const slope = same
    ? mul2(scale2(mul2(p[0], p[0]), 3n), invert2(scale2(p[1], 2n)))
    : mul2(sub2(q[1], p[1]), invert2(sub2(q[0], p[0])));
  const x = sub2(sub2(mul2(slope, slope), p[0]), q[0]);
  return [x, sub2(mul2(slope, sub2(p[0], x)), p[1])];
}

export const multiplyG2 = (p: G2, scalar: bigint): G2 => multiply<G2>(p, scalar, addG2);

function multiply<P>(p: P, scalar: bigint, add: (a: P | undefined, b: P | undefined) => P | undefined) {
  let result: P | undefined;
  let base: P | undefined = p;
  for (let k = mod(scalar, FIELD_R); k > 0n; k >>= 1n, base = add(base, base)) {
    if (k & 1n) result = add(result, base);
  }
  return result;
}

/** 32 bytes, big-endian; the value must fit. */
export function toBytes32(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
}

export function fromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** 64 bytes x y, the format of `bn254_g1.dat`. */
export function encodeG1(p: G1): Uint8Array {
  if (p === undefined) throw new RangeError('the point at infinity has no affine encoding');
  return Buffer.concat([toBytes32(p[0]), toBytes32(p[1])]);
}

/** 128 bytes x.c0 x.c1 y.c0 y.c1, the format of `bn254_g2.dat`. */
export function encodeG2(p: G2): Uint8Array {
  if (p === undefined) throw new RangeError('the point at infinity has no affine encoding');
  return Buffer.concat([...p[0], ...p[1]].map(toBytes32));
}
