import { DevkitError } from '../core/errors.ts';
import type { ManagedRuntime } from '../runtimes/runtime.ts';

export interface LogLine {
  component: string;
  line: string;
}

export interface LogsOptions {
  runtime: ManagedRuntime;
  /** Which components; none: all that were started. */
  components: readonly string[];
  follow: boolean;
  /** Last lines of each; default all. */
  tail?: number;
  signal: AbortSignal;
}

/**
 * Log lines of one or more components. Past lines come in order of the times in them; with `follow`, new lines as they are written,
 * until aborted. @throws DevkitError NOT_FOUND for a component that was never started.
 */
export async function* devnetLogs(options: LogsOptions): AsyncGenerator<LogLine> {
  const { runtime, follow, signal } = options;
  const known = (await runtime.list()).map((status) => status.id);
  const unknown = options.components.find((id) => !known.includes(id));
  if (unknown !== undefined) {
    throw new DevkitError('NOT_FOUND', `no component '${unknown}' was started in this devnet`, {
      hint: known.length === 0 ? 'devkit up' : `there are: ${known.join(', ')}`,
    });
  }
  const components = options.components.length === 0 ? known : options.components;
  const sources = components.map((component) => ({
    component,
    lines: runtime.logs(component, { follow, ...(options.tail === undefined ? {} : { tail: options.tail }) }, signal),
  }));
  yield* follow ? asTheyCome(sources) : byTime(sources);
}

interface Source {
  component: string;
  lines: AsyncIterable<string>;
}

async function* byTime(sources: Source[]): AsyncGenerator<LogLine> {
  const all: (LogLine & { time: number })[] = [];
  for (const { component, lines } of sources) {
    let time = 0;
    for await (const line of lines) {
      time = lineTime(line) ?? time; // lines without one belong to the line before
      all.push({ component, line, time });
    }
  }
  all.sort((a, b) => a.time - b.time);
  for (const { component, line } of all) yield { component, line };
}

/** Time of a line: pino's JSON (`"time":1790000000000`), Postgres (`2026-01-01 00:00:00.000 UTC`), or ISO at its start. */
export function lineTime(line: string): number | undefined {
  const pino = /^\{.*?"time":(\d{13})\b/.exec(line);
  if (pino) return Number(pino[1]);
  const iso = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?:Z| UTC)/.exec(line);
  return iso ? Date.parse(`${iso[1]}T${iso[2]}Z`) : undefined;
}

async function* asTheyCome(sources: Source[]): AsyncGenerator<LogLine> {
  const iterators = sources.map(({ component, lines }) => ({ component, iterator: lines[Symbol.asyncIterator]() }));
  const next = (at: number): Promise<{ at: number; result: IteratorResult<string> }> =>
    (iterators[at] as (typeof iterators)[number]).iterator.next().then((result) => ({ at, result }));
  const pending = new Map(iterators.map((_, at) => [at, next(at)]));
  try {
    while (pending.size > 0) {
      const { at, result } = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(at);
        continue;
      }
      pending.set(at, next(at));
      yield { component: (iterators[at] as (typeof iterators)[number]).component, line: result.value };
    }
  } finally {
    for (const { iterator } of iterators) void iterator.return?.();
  }
}
