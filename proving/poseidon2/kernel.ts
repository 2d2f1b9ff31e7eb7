/** The Poseidon2 permutation of width 4 (x^5, 4 + 56 + 4 rounds) in WebAssembly, in this process: no child, nothing to wait for. */
import { FIELD_R } from '../crs/curve.ts';
import {
  type Code,
  call,
  encodeModule,
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
  type WasmFunction,
} from '../wasm/assembler.ts';
import { ELEMENT_BYTES, LIMB_BITS, LIMBS, limbsOf, locals, mul, range, strict, toMontgomery } from '../wasm/field.ts';
import { loadModule, type WasmMemory } from '../wasm/load.ts';

export interface Poseidon2Constants {
  /** 64 rounds of 4; in the 56 inner rounds only the first counts. */
  roundConstants: readonly (readonly bigint[])[];
  /** Diagonal of the inner matrix, less 1. */
  diagonal: readonly bigint[];
}

export interface Poseidon2Kernel {
  memory: WasmMemory;
  mul(out: number, a: number, b: number): void;
  /** The state at ADDRESS.state, in Montgomery form. */
  permute(): void;
}

const WIDTH = 4;
const OUTER_ROUNDS = 4;
const INNER_ROUNDS = 56;
const ROUNDS = 2 * OUTER_ROUNDS + INNER_ROUNDS;

const slot = (n: number): number => n * ELEMENT_BYTES;
export const ADDRESS = {
  zero: 0,
  one: slot(1),
  toMontgomery: slot(2),
  temp: slot(3),
  sum: slot(4),
  state: slot(5),
} as const;
const DIAGONAL = ADDRESS.state + slot(WIDTH);
const CONSTANTS = DIAGONAL + slot(WIDTH);
const END = CONSTANTS + slot(WIDTH * ROUNDS);

const [MUL, STRICT, ADD, EXTERNAL, SUM] = [0, 1, 2, 3, 4];
const word = (i: number): number => ADDRESS.state + slot(i);

/** add(out, a, b): out = a + b, not reduced. */
function add(): WasmFunction {
  const carry = 3;
  const body = range(LIMBS).flatMap((i) => [
    ...[
      ...get(1),
      ...i32Load(4 * i),
      ...get(2),
      ...i32Load(4 * i),
      ...I32.add,
      ...get(carry),
      ...I32.add,
      ...set(carry),
    ],
    ...(i === LIMBS - 1
      ? [...get(0), ...get(carry), ...i32Store(4 * i)]
      : [
          ...[...get(0), ...get(carry), ...i32(2 ** LIMB_BITS - 1), ...I32.and, ...i32Store(4 * i)],
          ...[...get(carry), ...i32(LIMB_BITS), ...I32.shr, ...set(carry)],
        ]),
  ]);
  return { name: 'add', params: 3, locals: locals('i32', 1), body };
}

/** Writes limb i of the element at `address` from the 64-bit value on the stack plus `carry`; the rest goes to `carry`. */
const storeLimb = (i: number, address: number, carry: number): Code => [
  ...[...get(carry), ...I64.add, ...set(carry), ...i32(address)],
  ...(i === LIMBS - 1
    ? [...get(carry), ...i64Store32(4 * i)]
    : [
        ...[...get(carry), ...i64(2 ** LIMB_BITS - 1), ...I64.and, ...i64Store32(4 * i)],
        ...[...get(carry), ...i64(LIMB_BITS), ...I64.shrU, ...set(carry)],
      ]),
];

/** external(): state = M·state, M = [5 7 1 3; 4 6 1 1; 1 3 5 7; 1 1 4 6], limb by limb; grows values up to 16 times. */
function external(): WasmFunction {
  const matrix = [
    [5, 7, 1, 3],
    [4, 6, 1, 1],
    [1, 3, 5, 7],
    [1, 1, 4, 6],
  ];
  const [input, carry] = [0, WIDTH];
  const body = range(LIMBS).flatMap((i) => [
    ...range(WIDTH).flatMap((j) => [...i32(word(j)), ...i64Load32(4 * i), ...set(input + j)]),
    ...matrix.flatMap((row, r) => [
      ...row.flatMap((factor, j) => [...[...get(input + j), ...i64(factor), ...I64.mul], ...(j === 0 ? [] : I64.add)]),
      ...storeLimb(i, word(r), carry + r),
    ]),
  ]);
  return { name: 'external', params: 0, locals: locals('i64', WIDTH + WIDTH), body };
}

