/** Looks at the job tables as lines for people: only what is news. */
import type { OrderJob } from '../../systems/proof-market/protocol/jobs.ts';
import type { JobTick } from '../core/system.ts';
import { jobSummary } from '../output/jobs.ts';

/** What ticks may have beyond the common fields. */
type AnyTick = JobTick & { batch?: number | null; orders?: readonly OrderJob[] };

/** Of each tick the lines that differ from what was said before, with the time. */
export function newsOf(): (tick: AnyTick) => string[] {
  const said = new Map<string, string>();
  return (tick) => {
    const lines = tick.orders === undefined ? [batchLine(tick)] : tick.orders.map(orderLine);
    const fresh = lines.filter(({ of, text }) => said.get(of) !== text);
    for (const { of, text } of fresh) said.set(of, text);
    return fresh.map(({ text }) => `${tick.at.slice(11, 19)} ${text}`);
  };
}

interface Line {
  /** What it is about. */
  of: string;
  text: string;
}

function batchLine({ batch, state, groups }: AnyTick): Line {
  if (batch == null) return { of: '', text: 'no batch yet: devkit tx send && devkit batch seal' };
  return { of: '', text: `batch ${batch}: ${state}${groups.length > 0 ? `, ${jobSummary(groups)}` : ''}` };
}

/** `bid 5 of requester, statement 32326, cost 2: processing, with ask 6 of producer, due 12:30:00`. */
function orderLine(order: OrderJob): Line {
  const other = order.side === 'bid' ? 'ask' : 'bid';
  const { counterpart, counterpartSender, dueOn, proofKey, generationTime, status } = order;
  const parts: string[] = [order.verifying ? 'its proof is being verified' : status];
  if (counterpart !== null && status !== 'created') {
    parts.push(`with ${other} ${counterpart} of ${counterpartSender ?? '?'}`);
  }
  if (status === 'processing' && dueOn !== null) parts.push(`due ${new Date(dueOn).toISOString().slice(11, 19)}`);
  if (proofKey !== null) parts.push(`proof ${proofKey}`);
  if (status === 'completed' && generationTime !== null) parts.push(`made in ${(generationTime * 60).toFixed(1)} s`);
  const what = `${order.side} ${order.key} of ${order.sender}, statement ${order.statementKey}, cost ${order.cost}`;
  return { of: order.key, text: `${what}: ${parts.join(', ')}` };
}
