/** A reason not to accept a final proof. Becomes part of the verdict, never leaves `checkFinalProof`. */
export class Rejection extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Rejection';
  }
}
