/** The live task tree: one line a step, on stderr. */
import { Listr, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import { formatDuration } from '../../lib/units.ts';
import type { DevkitEvent } from '../core/events.ts';
import type { Io } from './io.ts';
import { plainLine } from './plain.ts';
import type { Progress } from './progress.ts';

type StepEvent = Extract<DevkitEvent, { type: `step.${string}` }>;
type Renderer = 'default';
type List = Listr<unknown, Renderer, 'simple'>;
type Task = ListrTaskWrapper<unknown, never, never>;

interface Row {
  title: string;
  end: PromiseWithResolvers<void>;
  task?: Task;
}

interface Tree {
  list: List;
  rows: Map<string, Row>;
  running: Promise<unknown>[];
}

/** listr2 wants functions to run; here each task only waits for the event that ends it. */
export function openTree(io: Io, color: boolean): Progress {
  // a task without title is not drawn; it keeps the list alive between two steps
  const keeper = Promise.withResolvers<void>();
  const tree: Tree = { list: newList(io, () => keeper.promise, color), rows: new Map(), running: [] };
  const drawn = tree.list.run().catch(() => {});
  return {
    emit: (event) => {
      if (event.type === 'step.started') startRow(tree, event.step, event.title);
      else if (event.type.startsWith('step.')) endRow(tree, event as StepEvent);
      else if (event.type === 'notice') noteRow(tree, `note: ${event.message}`);
      else showOutput(tree, event);
    },
    close: async () => {
      for (const row of tree.rows.values()) row.end.resolve();
      tree.rows.clear();
      await Promise.allSettled(tree.running);
      keeper.resolve();
      await drawn;
    },
  };
}

function newList(io: Io, keeper: () => Promise<void>, color: boolean): List {
  const stderr = io.streams?.stderr ?? process.stderr;
  return new Listr<unknown, Renderer, 'simple'>([{ task: keeper }], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: 'default',
    fallbackRenderer: 'simple',
    rendererOptions: {
      processOutput: new ProcessOutput(stderr, stderr),
      formatOutput: 'truncate',
      ...(color ? {} : { color: {} }),
    },
  } as ConstructorParameters<typeof Listr<unknown, Renderer, 'simple'>>[1]);
}

function startRow(tree: Tree, step: string, title: string): void {
  const row: Row = { title, end: Promise.withResolvers<void>() };
  tree.rows.set(step, row);
  tree.list.add({
    title,
    task: async (_ctx, task) => {
      row.task = task as unknown as Task;
      await row.end.promise;
    },
  });
  // `add` only draws a task of a running list; which ones come is known event by event, so it is run here
  const added = tree.list.tasks.at(-1);
  const runner = tree.list as unknown as { runTask(task: unknown): Promise<void> };
  tree.running.push(runner.runTask(added).catch(() => {}));
}

function endRow(tree: Tree, event: StepEvent): void {
  const row = tree.rows.get(event.step);
  if (!row) {
    if (event.type === 'step.skipped') startRow(tree, event.step, event.title);
    else return;
  }
  const ended = tree.rows.get(event.step);
  if (!ended) return;
  tree.rows.delete(event.step);
  if (event.type === 'step.done' && ended.task)
    ended.task.title = `${ended.title} (${formatDuration(event.durationMs)})`;
  if (event.type === 'step.skipped') ended.task?.skip(`${ended.title}: ${event.reason}`);
  if (event.type === 'step.failed') ended.end.reject(new Error(event.message));
  else ended.end.resolve();
}

/** A line of its own that stays. */
function noteRow(tree: Tree, text: string): void {
  const id = `note-${tree.running.length}`;
  startRow(tree, id, text);
  tree.rows.get(id)?.end.resolve();
  tree.rows.delete(id);
}

/** Below the step that began last: it is the one people wait for. */
function showOutput(tree: Tree, event: DevkitEvent): void {
  const line = plainLine(event, { verbose: false, logs: false });
  const last = [...tree.rows.values()].at(-1);
  if (line !== undefined && last?.task) last.task.output = line;
}
