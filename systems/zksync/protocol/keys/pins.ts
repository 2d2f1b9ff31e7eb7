/** In `recursive`, which child circuits a circuit allows: their vk hashes are constants of its source, in `src/globals.nr`. */
import { join } from 'node:path';
import { toHex32 } from '../../../../proving/field.ts';
import type { CircuitName } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';

const PINS: Partial<Record<CircuitName, readonly CircuitName[]>> = {
  node_1: ['leaf_1', 'leaf_2'],
  node_2: ['leaf_1', 'leaf_2'],
  recursion_tip: ['node_1', 'node_2'],
  scheduler: ['recursion_tip'],
  compressor: ['scheduler'],
};

/** Circuits pinned by `name`. In `linked` nothing is pinned. */
export const pinsOf = (aggregation: Aggregation, name: CircuitName): readonly CircuitName[] =>
  aggregation === 'recursive' ? (PINS[name] ?? []) : [];

/** File with the pins of the circuit whose package is in `dir`. */
export const pinsPath = (dir: string): string => join(dir, 'src/globals.nr');

export function pinsSource(pins: readonly CircuitName[], hashOf: (name: CircuitName) => bigint): string {
  const lines = pins.map((name) => `pub global ${name.toUpperCase()}_KEY: Field = ${toHex32(hashOf(name))};\n`);
  return `//! Generated: vk hashes of the circuits that may be children.\n\n${lines.join('')}`;
}
