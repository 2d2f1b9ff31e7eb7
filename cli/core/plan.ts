/** A node of a plan: what it is called and what comes first. */
export interface PlanNode {
  id: string;
  needs: readonly string[];
}

/**
 * Order in which nodes can be done, each after its needs; otherwise as given.
 * Throws on an id given twice, a need that is no node, and a cycle (naming it): all are mistakes in the plan, not of the user.
 */
export function orderPlan<N extends PlanNode>(nodes: readonly N[]): N[] {
  const byId = new Map<string, N>();
  for (const node of nodes) {
    if (byId.has(node.id)) throw new Error(`plan: '${node.id}' is there twice`);
    byId.set(node.id, node);
  }
  const done = new Set<string>();
  const ordered: N[] = [];
  const visit = (node: N, path: readonly string[]): void => {
    if (done.has(node.id)) return;
    if (path.includes(node.id)) {
      throw new Error(`plan: cycle ${[...path.slice(path.indexOf(node.id)), node.id].join(' -> ')}`);
    }
    for (const need of node.needs) {
      const needed = byId.get(need);
      if (!needed) throw new Error(`plan: '${node.id}' needs '${need}', which is not part of it`);
      visit(needed, [...path, node.id]);
    }
    done.add(node.id);
    ordered.push(node);
  };
  for (const node of nodes) visit(node, []);
  return ordered;
}

/** Ids of the wanted nodes and of everything they need, directly or not. Unknown ids are left out. */
export function withNeeds(nodes: readonly PlanNode[], wanted: readonly string[]): Set<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Set<string>();
  const queue = [...wanted];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const node = byId.get(id);
    if (!node || found.has(id)) continue;
    found.add(id);
    queue.push(...node.needs);
  }
  return found;
}
