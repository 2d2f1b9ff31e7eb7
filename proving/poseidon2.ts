/** Poseidon2 over BN254 (width 4), the permutation of Noir's `std::hash::poseidon2_permutation`, outside circuits. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FIELD_R, fromBytes, toBytes32 } from './crs/curve.ts';
import { ADDRESS, loadPoseidon2, type Poseidon2Constants } from './poseidon2/kernel.ts';
import { ELEMENT_BYTES, LIMB_BITS, LIMBS } from './wasm/field.ts';

export type Poseidon2State = readonly [bigint, bigint, bigint, bigint];

/** A ready permutation. Dispose it when done: the native one owns a child process. */
export interface Poseidon2 {
  /** Inputs must be canonical field elements (0 <= x < r, else RangeError); outputs are. */
  permute(state: Poseidon2State): [bigint, bigint, bigint, bigint];
  readonly backend: string;
  [Symbol.dispose](): void;
}

/**
 * Opens a back end; all give the same permutation (a test compares them with Noir).
 * - `wasm` (default): own code in this process with the constants of @zkpassport/poseidon2.
 * - `typescript`: that library, ten times slower; an independent check, and the fallback where WebAssembly is off.
 * - `native`: bb over shared memory. As fast, but it owns a child process: when that is killed (out of memory), the next call
 *   waits for ever and blocks this process, so it is for measurements only.
 */
export async function openPoseidon2(options: { backend?: 'wasm' | 'native' | 'typescript' } = {}): Promise<Poseidon2> {
  if (options.backend === 'typescript') return openTypescript();
  if (options.backend === 'native') return openNative();
  return openWasm();
}

async function openWasm(): Promise<Poseidon2> {
  const kernel = await loadPoseidon2(await libraryConstants());
  const words = new Uint32Array(kernel.memory.buffer);
  const address = (i: number) => ADDRESS.state + i * ELEMENT_BYTES;
  return {
    backend: 'wasm',
    permute: (state) => {
      state.forEach((value, i) => {
        assertCanonical(value);
        writeLimbs(words, address(i) / 4, value);
        kernel.mul(address(i), address(i), ADDRESS.toMontgomery);
      });
      kernel.permute();
      return state.map((_, i) => {
        kernel.mul(address(i), address(i), ADDRESS.one);
        const value = readLimbs(words, address(i) / 4);
        return value >= FIELD_R ? value - FIELD_R : value;
      }) as [bigint, bigint, bigint, bigint];
    },
    [Symbol.dispose]: () => {},
  };
}

async function openTypescript(): Promise<Poseidon2> {
  const { permute } = await import('@zkpassport/poseidon2');
  return {
    backend: 'typescript',
    permute: (state) => {
      state.forEach(assertCanonical);
      return permute([...state]) as [bigint, bigint, bigint, bigint];
    },
    [Symbol.dispose]: () => {},
  };
}

async function openNative(): Promise<Poseidon2> {
  const { BarretenbergSync, BackendType } = await import('@aztec/bb.js');
  const api = await BarretenbergSync.new({ backend: BackendType.NativeSharedMemory, threads: 1 });
  let open = true;
  return {
    backend: 'native',
    permute: (state) => {
      if (!open) throw new Error('this Poseidon2 was disposed');
      state.forEach(assertCanonical);
      const { outputs } = api.poseidon2Permutation({ inputs: state.map(toBytes32) });
      return outputs.map(fromBytes) as [bigint, bigint, bigint, bigint];
    },
    [Symbol.dispose]: () => {
      if (open) api.destroy();
      open = false;
    },
  };
}

function assertCanonical(value: bigint): void {
  if (value < 0n || value >= FIELD_R) throw new RangeError(`${value} is not a canonical field element`);
}

/** The library exports only its permutation; the constants are in a file of their own beside it (the version is pinned). */
async function libraryConstants(): Promise<Poseidon2Constants> {
  const main = createRequire(import.meta.url).resolve('@zkpassport/poseidon2'); // <package>/dist/cjs/index.cjs
  const path = join(dirname(dirname(main)), 'esm', 'bn254', 'constants.js');
  const { RC4, MAT_DIAG4_M_1 } = (await import(pathToFileURL(path).href)) as {
    RC4: bigint[][];
    MAT_DIAG4_M_1: bigint[];
  };
  return { roundConstants: RC4, diagonal: MAT_DIAG4_M_1 };
}

const LOW = (1n << 58n) - 1n;

/** Two limbs at a time, in as few BigInt operations as possible: this is a good part of a permutation's time. */
function writeLimbs(words: Uint32Array, at: number, value: bigint): void {
  let rest = value;
  for (let limb = 0; limb < LIMBS; limb += 2, rest >>= 58n) {
    const pair = Number(rest & LOW & 0x1fffffffn);
    words[at + limb] = pair;
    if (limb + 1 < LIMBS) words[at + limb + 1] = Number((rest & LOW) >> BigInt(LIMB_BITS));
  }
}

function readLimbs(words: Uint32Array, at: number): bigint {
  let value = BigInt(words[at + LIMBS - 1]!);
  for (let limb = LIMBS - 2; limb >= 0; limb--) value = (value << BigInt(LIMB_BITS)) | BigInt(words[at + limb]!);
  return value;
}
