/** What the workers keep in the object store between rounds. */
import type { CircuitInputs } from '../../../../proving/types.ts';
import type { SchedulerPartialInput } from '../../protocol/batch/witness-plan.ts';
import { BlobError, decodeBlob, encodeBlob } from '../../protocol/store/blobs.ts';
import type { ObjectKey } from '../../protocol/store/keys.ts';
import { getObject, type ObjectStore, putObject } from '../../protocol/store/object-store.ts';

/** One circuit to prove (`prover_jobs_fri/<n>_<C>_<seq>_<circuit>_<Round>_<depth>.bin`). */
export interface CircuitBlob {
  /** Name in the circuit set. */
  circuit: string;
  inputs: CircuitInputs;
  /** Prover job ids of the proofs directly below, in order. */
  children: number[];
}

/** One proof (`proofs_fri/proof_<job id>_<C>.bin`). */
export interface ProofBlob {
  circuit: string;
  publicInputs: bigint[];
  proof: Uint8Array;
  /** Prover job ids of the proofs directly below, in order. */
  children: number[];
}

/** Where one circuit of a chain of chunks starts and ends: hashes of the kind's state. */
export interface Link {
  sequence: number;
  start: bigint;
  end: bigint;
}

const FIELD_BYTES = 32;

/** 32 bytes, big-endian. */
export function fieldBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(FIELD_BYTES);
  let rest = value;
  for (let i = FIELD_BYTES - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

const bytesField = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

type Fields = Record<string, unknown>;

/** Reads typed members of a decoded blob; every mismatch names the object. */
function reader(key: string, fields: Fields) {
  const fail = (name: string): never => {
    throw new BlobError(key, `its field "${name}" is missing or not what it should be`);
  };
  const array = <T>(name: string, read: (value: unknown) => T | undefined): T[] => {
    const value = fields[name];
    if (!Array.isArray(value)) return fail(name);
    return value.map((entry) => read(entry) ?? fail(name));
  };
  return {
    text: (name: string): string => (typeof fields[name] === 'string' ? (fields[name] as string) : fail(name)),
    object: (name: string): Fields => (isObject(fields[name]) ? (fields[name] as Fields) : fail(name)),
    bytes: (name: string): Uint8Array =>
      fields[name] instanceof Uint8Array ? (fields[name] as Uint8Array) : fail(name),
    integers: (name: string): number[] =>
      array(name, (value) => (Number.isSafeInteger(value) ? (value as number) : undefined)),
    fields: (name: string): bigint[] => array(name, fieldOf),
    links: (name: string): Link[] => array(name, linkOf),
  };
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const fieldOf = (value: unknown): bigint | undefined =>
  value instanceof Uint8Array && value.length === FIELD_BYTES ? bytesField(value) : undefined;

function linkOf(value: unknown): Link | undefined {
  if (!isObject(value)) return undefined;
  const { sequence } = value;
  const [start, end] = [fieldOf(value.start), fieldOf(value.end)];
  return Number.isSafeInteger(sequence) && start !== undefined && end !== undefined
    ? { sequence: sequence as number, start, end }
    : undefined;
}

/** How one kind of object is written and read. */
interface Codec<T> {
  kind: string;
  toFields(value: T): Fields;
  fromFields(key: string, fields: Fields): T;
}

export const CIRCUIT: Codec<CircuitBlob> = {
  kind: 'circuit',
  toFields: (blob) => ({ circuit: blob.circuit, inputs: blob.inputs, children: blob.children }),
  fromFields(key, fields) {
    const read = reader(key, fields);
    return { circuit: read.text('circuit'), inputs: read.object('inputs'), children: read.integers('children') };
  },
};

export const PROOF: Codec<ProofBlob> = {
  kind: 'proof',
  toFields: (blob) => ({
    circuit: blob.circuit,
    public_inputs: blob.publicInputs.map(fieldBytes),
    proof: blob.proof,
    children: blob.children,
  }),
  fromFields(key, fields) {
    const read = reader(key, fields);
    return {
      circuit: read.text('circuit'),
      publicInputs: read.fields('public_inputs'),
      proof: read.bytes('proof'),
      children: read.integers('children'),
    };
  },
};

const links = (kind: string): Codec<Link[]> => ({
  kind,
  toFields: (list) => ({
    links: list.map(({ sequence, start, end }) => ({ sequence, start: fieldBytes(start), end: fieldBytes(end) })),
  }),
  fromFields: (key, fields) => reader(key, fields).links('links'),
});

/** Base circuits of one kind, in order. */
export const CLOSED_FORM_INPUTS = links('closed_form_inputs');
/** Circuits of one kind that the next node level goes over, in order. */
export const AGGREGATIONS = links('aggregations');

/** What rounds 3, 4 and the compressor need besides proofs. */
export const SCHEDULER_INPUT: Codec<SchedulerPartialInput> = {
  kind: 'scheduler_partial_input',
  toFields: (input) => ({ input }),
  fromFields: (key, fields) => reader(key, fields).object('input') as unknown as SchedulerPartialInput,
};

/** The batch's values for L1, upstream's "aux output"; for readers outside, the workers use the scheduler input. */
export type AuxOutput = Pick<
  SchedulerPartialInput,
  'chain_id' | 'batch_number' | 'messages_hash' | 'new_root' | 'new_next_index' | 'records' | 'messages'
>;

export const AUX_OUTPUT: Codec<AuxOutput> = {
  kind: 'aux_output',
  toFields: ({ chain_id, batch_number, messages_hash, new_root, new_next_index, records, messages }) => ({
    output: { chain_id, batch_number, messages_hash, new_root, new_next_index, records, messages },
  }),
  fromFields: (key, fields) => reader(key, fields).object('output') as unknown as AuxOutput,
};

/** The object, decoded. @throws ObjectNotFoundError, BlobError */
export async function readBlob<T>(store: ObjectStore, key: ObjectKey, codec: Codec<T>): Promise<T> {
  return codec.fromFields(key.key, decodeBlob(await getObject(store, key), codec.kind, key.key));
}

/** Stores the object and gives its key, as the `…_blob_url` columns show it. */
export function writeBlob<T>(store: ObjectStore, key: ObjectKey, codec: Codec<T>, value: T): Promise<string> {
  return putObject(store, key, encodeBlob(codec.kind, codec.toFields(value)));
}
