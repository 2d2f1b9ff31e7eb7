/** Reading and writing of the plain values (CBOR or JSON) behind the wire types, with errors that name the field. */

export type Hex = `0x${string}`;
/** `json` has no byte strings: bytes are number arrays there, as serde_json writes them. */
export type Form = 'cbor' | 'json';
export type PlainObject = Record<string, unknown>;

/** A value that does not have the shape the interface asks for. */
export class WireError extends Error {
  constructor(where: string, expected: string, options?: ErrorOptions) {
    super(`${where}: ${expected}`, options);
    this.name = 'WireError';
  }
}

const UPPER_256 = 1n << 256n;

export function asObject(value: unknown, where: string): PlainObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new WireError(where, 'expected a map');
  }
  return value as PlainObject;
}

/** Required member of a map. */
export function member(object: PlainObject, key: string, where: string): unknown {
  const value = object[key];
  if (value === undefined) throw new WireError(`${where}.${key}`, 'missing');
  return value;
}

export function asArray(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new WireError(where, 'expected a list');
  return value;
}

/** Maps a list, giving each entry its place for error texts. */
export function mapArray<T>(value: unknown, where: string, read: (entry: unknown, where: string) => T): T[] {
  return asArray(value, where).map((entry, index) => read(entry, `${where}[${index}]`));
}

export function asBool(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw new WireError(where, 'expected true or false');
  return value;
}

export function asText(value: unknown, where: string): string {
  if (typeof value !== 'string') throw new WireError(where, 'expected a string');
  return value;
}

export function asInteger(value: unknown, where: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new WireError(where, `expected an integer from ${min} to ${max}`);
  }
  return value;
}

/** U256: `0x` and up to 64 digits. */
export function asUint256(value: unknown, where: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) {
    throw new WireError(where, 'expected a 0x… number of at most 32 bytes');
  }
  return BigInt(value);
}

/** H256 (32 bytes) or an address (20 bytes) as `0x…` text of exactly that length. */
export function asHash(value: unknown, where: string, bytes = 32): bigint {
  if (typeof value !== 'string' || value.length !== 2 + 2 * bytes || !/^0x[0-9a-fA-F]+$/.test(value)) {
    throw new WireError(where, `expected 0x and ${2 * bytes} hex digits`);
  }
  return BigInt(value);
}

/** Byte string or list of byte-sized numbers; serde reads either. */
export function asBytes(value: unknown, where: string, length?: number): Uint8Array {
  const bytes = value instanceof Uint8Array ? value : bytesOfNumbers(value, where);
  if (length !== undefined && bytes.length !== length) {
    throw new WireError(where, `expected ${length} bytes, found ${bytes.length}`);
  }
  return bytes;
}

function bytesOfNumbers(value: unknown, where: string): Uint8Array {
  if (!Array.isArray(value)) throw new WireError(where, 'expected bytes');
  for (const entry of value) {
    if (!Number.isInteger(entry) || entry < 0 || entry > 255) throw new WireError(where, 'expected bytes (0…255)');
  }
  return Uint8Array.from(value as number[]);
}

export const asWord = (value: unknown, where: string): bigint => bytesToBigint(asBytes(value, where, 32));

export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0
    ? 0n
    : BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

/** Big-endian, exactly 32 bytes. */
export function wordBytes(value: bigint): Uint8Array {
  if (value < 0n || value >= UPPER_256) throw new RangeError(`not a 256-bit word: ${value}`);
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
}

/** U256 as ethereum-types writes it: no leading zeros. */
export const uint256Text = (value: bigint): Hex => `0x${value.toString(16)}`;
/** H256, or with `bytes` = 20 an address: all digits, lower case. */
export const hashText = (value: bigint, bytes = 32): Hex => `0x${value.toString(16).padStart(2 * bytes, '0')}`;

/** A field that serde writes as bytes: byte string in CBOR, numbers in JSON. */
export const putBytes = (bytes: Uint8Array, form: Form): Uint8Array | number[] =>
  form === 'cbor' ? bytes : Array.from(bytes);
/** A fixed array without serde's `Bytes`: numbers in both forms. */
export const putNumbers = (bytes: Uint8Array): number[] => Array.from(bytes);
