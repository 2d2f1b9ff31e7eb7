/** Elements of the circuits' field (BN254 scalars) in the encodings that cross borders. */
import { fromBytes, toBytes32 } from './crs/curve.ts';

export { FIELD_R as FIELD_MODULUS } from './crs/curve.ts';

/** 32 bytes, big-endian. The value must be in 0 .. 2^256 - 1. */
export const fieldToBytes = toBytes32;

/** Big-endian bytes of any length; no reduction. */
export const bytesToField = fromBytes;

/** `0x` and 64 lower-case digits. */
export const toHex32 = (value: bigint): `0x${string}` => `0x${value.toString(16).padStart(64, '0')}`;
