/** Shapes that cross the border of `proving/`. Field elements (BN254 scalar field) are bigints outside, 32 bytes big-endian in files. */

/** bb flavour: `recursive` = noir-recursive-no-zk (can be verified in a circuit), `evm` = evm-no-zk (Solidity verifier). */
export type ProofTarget = 'recursive' | 'evm';

/** Compiled ACIR, the JSON that noir_wasm gives, without debug symbols and file map. */
export interface Program {
  noir_version: string;
  abi: unknown;
  /** base64 of the gzipped ACIR. */
  bytecode: string;
}

export interface VerificationKey {
  target: ProofTarget;
  /** 3,680 bytes (recursive) or 1,888 bytes (evm). */
  bytes: Uint8Array;
  /** bb's hash of the key, a field element (keccak-based 256-bit value for `evm`). */
  hash: bigint;
}

export interface Proof {
  /** As bb writes it, without public inputs; 13,120 bytes for `recursive`. */
  bytes: Uint8Array;
  publicInputs: bigint[];
}

/** A structured reference string on disk, ready to use by `bb -c <dir>`. */
export interface Crs {
  kind: 'dev' | 'ignition' | 'folder';
  /** Names the SRS itself, not its size: keys made with equal ids are equal. E.g. `dev-1`, `ignition`, `folder-<hash>`. */
  id: string;
  dir: string;
  /** Number of G1 points available in `dir`. */
  points: number;
  /** [tau]_2, 128 bytes x.c0 x.c1 y.c0 y.c1 big-endian. */
  g2: Uint8Array;
}

/** Values for a Noir `main`: noir_js input map. */
export type CircuitInputs = Record<string, unknown>;
