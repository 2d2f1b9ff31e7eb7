/** `linked`: do the listed proofs, by position and with local key hashes, add up to the compressor's `links`? */
import { foldLinks } from '../batch/aggregation.ts';
import { type BatchValues, batchHash, outHash } from '../batch/batch-values.ts';
import type { Hasher } from '../batch/hash.ts';
import { arityOf, BASE_CIRCUIT_LIST, type CircuitName } from '../circuits.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import type { BundledProof } from './bundle.ts';
import { Rejection } from './rejection.ts';

interface Node {
  /** Position in the file, for texts. */
  index: number;
  circuit: CircuitName;
  publicInputs: bigint[];
  children: Node[];
}

interface Context {
  circuitSet: CircuitSet;
  hasher: Hasher;
}

/** @throws Rejection naming the first proof that does not fit */
export function checkLinks(proofs: readonly BundledProof[], batch: BatchValues, context: Context): void {
  const compressor = treeOf(proofs);
  const { hasher, circuitSet } = context;
  const scheduler = onlyChild(compressor, 'scheduler');
  const tip = onlyChild(scheduler, 'recursion_tip');
  const kinds = tip.children;
  if (kinds.length !== BASE_CIRCUIT_LIST.length) throw wrong(tip, `has ${kinds.length} children instead of 4`);

  for (const proof of [scheduler, tip]) {
    if (proof.publicInputs[0] !== compressor.publicInputs[10]) throw wrong(proof, 'has another keyset');
  }
  if (scheduler.publicInputs[1] !== batchHash(hasher, batch)) throw wrong(scheduler, 'is of another batch');
  if (tip.publicInputs[1] !== outHash(hasher, batch)) throw wrong(tip, 'is of another batch');
  checkFold(compressor, 11, context);
  checkFold(scheduler, 2, context);
  checkFold(tip, 2, context);
  for (const [i, kind] of kinds.entries()) {
    const name = BASE_CIRCUIT_LIST[i]!;
    if (kind.circuit !== 'node') throw wrong(kind, `stands where the node of ${name} belongs`);
    checkSpan(kind, name, circuitSet.circuit(name).key.hash, context);
  }
}

/** Turns the flat list with child counts into a tree; every proof must have its place. */
function treeOf(proofs: readonly BundledProof[]): Node {
  let at = 0;
  const take = (depth: number): Node => {
    const proof = proofs[at];
    if (proof === undefined) throw new Rejection('proofs are missing at the end');
    const { circuit, publicInputs, children: count } = proof;
    const index = at++;
    const limits = childLimits(circuit);
    if (count < limits[0] || count > limits[1] || depth > 32) {
      throw new Rejection(`proof ${index} (${circuit}) has ${count} children`);
    }
    return { index, circuit, publicInputs, children: Array.from({ length: count }, () => take(depth + 1)) };
  };
  const root = take(0);
  if (at !== proofs.length) throw new Rejection(`${proofs.length - at} proofs too many at the end`);
  return root;
}

function childLimits(circuit: CircuitName): [min: number, max: number] {
  if (circuit === 'leaf' || circuit === 'node') return [1, arityOf('linked')];
  if (circuit === 'recursion_tip') return [4, 4];
  return circuit === 'compressor' || circuit === 'scheduler' ? [1, 1] : [0, 0];
}

function onlyChild(parent: Node, circuit: CircuitName): Node {
  const child = parent.children[0]!;
  if (child.circuit !== circuit) throw wrong(child, `stands where the ${circuit} proof belongs`);
  return child;
}

/** Public input number `input` must be the fold over the children. */
function checkFold(parent: Node, input: number, { hasher, circuitSet }: Context): void {
  if (parent.publicInputs[input] !== foldLinks(hasher, circuitSet, parent.children)) {
    throw wrong(parent, 'is not linked to the proofs listed below it');
  }
}

/** A leaf or node, and everything below it, of the kind whose base circuit is `name`. */
function checkSpan(parent: Node, name: CircuitName, key: bigint, context: Context): void {
  const [ownKey, nodeKey, start, end] = parent.publicInputs;
  if (ownKey !== key) throw wrong(parent, `is not of kind ${name}`);
  if (nodeKey !== context.circuitSet.nodeKey) throw wrong(parent, 'names another node circuit');
  const below = parent.children[0]!.circuit;
  const allowed = parent.circuit === 'leaf' ? [name] : ['leaf', 'node'];
  let at = start;
  for (const child of parent.children) {
    if (child.circuit !== below || !allowed.includes(child.circuit))
      throw wrong(child, `is a wrong child of a ${parent.circuit}`);
    const [from, to] = child.circuit === name ? child.publicInputs : child.publicInputs.slice(2, 4);
    if (from !== at) throw wrong(child, 'does not start where the one before it ends');
    at = to;
    if (child.circuit !== name) checkSpan(child, name, key, context);
  }
  if (at !== end) throw wrong(parent, 'spans more than its children');
  checkFold(parent, 4, context);
}

const wrong = (proof: Node, what: string): Rejection =>
  new Rejection(`proof ${proof.index} (${proof.circuit}) ${what}`);
