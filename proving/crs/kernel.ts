/** WebAssembly for batched affine additions on BN254: see `wasm/field.ts` for the field, `powers.ts` for the use. */
import {
  type Code,
  call,
  encodeModule,
  get,
  I32,
  i32,
  i32Load,
  i32Store,
  loop,
  set,
  tee,
  type WasmFunction,
  when,
} from '../wasm/assembler.ts';
import { ELEMENT_BYTES, LIMBS, lazy, locals, mul, range, strict } from '../wasm/field.ts';
import { loadModule, type WasmMemory } from '../wasm/load.ts';
import { FIELD_Q } from './curve.ts';

/** Bytes of an affine point (x, y) in the kernel's memory. */
export const POINT_BYTES = 2 * ELEMENT_BYTES;

/** Addresses in the kernel's memory; the rest is the caller's. */
export const ADDRESS = { zero: 0, one: 64, run: 128, t0: 192, t1: 256, t2: 320, t3: 384, free: 448 } as const;

const MUL = 0;
const LAZY = 1;
const STRICT = 2;

/**
 * Parameters of `forward` and `backward`. For each i < count, with digit s = digits[i]: acc[i] += sign(s)·table[|s| - 1]; nothing for s = 0.
 * empty[i] != 0 marks acc[i] as infinity. `forward` leaves the product of all differences in `run`; the caller puts its inverse there.
 */
const P = { acc: 0, empty: 1, digits: 2, table: 3, differences: 4, products: 5, count: 6 } as const;
const [I, S, T, A, D, K] = [7, 8, 9, 10, 11, 12];

/** Sets S (digit), and for a digit other than 0: T (table point), A (accumulator), D and K (difference and product slots), then `body`. */
const withItem = (body: Code): Code => [
  ...[...get(P.digits), ...get(I), ...i32(4), ...I32.mul, ...I32.add, ...i32Load(0), ...tee(S)],
  ...when([
    ...[...get(S), ...i32(0), ...I32.lt],
    ...when([...i32(0), ...get(S), ...I32.sub, ...set(T)], [...get(S), ...set(T)]),
    ...[...get(P.table), ...get(T), ...i32(1), ...I32.sub, ...i32(POINT_BYTES), ...I32.mul, ...I32.add, ...set(T)],
    ...[...get(P.acc), ...get(I), ...i32(POINT_BYTES), ...I32.mul, ...I32.add, ...set(A)],
    ...[...get(P.differences), ...get(I), ...i32(ELEMENT_BYTES), ...I32.mul, ...I32.add, ...set(D)],
    ...[...get(P.products), ...get(I), ...i32(ELEMENT_BYTES), ...I32.mul, ...I32.add, ...set(K)],
    ...body,
  ]),
];
const isEmpty: Code = [...get(P.empty), ...get(I), ...i32(4), ...I32.mul, ...I32.add, ...i32Load(0)];
const y = (point: number): Code => [...get(point), ...i32(ELEMENT_BYTES), ...I32.add];
const copy = (to: Code, from: Code): Code =>
  range(LIMBS).flatMap((i) => [...to, ...from, ...i32Load(4 * i), ...i32Store(4 * i)]);
const ZERO = i32(ADDRESS.zero);
const RUN = i32(ADDRESS.run);
const at = (name: 't0' | 't1' | 't2' | 't3'): Code => i32(ADDRESS[name]);

function forward(): WasmFunction {
  const step = [
    ...[...get(D), ...get(T), ...get(A), ...ZERO, ...call(LAZY)],
    ...copy(get(K), RUN),
    ...[...RUN, ...RUN, ...get(D), ...call(MUL)],
  ];
  return {
    name: 'forward',
    params: 7,
    locals: locals('i32', 6),
    body: loop(
      [...get(I), ...get(P.count), ...I32.lt],
      [...withItem([...isEmpty, ...I32.eqz, ...when(step)]), ...get(I), ...i32(1), ...I32.add, ...set(I)],
    ),
  };
}

function backward(): WasmFunction {
  const start = [
    ...copy(get(A), get(T)),
    ...[...get(S), ...i32(0), ...I32.lt],
    ...when([...y(A), ...ZERO, ...y(T), ...ZERO, ...call(STRICT)], copy(y(A), y(T))),
    ...[...get(P.empty), ...get(I), ...i32(4), ...I32.mul, ...I32.add, ...i32(0), ...i32Store(0)],
  ];
  const step = [
    ...[...at('t0'), ...RUN, ...get(K), ...call(MUL)], // 1 / difference
    ...[...RUN, ...RUN, ...get(D), ...call(MUL)],
    ...[...get(S), ...i32(0), ...I32.lt],
    ...when(
      [...at('t1'), ...ZERO, ...y(T), ...y(A), ...call(LAZY)],
      [...at('t1'), ...y(T), ...y(A), ...ZERO, ...call(LAZY)],
    ),
    ...[...at('t0'), ...at('t0'), ...at('t1'), ...call(MUL)], // slope
    ...[...at('t1'), ...at('t0'), ...at('t0'), ...call(MUL)],
    ...[...at('t2'), ...at('t1'), ...get(A), ...get(T), ...call(STRICT)], // new x
    ...[...at('t3'), ...get(A), ...at('t2'), ...ZERO, ...call(LAZY)],
    ...[...at('t3'), ...at('t3'), ...at('t0'), ...call(MUL)],
    ...[...y(A), ...at('t3'), ...y(A), ...ZERO, ...call(STRICT)],
    ...copy(get(A), at('t2')),
  ];
  return {
    name: 'backward',
    params: 7,
    locals: locals('i32', 6),
    body: [
      ...[...get(P.count), ...set(I)],
      ...loop(get(I), [
        ...[...get(I), ...i32(1), ...I32.sub, ...set(I)],
        ...withItem([...isEmpty, ...when(start, step)]),
      ]),
    ],
  };
}

export interface Kernel {
  memory: WasmMemory;
  mul(out: number, a: number, b: number): void;
  lazy(out: number, a: number, b: number, c: number): void;
  strict(out: number, a: number, b: number, c: number): void;
  forward: Step;
  backward: Step;
}
type Step = (
  acc: number,
  empty: number,
  digits: number,
  table: number,
  differences: number,
  products: number,
  count: number,
) => void;

/** Compiles the kernel with `bytes` of memory. */
export const loadKernel = (bytes: number): Promise<Kernel> =>
  loadModule<Kernel>(encodeModule([mul(FIELD_Q), lazy(FIELD_Q), strict(FIELD_Q), forward(), backward()], bytes));
