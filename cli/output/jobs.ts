/** Job counts for people: per stage how many proofs of how many, and what goes on now. */
import type { JobGroup } from '../core/types.ts';

export interface StageCount {
  name: string;
  done: number;
  /** Of what is known so far: the jobs of a stage get their rows one by one. 0: not known yet. */
  total: number;
  failed: number;
  state: 'waiting' | 'running' | 'done';
}

const WITNESS = / witness$/;
/** Its one row comes last of all; until then it is known to come. */
const LAST_STAGE = 'compression';

/** Witness jobs and proofs of a stage are one entry: what is counted is proofs, a witness job stands for one until it has its proofs. */
export function stageCounts(groups: readonly JobGroup[]): StageCount[] {
  if (groups.length === 0) return [];
  const names = [...new Set([...groups.map(({ stage }) => stage.replace(WITNESS, '')), LAST_STAGE])];
  return names.map((name, index) => {
    const proofs = sum(groups.filter(({ stage }) => stage === name));
    const witness = sum(groups.filter(({ stage }) => stage === `${name} witness`));
    // one witness job of the first stage makes many proofs; of the later ones at least one each
    const expected = index === 0 ? 0 : name === LAST_STAGE ? 1 : witness.total;
    const total = Math.max(proofs.total, expected);
    const done = total > 0 && proofs.done === total && witness.done === witness.total;
    const begun = proofs.total > 0 || witness.active > 0 || witness.done > 0;
    return {
      name,
      done: proofs.done,
      total,
      failed: proofs.failed + witness.failed,
      state: done ? 'done' : begun ? 'running' : 'waiting',
    };
  });
}

function sum(groups: readonly JobGroup[]): { done: number; active: number; failed: number; total: number } {
  const counts = { done: 0, active: 0, failed: 0, total: 0 };
  for (const { queued, waiting, inProgress, successful, failed } of groups) {
    counts.done += successful;
    counts.active += inProgress + queued;
    counts.failed += failed;
    counts.total += queued + waiting + inProgress + successful + failed;
  }
  return counts;
}

/** `basic circuits 5/10`, `scheduler: making inputs`. */
export function stageText({ name, done, total, failed }: StageCount): string {
  const count = total === 0 ? `${name}: making inputs` : `${name} ${done}/${total}`;
  return failed > 0 ? `${count} (${failed} failed)` : count;
}

/** `12/21 proofs, now basic circuits 5/10, leaf aggregation 2/4`. */
export function jobSummary(groups: readonly JobGroup[]): string {
  const stages = stageCounts(groups);
  if (stages.length === 0) return 'waiting for its jobs';
  const [first] = stages;
  const now = stages.filter(({ state }) => state === 'running').map(stageText);
  const [done, total] = totals(stages);
  // before the first stage is planned nobody knows how many there will be
  const counted = first?.total === 0 ? [] : [`${done}/${total} proofs`];
  return [...counted, ...(now.length > 0 ? [`now ${now.join(', ')}`] : [])].join(', ');
}

/** Proofs that are there, and all that are known to come. */
export const totals = (stages: readonly StageCount[]): [done: number, total: number] => [
  stages.reduce((count, { done }) => count + done, 0),
  stages.reduce((count, { total }) => count + total, 0),
];
