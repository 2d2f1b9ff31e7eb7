/** Rounds 1 and 2: leaves over base proofs, nodes over leaves and nodes. The rounds above are in `aggregation-top.ts`. */
import { aggregationCircuit, arityOf } from '../circuits.ts';
import { BASE_CIRCUITS, type BaseCircuitId } from '../ids.ts';
import type { CircuitSet } from '../keys/circuit-set.ts';
import { AggregationError, type AggregationPlan, type ChildProof, foldLinks, verification, words } from './children.ts';
import { fill } from './chunk.ts';
import { fieldHex, type Hasher } from './hash.ts';

export { planCompressor, planScheduler, planTip } from './aggregation-top.ts';
export { AggregationError, type AggregationPlan, type BatchName, type ChildProof, foldLinks } from './children.ts';

/** Leaves over all base proofs of one kind, in sequence order. */
export function planLeaves(
  hasher: Hasher,
  set: CircuitSet,
  circuitId: BaseCircuitId,
  children: readonly ChildProof[],
): AggregationPlan[] {
  const name = BASE_CIRCUITS[circuitId];
  for (const child of children) {
    if (child.circuit !== name) throw new AggregationError(`a ${child.circuit} proof among the ${name} proofs`);
  }
  const { key } = set.circuit(name);
  return groups(children, arityOf(set.aggregation)).map(({ indexes, members }) => {
    const spans = members.map(({ publicInputs: [start, end] }) => ({ start: start!, end: end! }));
    const publicInputs = [key.hash, set.nodeKey, ...spanOf(spans, name), foldLinks(hasher, set, members)];
    const own =
      set.aggregation === 'linked'
        ? { ...paddedSpans(spans), count: spans.length }
        : {
            starts: spans.map((span) => fieldHex(span.start)),
            ends: spans.map((span) => fieldHex(span.end)),
            vk: words(key.bytes),
            proofs: members.map((member) => words(member.proof)),
          };
    const circuit = aggregationCircuit('leaf', members.length, set.aggregation);
    return { name: circuit, inputs: { ...spanInputs(publicInputs), ...own }, children: indexes, publicInputs };
  });
}

/** Nodes over all leaves, or all nodes of one depth, of one kind. Repeated until one is left; one node always runs. */
export function planNodes(hasher: Hasher, set: CircuitSet, children: readonly ChildProof[]): AggregationPlan[] {
  const level = children[0]?.circuit.startsWith('node') ? 'node' : 'leaf';
  const key = children[0]?.publicInputs[0];
  for (const child of children) {
    if (!child.circuit.startsWith(level)) throw new AggregationError(`a ${child.circuit} proof among ${level} proofs`);
    if (child.publicInputs[0] !== key) throw new AggregationError(`${level} proofs of different kinds under one node`);
  }
  return groups(children, arityOf(set.aggregation)).map(({ indexes, members }) => {
    const spans = members.map(({ publicInputs }) => ({ start: publicInputs[2]!, end: publicInputs[3]! }));
    const publicInputs = [key!, set.nodeKey, ...spanOf(spans, level), foldLinks(hasher, set, members)];
    const links = members.map((member) => fieldHex(member.publicInputs[4]!));
    const own =
      set.aggregation === 'linked'
        ? {
            ...paddedSpans(spans),
            child_links: fill(links, arityOf('linked'), fieldHex(0n)),
            circuit: fieldHex(set.circuit(members[0]!.circuit).key.hash),
            count: spans.length,
          }
        : {
            starts: spans.map((span) => fieldHex(span.start)),
            ends: spans.map((span) => fieldHex(span.end)),
            child_links: links,
            over_nodes: level === 'node',
            nodes: [fieldHex(set.circuit('node_1').key.hash), fieldHex(set.circuit('node_2').key.hash)],
            ...verification(set, members),
          };
    const circuit = aggregationCircuit('node', members.length, set.aggregation);
    return { name: circuit, inputs: { ...spanInputs(publicInputs), ...own }, children: indexes, publicInputs };
  });
}

function groups<T>(items: readonly T[], size: number): { indexes: number[]; members: T[] }[] {
  if (items.length === 0) throw new AggregationError('no proofs to aggregate');
  return Array.from({ length: Math.ceil(items.length / size) }, (_, group) => {
    const members = items.slice(group * size, (group + 1) * size);
    return { members, indexes: members.map((_, index) => group * size + index) };
  });
}

interface Span {
  start: bigint;
  end: bigint;
}

function spanOf(spans: readonly Span[], what: string): [bigint, bigint] {
  for (const [i, span] of spans.entries()) {
    const next = spans[i + 1];
    if (next !== undefined && next.start !== span.end) {
      throw new AggregationError(`${what} proof ${i + 1} does not start where proof ${i} ends`);
    }
  }
  return [spans[0]!.start, spans.at(-1)!.end];
}

const spanInputs = ([key, nodeKey, start, end, links]: bigint[]) => ({
  key: fieldHex(key!),
  node_key: fieldHex(nodeKey!),
  start: fieldHex(start!),
  end: fieldHex(end!),
  links: fieldHex(links!),
});

const paddedSpans = (spans: readonly Span[]) => ({
  starts: fill(
    spans.map((span) => fieldHex(span.start)),
    arityOf('linked'),
    fieldHex(0n),
  ),
  ends: fill(
    spans.map((span) => fieldHex(span.end)),
    arityOf('linked'),
    fieldHex(0n),
  ),
});
