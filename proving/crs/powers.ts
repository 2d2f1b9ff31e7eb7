/** Points tau^i·G for a range of i: fixed-base windows with signed digits, additions batched over many points. */

import { ELEMENT_BYTES, fromLimbs, invertMontgomery, LIMB_BITS, LIMBS, limbsOf, toMontgomery } from '../wasm/field.ts';
import { addG1, FIELD_Q, FIELD_R, type G1, G1_GENERATOR, power } from './curve.ts';
import { ADDRESS, type Kernel, loadKernel, POINT_BYTES } from './kernel.ts';

/** Points that share one field inversion. */
export const BATCH = 2048;
const SCALAR_BITS = 254;

export interface PowersJob {
  tau: bigint;
  /** Bits of a window; see `windowBits`. */
  bits: number;
}

/** Writes `count` (at most BATCH) points tau^from·G … as 64 bytes x y each into `out` at `offset`. */
export type Powers = (from: number, count: number, out: Uint8Array, offset: number) => void;

/** The window size with the fewest additions for `points` points in one thread: a table entry costs as much as an addition. */
export function windowBits(points: number): number {
  const cost = (bits: number) => windows(bits) * (points + 2 ** (bits - 1));
  return [8, 9, 10, 11, 12, 13, 14, 15].reduce((best, bits) => (cost(bits) < cost(best) ? bits : best));
}

/** One bit more than the scalar has, so the last signed digit cannot carry out. */
const windows = (bits: number): number => Math.ceil((SCALAR_BITS + 1) / bits);

/** Memory of the kernel, and what lies where. */
interface Space {
  kernel: Kernel;
  words: Uint32Array;
  bits: number;
  acc: number;
  empty: number;
  digits: number;
  differences: number;
  products: number;
  table: number;
}

/** Compiles the kernel and fills the table of k·2^(bits·w)·G for 1 <= k <= 2^(bits-1) and every window w. */
export async function openPowers(job: PowersJob): Promise<Powers> {
  const space = await allocate(job.bits);
  fillTable(space);
  return (from, count, out, offset) => {
    if (count > BATCH) throw new RangeError(`at most ${BATCH} points at once`);
    const empty = space.words.subarray(space.empty / 4, space.empty / 4 + count);
    empty.fill(1);
    writeDigits(space, job.tau, from, count);
    for (let w = 0; w < windows(job.bits); w++) {
      const digits = space.digits + 4 * BATCH * w;
      addAll(space, { acc: space.acc, digits, table: tableOf(space, w), count });
    }
    if (empty.includes(1)) throw new Error('a power of tau is 0');
    writePoints(space, count, out, offset);
  };
}

const tableOf = (space: Space, w: number): number => space.table + w * 2 ** (space.bits - 1) * POINT_BYTES;

async function allocate(bits: number): Promise<Space> {
  let next: number = ADDRESS.free;
  const take = (bytes: number): number => {
    const start = next;
    next += bytes;
    return start;
  };
  const addresses = {
    acc: take(BATCH * POINT_BYTES),
    empty: take(BATCH * 4),
    digits: take(windows(bits) * BATCH * 4),
    differences: take(BATCH * ELEMENT_BYTES),
    products: take(BATCH * ELEMENT_BYTES),
    table: take(windows(bits) * 2 ** (bits - 1) * POINT_BYTES),
  };
  const kernel = await loadKernel(next);
  const space: Space = { kernel, words: new Uint32Array(kernel.memory.buffer), bits, ...addresses };
  put(space, ADDRESS.zero, 0n);
  put(space, ADDRESS.one, 1n);
  return space;
}

function put(space: Space, address: number, value: bigint): void {
  space.words.set(limbsOf(value), address / 4);
}

const putPoint = (space: Space, address: number, p: G1): void => {
  if (p === undefined) throw new Error('the point at infinity has no place in a table');
  put(space, address, toMontgomery(p[0], FIELD_Q));
  put(space, address + ELEMENT_BYTES, toMontgomery(p[1], FIELD_Q));
};

