/** Events → stderr: a live tree on a terminal, plain lines elsewhere, NDJSON with `--json --verbose`. */
import type { Globals } from '../commands/define.ts';
import type { DevkitEvent, EventSink } from '../core/events.ts';
import type { Io } from './io.ts';
import { plainLine, type Shown } from './plain.ts';

export interface Progress {
  emit: EventSink;
  /** Finishes what is on screen; safe to repeat. */
  close(): Promise<void>;
}

type ProgressOptions = Pick<Globals, 'json' | 'quiet' | 'verbose' | 'color'> & {
  /** Show log lines of components, also when not verbose. */
  logs: boolean;
};

export function openProgress(io: Io, options: ProgressOptions): Progress {
  if (options.json) return options.verbose ? ndjson(io) : silent();
  if (options.quiet) return silent();
  if (io.stderrIsTty && io.streams && !options.verbose && !options.logs) return live(io, options);
  return plain(io, options);
}

const silent = (): Progress => ({ emit: () => {}, close: async () => {} });

const ndjson = (io: Io): Progress => ({
  emit: (event) => io.stderr(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`),
  close: async () => {},
});

const JOB_LINE_MS = 1000;

/** Job counts change many times a second: the newest of them is printed, at most once a second and only if it is news. */
function plain(io: Io, shown: Shown): Progress {
  let last = '';
  let printedAt = Number.NEGATIVE_INFINITY;
  let held: { line: string; timer: NodeJS.Timeout } | undefined;
  const print = (line: string): void => {
    last = line;
    io.stderr(`${line}\n`);
  };
  const drop = (): void => {
    clearTimeout(held?.timer);
    held = undefined;
  };
  const printJobs = (line: string): void => {
    drop();
    if (line === last) return;
    printedAt = performance.now();
    print(line);
  };
  const jobs = (line: string): void => {
    const wait = printedAt + JOB_LINE_MS - performance.now();
    drop();
    if (wait <= 0) printJobs(line);
    else held = { line, timer: setTimeout(() => printJobs(line), wait) };
  };
  return {
    emit: (event) => {
      const line = plainLine(event, shown);
      if (line === undefined) return;
      if (event.type === 'job.progress') return jobs(line);
      // the end of the step says more than the last counts
      if (event.type === 'step.done' || event.type === 'step.failed') drop();
      print(line);
    },
    close: async () => drop(),
  };
}

/** The tree is loaded when the first step begins; until then, and after it is closed, lines are enough. */
function live(io: Io, options: ProgressOptions): Progress {
  const lines = plain(io, { verbose: false, logs: false });
  const pending: DevkitEvent[] = [];
  let tree: Promise<Progress> | undefined;
  let opened: Progress | undefined;
  const open = async (): Promise<Progress> => {
    const { openTree } = await import('./tree.ts');
    opened = openTree(io, options.color);
    for (const event of pending.splice(0)) opened.emit(event);
    return opened;
  };
  return {
    emit: (event) => {
      if (opened) opened.emit(event);
      else if (tree) pending.push(event);
      else if (event.type === 'step.started') {
        pending.push(event);
        tree = open();
      } else lines.emit(event);
    },
    close: async () => {
      const tree_ = await tree;
      await tree_?.close();
      tree = undefined;
      opened = undefined;
    },
  };
}
