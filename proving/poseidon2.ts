/** Poseidon2 over BN254 (width 4), the permutation of Noir's `std::hash::poseidon2_permutation`, outside circuits. */
import { fromBytes, toBytes32 } from './crs/curve.ts';

export type Poseidon2State = readonly [bigint, bigint, bigint, bigint];

/** A ready permutation. Dispose it when done: the native one owns a child process. */
export interface Poseidon2 {
  /** Inputs and outputs are canonical field elements (0 <= x < r). */
  permute(state: Poseidon2State): [bigint, bigint, bigint, bigint];
  /** `native` (bb over shared memory, about 22,000 a second) or `typescript` (about 2,000 a second). */
  readonly backend: string;
  [Symbol.dispose](): void;
}

/**
 * Opens the native back end, and without one (no binary for this platform, no shared memory) the TypeScript one, unless `backend` names one.
 * The native child ends with this process (bb watches its parent's death), does not keep it alive, and is stopped by dispose.
 */
export async function openPoseidon2(options: { backend?: 'native' | 'typescript' } = {}): Promise<Poseidon2> {
  if (options.backend === 'typescript') return openTypescript();
  try {
    return await openNative();
  } catch (error) {
    if (options.backend === 'native') throw error;
    return openTypescript();
  }
}

async function openTypescript(): Promise<Poseidon2> {
  const { permute } = await import('@zkpassport/poseidon2');
  return {
    backend: 'typescript',
    permute: (state) => permute([...state]) as [bigint, bigint, bigint, bigint],
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
      const { outputs } = api.poseidon2Permutation({ inputs: state.map(toBytes32) });
      return outputs.map(fromBytes) as [bigint, bigint, bigint, bigint];
    },
    [Symbol.dispose]: () => {
      if (open) api.destroy();
      open = false;
    },
  };
}
