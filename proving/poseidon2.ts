/** Poseidon2 over BN254 (width 4), the permutation of Noir's `std::hash::poseidon2_permutation`, outside circuits. */
import { FIELD_R, fromBytes, toBytes32 } from './crs/curve.ts';

export type Poseidon2State = readonly [bigint, bigint, bigint, bigint];

/** A ready permutation. Dispose it when done. */
export interface Poseidon2 {
  /** Inputs must be canonical field elements (0 <= x < r, else RangeError); outputs are. */
  permute(state: Poseidon2State): [bigint, bigint, bigint, bigint];
  readonly backend: string;
  [Symbol.dispose](): void;
}

/**
 * Opens a library's permutation; both give the same (a test compares them with Noir).
 * - `bb` (default): Barretenberg's own, as WebAssembly in this process: 13,000 a second, 0.3 s of CPU to load. Its native back end is
 *   twice as fast, but owns a child process, and when that is killed the next call blocks this process for ever.
 * - `typescript`: @zkpassport/poseidon2: a tenth of that, nothing to load; for a few hashes, and as an independent check.
 */
export async function openPoseidon2(options: { backend?: 'bb' | 'typescript' } = {}): Promise<Poseidon2> {
  return options.backend === 'typescript' ? openTypescript() : openBarretenberg();
}

async function openBarretenberg(): Promise<Poseidon2> {
  const { BarretenbergSync, BackendType } = await import('@aztec/bb.js');
  const api = await BarretenbergSync.new({ backend: BackendType.Wasm });
  return {
    backend: 'bb',
    permute: (state) => {
      state.forEach(assertCanonical);
      const { outputs } = api.poseidon2Permutation({ inputs: state.map(toBytes32) });
      return outputs.map(fromBytes) as [bigint, bigint, bigint, bigint];
    },
    [Symbol.dispose]: () => api.destroy(),
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

function assertCanonical(value: bigint): void {
  if (value < 0n || value >= FIELD_R) throw new RangeError(`${value} is not a canonical field element`);
}
