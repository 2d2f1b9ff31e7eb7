import { totalmem } from 'node:os';

/** Bytes of memory that this process may use: the machine's, or its control group's limit (a container's) if that is less. */
export function usableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
