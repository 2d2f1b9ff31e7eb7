/** The part of the WebAssembly binary format that the curve kernel needs: instructions as byte lists, and one module around them. */

export type Code = readonly number[];
export type ValueType = 'i32' | 'i64';

export interface WasmFunction {
  name: string;
  params: number;
  /** Extra locals after the parameters; parameters are all i32. */
  locals: ValueType[];
  body: Code;
}

const TYPE: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e };

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const tee = (local: number): Code => [0x22, ...unsigned(local)];
export const call = (index: number): Code => [0x10, ...unsigned(index)];
export const i32 = (value: number | bigint): Code => [0x41, ...signed(BigInt(value))];
export const i64 = (value: number | bigint): Code => [0x42, ...signed(BigInt(value))];

/** Memory access with 4-byte alignment; the address is on the stack. */
export const i32Load = (offset: number): Code => [0x28, 2, ...unsigned(offset)];
export const i32Store = (offset: number): Code => [0x36, 2, ...unsigned(offset)];
export const i64Load32 = (offset: number): Code => [0x35, 2, ...unsigned(offset)];
export const i64Store32 = (offset: number): Code => [0x3e, 2, ...unsigned(offset)];

export const I32 = {
  eqz: [0x45],
  lt: [0x48],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  and: [0x71],
  shr: [0x75],
} as const;
export const I64 = { add: [0x7c], sub: [0x7d], mul: [0x7e], and: [0x83], shr: [0x87], shrU: [0x88] } as const;
export const EXTEND: Code = [0xac];

/** `if (condition) …` without a value; the condition is on the stack. */
export const when = (then: Code, otherwise?: Code): Code =>
  otherwise === undefined ? [0x04, 0x40, ...then, 0x0b] : [0x04, 0x40, ...then, 0x05, ...otherwise, 0x0b];

/** `while (condition) body`. */
export const loop = (condition: Code, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40],
  ...condition,
  ...I32.eqz,
  ...[0x0d, 1],
  ...body,
  ...[0x0c, 0],
  ...[0x0b, 0x0b],
];

/** A module that exports each function by name and its memory, of `memoryBytes` rounded up to pages, as `memory`. */
export function encodeModule(functions: WasmFunction[], memoryBytes: number): Uint8Array<ArrayBuffer> {
  const types = functions.map((f) => [0x60, ...vector(Array<number[]>(f.params).fill([TYPE.i32])), 0]);
  const exports = [[...name('memory'), 2, 0], ...functions.map((f, index) => [...name(f.name), 0, ...unsigned(index)])];
  const bodies = functions.map((f) => {
    const locals = vector(f.locals.map((type) => [1, TYPE[type]]));
    return sized([...locals, ...f.body, 0x0b]);
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(5, vector([[0, ...unsigned(Math.ceil(memoryBytes / 65536))]])),
    ...section(7, vector(exports)),
    ...section(10, vector(bodies)),
  ]);
}

const vector = (items: Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes];
const section = (id: number, content: Code): number[] => [id, ...sized(content)];
const name = (text: string): number[] => sized([...Buffer.from(text, 'utf8')]);
