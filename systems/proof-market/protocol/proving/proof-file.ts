/**
 * The proof of a statement for one public input, as a file: CBOR `{format:'devkit', version, kind:'market_proof', …}`; what producers
 * push is its text, hexadecimal with `0x`. It names what it is for, and whoever checks it compares every member.
 */
import { decode, encode } from 'cborg';
import { bytesToField, FIELD_MODULUS, fieldToBytes } from '../../../../proving/field.ts';

/** The text is no proof of ours. */
export class ProofFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(`not a proof: ${message}`, options);
    this.name = 'ProofFileError';
  }
}

export interface MarketProof {
  /** `_key` of the statement; null when it was proven before it was published. */
  statement: string | null;
  circuit: string;
  /** `programId`, 64 hexadecimal digits. */
  program: string;
  /** bb's hash of the verification key. */
  keyHash: bigint;
  /** `Crs.id`. */
  crs: string;
  /** Field elements: those of the inputs, then those of the outputs. */
  publicInputs: bigint[];
  proof: Uint8Array;
}

/** Hexadecimal characters of a proof, at most: a proof of bb has 13,120 bytes. */
const MAX_CHARACTERS = 1_000_000;

/** The text of a proof file. */
export function encodeProofText(proof: MarketProof): string {
  return `0x${Buffer.from(encodeProof(proof)).toString('hex')}`;
}

function encodeProof({ statement, circuit, program, keyHash, crs, publicInputs, proof }: MarketProof): Uint8Array {
  const plain = {
    format: 'devkit',
    version: 1,
    kind: 'market_proof',
    statement,
    circuit,
    program,
    key_hash: fieldToBytes(keyHash),
    crs,
    public_inputs: publicInputs.map(fieldToBytes),
    proof,
  };
  return encode(plain, { mapSorter: () => 0 });
}

/** Reads what `encodeProofText` writes and nothing else; white space around it is left out. @throws ProofFileError */
export function decodeProofText(text: string): MarketProof {
  const hex = text.trim();
  if (hex.length > MAX_CHARACTERS) throw new ProofFileError(`${hex.length} characters`);
  if (!/^0x(?:[0-9a-f]{2})+$/i.test(hex)) throw new ProofFileError('expected hexadecimal with 0x');
  const bytes = Buffer.from(hex.slice(2), 'hex');
  const proof = fromPlain(decodeStrictly(bytes));
  if (!bytes.equals(encodeProof(proof))) throw new ProofFileError('it is not encoded as it should be');
  return proof;
}

function decodeStrictly(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      rejectDuplicateMapKeys: true,
    });
  } catch (cause) {
    throw new ProofFileError(`no CBOR in it (${(cause as Error).message})`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new ProofFileError('no map in it');
  }
  return value as Record<string, unknown>;
}

function fromPlain(plain: Record<string, unknown>): MarketProof {
  if (plain['format'] !== 'devkit' || plain['version'] !== 1 || plain['kind'] !== 'market_proof') {
    throw new ProofFileError('it is not {format:"devkit", version:1, kind:"market_proof"}');
  }
  const { statement, public_inputs: words } = plain;
  if (statement !== null && typeof statement !== 'string') throw new ProofFileError('statement');
  if (!Array.isArray(words)) throw new ProofFileError('public_inputs');
  return {
    statement,
    circuit: asText(plain, 'circuit'),
    program: asText(plain, 'program'),
    keyHash: asWord(plain['key_hash'], 'key_hash'),
    crs: asText(plain, 'crs'),
    publicInputs: words.map((word, index) => asWord(word, `public_inputs[${index}]`)),
    proof: asBytes(plain['proof'], 'proof'),
  };
}

function asText(plain: Record<string, unknown>, name: string): string {
  const value = plain[name];
  if (typeof value !== 'string') throw new ProofFileError(name);
  return value;
}

function asBytes(value: unknown, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new ProofFileError(where);
  return value;
}

function asWord(value: unknown, where: string): bigint {
  const bytes = asBytes(value, where);
  const word = bytesToField(bytes);
  if (bytes.length !== 32 || word >= FIELD_MODULUS) throw new ProofFileError(`${where} is not a field element`);
  return word;
}
