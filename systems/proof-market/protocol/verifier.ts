/** What the market needs from whoever knows circuits. The server's main program gives it one; tests give it others. */

/** The parts of a statement that say what a proof of it is. */
export interface StatementCircuit {
  /** Decimal. */
  key: string;
  name: string;
  /** e.g. `placeholder-zkllvm`. */
  type: string;
  /** `definition` as it was published: `{proving_key, verification_key}`. */
  definition: unknown;
}

/** `unsupported`: nobody here can tell, so the order stays as it is and nobody is punished. */
export type ProofVerdict =
  | { verdict: 'accepted' }
  | { verdict: 'rejected'; reason: string }
  | { verdict: 'unsupported'; reason: string };

export interface ProofVerifier {
  /**
   * The verdict on `proof` (hexadecimal text with `0x`) for the statement and this public input. Integers beyond 2^53 in `input` are
   * bigints. A proof that cannot be decoded is rejected. Throws only when verification itself failed; then nothing changes.
   */
  verify(job: {
    statement: StatementCircuit;
    input: unknown;
    proof: string;
    signal: AbortSignal;
  }): Promise<ProofVerdict>;
  /** Why no proof can exist for this input, e.g. a wrong shape; asked before a bid is stored. Undefined: nothing known against it. */
  inputDefect?(statement: StatementCircuit, input: unknown): string | undefined;
  /** A value that is equal (as JSON) for inputs with the same meaning; without it, inputs are the same when their JSON is. */
  canonicalInput?(statement: StatementCircuit, input: unknown): unknown;
}
