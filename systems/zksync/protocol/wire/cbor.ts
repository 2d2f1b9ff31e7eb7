import { decode, encode } from 'cborg';
import { WireError } from './plain.ts';

/** CBOR as ciborium writes it: definite lengths, shortest integers, map keys in the order of the fields. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, { mapSorter: keepOrder });
}

/** Strict: no indefinite lengths, no duplicate keys, no bytes after the value. `what` names it in the error. */
export function decodeCbor(bytes: Uint8Array, what: string): unknown {
  try {
    return decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      rejectDuplicateMapKeys: true,
    });
  } catch (cause) {
    throw new WireError(what, `not CBOR (${(cause as Error).message})`, { cause });
  }
}

const keepOrder = (): number => 0;
