/** What a plan of one kind of base circuit consists of, and the sizes compiled into the circuits. */
import type { CircuitInputs } from '../../../../proving/types.ts';

/** Slots of the base circuits; constants of `circuits/base/<name>/src/main.nr`. */
export const CHUNK_SIZE = {
  vmRecords: 64,
  vmMessages: 8,
  filterRecords: 48,
  applicatorOps: 14,
  messageSlots: 7,
} as const;

/** One instance of a base circuit; `start` and `end` are its public inputs. */
export interface Chunk {
  inputs: CircuitInputs;
  start: bigint;
  end: bigint;
}

/** Part `number` of `items` cut into parts of `size`. */
export const part = <T>(items: readonly T[], size: number, number: number): T[] =>
  items.slice(number * size, (number + 1) * size);

/** `items` with `filler` up to `size`. */
export const fill = <T>(items: readonly T[], size: number, filler: T): T[] => [
  ...items,
  ...new Array<T>(size - items.length).fill(filler),
];

/** Parts needed for `count` items; a batch has at least one instance of every kind. */
export const partsOf = (count: number, size: number): number => Math.max(1, Math.ceil(count / size));
