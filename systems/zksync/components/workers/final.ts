/** Failures that another attempt cannot mend: what the job was given is wrong, and stays so. */
import { MerklePathsError } from '../../protocol/batch/entries.ts';
import { BatchDataError } from '../../protocol/batch/log.ts';
import { TreeError } from '../../protocol/batch/tree.ts';
import { WireError } from '../../protocol/wire/plain.ts';
import { NotDevkitWitnessError } from '../../protocol/wire/vm-run-data.ts';

/** What the job was given can never do. One line: what, where. */
export class JobInputError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JobInputError';
  }
}

const FINAL = [JobInputError, WireError, NotDevkitWitnessError, BatchDataError, MerklePathsError, TreeError];

export const isFinal = (error: unknown): boolean => FINAL.some((type) => error instanceof type);