/** acc[i] += digit[i]·table for all i, with one inversion. */
function addAll(space: Space, on: { acc: number; digits: number; table: number; count: number }): void {
  const { kernel, words, empty, differences, products } = space;
  put(space, ADDRESS.run, toMontgomery(1n, FIELD_Q));
  kernel.forward(on.acc, empty, on.digits, on.table, differences, products, on.count);
  const product = fromLimbs(words.subarray(ADDRESS.run / 4, ADDRESS.run / 4 + LIMBS)) % FIELD_Q;
  put(space, ADDRESS.run, invertMontgomery(product, FIELD_Q));
  kernel.backward(on.acc, empty, on.digits, on.table, differences, products, on.count);
}

/** Entry k of a window is entry k - 2^j plus entry 2^j, the powers of two by doubling outside. */
function fillTable(space: Space): void {
  const ones = space.words.subarray(space.digits / 4, space.digits / 4 + BATCH);
  ones.fill(1);
  space.words.fill(0, space.empty / 4, space.empty / 4 + BATCH);
  let base: G1 = G1_GENERATOR;
  for (let w = 0; w < windows(space.bits); w++) {
    const entry = (k: number): number => tableOf(space, w) + (k - 1) * POINT_BYTES;
    for (let j = 0; j < space.bits; j++, base = addG1(base, base)) {
      const top = 2 ** j;
      putPoint(space, entry(top), base);
      if (j === space.bits - 1) continue;
      space.words.copyWithin(entry(top + 1) / 4, entry(1) / 4, entry(top) / 4);
      for (let k = 1; k < top; k += BATCH) {
        const count = Math.min(BATCH, top - k);
        addAll(space, { acc: entry(top + k), digits: space.digits, table: entry(top), count });
      }
    }
  }
}

/** Signed digits of tau^from, tau^(from+1), …, window by window. */
function writeDigits(space: Space, tau: bigint, from: number, count: number): void {
  const { bits, words, digits } = space;
  const [size, half, total] = [2 ** bits, 2 ** (bits - 1), windows(bits)];
  const wide = new BigUint64Array(5);
  const parts = new Uint32Array(wide.buffer);
  let scalar = power(tau, BigInt(from), FIELD_R);
  for (let i = 0; i < count; i++) {
    wide[0] = scalar;
    wide[1] = scalar >> 64n;
    wide[2] = scalar >> 128n;
    wide[3] = scalar >> 192n;
    let carry = 0;
    for (let w = 0; w < total; w++) {
      const [word, shift] = [(bits * w) >>> 5, (bits * w) & 31];
      const high = shift + bits > 32 ? parts[word + 1]! << (32 - shift) : 0;
      let digit = (((parts[word]! >>> shift) | high) & (size - 1)) + carry;
      carry = digit > half ? 1 : 0;
      digit -= carry * size;
      words[digits / 4 + BATCH * w + i] = digit;
    }
    scalar = (scalar * tau) % FIELD_R;
  }
}

/** Leaves Montgomery form and writes big-endian bytes. */
function writePoints(space: Space, count: number, out: Uint8Array, offset: number): void {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const { kernel, words } = space;
  for (let i = 0; i < 2 * count; i++) {
    const address = space.acc + i * ELEMENT_BYTES;
    kernel.mul(address, address, ADDRESS.one); // below q, as the element is not 0
    for (let word = 0; word < 8; word++) {
      const limb = Math.floor((32 * word) / LIMB_BITS);
      const skip = 32 * word - limb * LIMB_BITS;
      const [low, high] = [words[address / 4 + limb]!, words[address / 4 + limb + 1] ?? 0];
      const rest = skip > 2 * LIMB_BITS - 32 ? words[address / 4 + limb + 2]! << (2 * LIMB_BITS - skip) : 0;
      view.setInt32(offset + 32 * i + 28 - 4 * word, (low >>> skip) | (high << (LIMB_BITS - skip)) | rest);
    }
  }
}
