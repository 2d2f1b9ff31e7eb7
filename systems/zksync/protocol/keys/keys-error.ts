import { Refusal } from '../../../../lib/component/refusal.ts';

/** A key folder that is absent, incomplete, damaged, or of other circuits. */
export class KeysError extends Refusal {
  constructor(message: string, options?: ErrorOptions) {
    super(`${message}; make the keys with: devkit prover setup-keys`, options);
    this.name = 'KeysError';
  }
}
