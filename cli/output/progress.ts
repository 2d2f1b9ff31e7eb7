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

function plain(io: Io, shown: Shown): Progress {
  let last = '';
  return {
    emit: (event) => {
      const line = plainLine(event, shown);
      // job counts come once per tick: only changes are news
      if (line === undefined || (event.type === 'job.progress' && line === last)) return;
      last = line;
      io.stderr(`${line}\n`);
    },
    close: async () => {},
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
