/** The reference variant's own blobs (upstream's `.bin` objects): CBOR with a header that says what they are. */
import { decodeCbor, encodeCbor } from '../wire/cbor.ts';
import { asObject, type PlainObject } from '../wire/plain.ts';

const FORMAT = 'devkit';
const VERSION = 1;

/** A blob is damaged, or is something else than its name says. */
export class BlobError extends Error {
  constructor(what: string, problem: string, options?: ErrorOptions) {
    super(`${what}: ${problem}`, options);
    this.name = 'BlobError';
  }
}

/** `content`: CBOR values only (integers up to 64 bits, text, byte strings, lists, maps); the header comes first. */
export function encodeBlob(kind: string, content: PlainObject): Uint8Array {
  return encodeCbor({ format: FORMAT, version: VERSION, kind, ...content });
}

/** The content without the header. @throws BlobError; `what` is the object's name for its text. */
export function decodeBlob(bytes: Uint8Array, kind: string, what: string): PlainObject {
  let value: PlainObject;
  try {
    value = asObject(decodeCbor(bytes, what), what);
  } catch (cause) {
    throw new BlobError(what, 'damaged, or not made by devkit: use --variant upstream', { cause });
  }
  const { format, version, kind: found, ...content } = value;
  if (format !== FORMAT) throw new BlobError(what, 'not made by devkit: use --variant upstream');
  if (version !== VERSION) throw new BlobError(what, `version ${String(version)}, this devkit reads ${VERSION}`);
  if (found !== kind) throw new BlobError(what, `is a ${String(found)}, expected a ${kind}`);
  return content;
}
