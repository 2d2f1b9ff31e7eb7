/** The circuits of the reference system: names, folders, flavours, and which serve which round. */
import type { ProofTarget } from '../../../proving/types.ts';
import type { Aggregation } from './ids.ts';

export const BASE_CIRCUIT_LIST = ['vm', 'storage_filter', 'storage_applicator', 'l1_messages_hasher'] as const;
export const LINKED_CIRCUITS = ['leaf', 'node', 'recursion_tip', 'scheduler', 'compressor'] as const;
/** In the order in which keys must be made: each level pins the hashes of the one below. */
export const RECURSIVE_CIRCUITS = [
  'leaf_1',
  'leaf_2',
  'node_1',
  'node_2',
  'recursion_tip',
  'scheduler',
  'compressor',
] as const;

export type CircuitName =
  | (typeof BASE_CIRCUIT_LIST)[number]
  | (typeof LINKED_CIRCUITS)[number]
  | (typeof RECURSIVE_CIRCUITS)[number];

/** Circuits above the base ones, in key order. */
export const upperCircuits = (aggregation: Aggregation): readonly CircuitName[] =>
  aggregation === 'linked' ? LINKED_CIRCUITS : RECURSIVE_CIRCUITS;

export const circuitNames = (aggregation: Aggregation): CircuitName[] => [
  ...BASE_CIRCUIT_LIST,
  ...upperCircuits(aggregation),
];

export const isBaseCircuit = (name: CircuitName): boolean => (BASE_CIRCUIT_LIST as readonly string[]).includes(name);

/** Only the compressor's proof goes to L1. */
export const targetOf = (name: CircuitName): ProofTarget => (name === 'compressor' ? 'evm' : 'recursive');

/** Children of one leaf or node at most. */
export const arityOf = (aggregation: Aggregation): number => (aggregation === 'linked' ? 8 : 2);

/** Leaves over `children` base proofs, or nodes over `children` proofs of the level below. */
export const parentsOf = (children: number, aggregation: Aggregation): number =>
  Math.ceil(children / arityOf(aggregation));

/** Program of a leaf or node with `children` children. */
export function aggregationCircuit(level: 'leaf' | 'node', children: number, aggregation: Aggregation): CircuitName {
  if (children < 1 || children > arityOf(aggregation)) {
    throw new RangeError(`a ${level} has 1 to ${arityOf(aggregation)} children, not ${children}`);
  }
  return aggregation === 'linked' ? level : `${level}_${children as 1 | 2}`;
}

/** Number of public inputs. */
export function publicInputCount(name: CircuitName): number {
  if (isBaseCircuit(name)) return 2;
  if (name === 'recursion_tip' || name === 'scheduler') return 3;
  return name === 'compressor' ? 12 : 5;
}

/** G1 points needed to prove with given keys (largest circuit), and to make the keys. */
export const CRS_POINTS = {
  linked: { prove: 65_536, keys: 65_536 },
  recursive: { prove: 3_000_000, keys: 4_194_305 },
} as const;