/** sum(): the sum of the state's words, reduced, at ADDRESS.sum. */
function sum(): WasmFunction {
  const carry = 0;
  const body = range(LIMBS).flatMap((i) => [
    ...range(WIDTH).flatMap((j) => [...i32(word(j)), ...i64Load32(4 * i), ...(j === 0 ? [] : I64.add)]),
    ...storeLimb(i, ADDRESS.sum, carry),
  ]);
  const reduce = [
    ...i32(ADDRESS.sum),
    ...i32(ADDRESS.sum),
    ...i32(ADDRESS.zero),
    ...i32(ADDRESS.zero),
    ...call(STRICT),
  ];
  return { name: 'sum', params: 0, locals: locals('i64', 1), body: [...body, ...reduce] };
}

const multiply = (out: number, a: number, b: number): Code => [...i32(out), ...i32(a), ...i32(b), ...call(MUL)];
const plus = (out: number, a: number, b: number): Code => [...i32(out), ...i32(a), ...i32(b), ...call(ADD)];

/** Adds the round constant and takes the fifth power. Below 22r in, below 2r out: see the bound in `wasm/field.ts`. */
const sbox = (round: number, i: number): Code => [
  ...plus(word(i), word(i), CONSTANTS + slot(WIDTH * round + i)),
  ...multiply(ADDRESS.temp, word(i), word(i)),
  ...multiply(ADDRESS.temp, ADDRESS.temp, ADDRESS.temp),
  ...multiply(word(i), ADDRESS.temp, word(i)),
];

function permute(): WasmFunction {
  const outer = (round: number): Code => [...range(WIDTH).flatMap((i) => sbox(round, i)), ...call(EXTERNAL)];
  const inner = (round: number): Code => [
    ...sbox(round, 0),
    ...call(SUM),
    ...range(WIDTH).flatMap((i) => [
      ...multiply(word(i), word(i), DIAGONAL + slot(i)),
      ...plus(word(i), word(i), ADDRESS.sum),
    ]),
  ];
  const isOuter = (round: number) => round < OUTER_ROUNDS || round >= ROUNDS - OUTER_ROUNDS;
  const rounds = range(ROUNDS).flatMap((round) => (isOuter(round) ? outer(round) : inner(round)));
  return { name: 'permute', params: 0, locals: [], body: [...call(EXTERNAL), ...rounds] };
}

/** Compiles the kernel and puts the constants into its memory. */
export async function loadPoseidon2(constants: Poseidon2Constants): Promise<Poseidon2Kernel> {
  const { roundConstants, diagonal } = constants;
  if (roundConstants.length !== ROUNDS || diagonal.length !== WIDTH) throw new Error('not the constants of width 4');
  const module = encodeModule([mul(FIELD_R), strict(FIELD_R), add(), external(), sum(), permute()], END);
  const kernel = await loadModule<Poseidon2Kernel>(module);
  const words = new Uint32Array(kernel.memory.buffer);
  const put = (address: number, value: bigint) => words.set(limbsOf(value), address / 4);
  put(ADDRESS.one, 1n);
  put(ADDRESS.toMontgomery, toMontgomery(toMontgomery(1n, FIELD_R), FIELD_R));
  diagonal.forEach((value, i) => {
    put(DIAGONAL + slot(i), toMontgomery(value, FIELD_R));
  });
  roundConstants.forEach((round, r) => {
    round.forEach((value, i) => {
      put(CONSTANTS + slot(WIDTH * r + i), toMontgomery(value, FIELD_R));
    });
  });
  return kernel;
}
