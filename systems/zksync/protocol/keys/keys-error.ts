/** A key folder that is absent, incomplete, damaged, or of other circuits. */
export class KeysError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(`${message}; make the keys with: devkit prover setup-keys`, options);
    this.name = 'KeysError';
  }
}
