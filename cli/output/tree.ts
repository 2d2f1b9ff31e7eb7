/** The live task tree: one line a step, on stderr. */
import { Listr, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import { formatDuration } from '../../lib/units.ts';
import type { DevkitEvent } from '../core/events.ts';
import type { JobGroup } from '../core/types.ts';
import type { Io } from './io.ts';
import { type StageCount, stageCounts, stageText, totals } from './jobs.ts';
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
  /** Rows below this one, by name; made when the first of them comes. */
  children?: { list: List; rows: Map<string, ChildRow> };
  /** Resolved when `children` is there. */
  hasChildren: PromiseWithResolvers<void>;
  /** Components that were started in this step, and those of them that answer. */
  components: { started: Set<string>; ready: Set<string> };
}

interface ChildRow {
  end: PromiseWithResolvers<void>;
  begun: number;
  /** False at the end: it was cut off. */
  done: boolean;
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
      else if (event.type === 'job.progress') showStages(tree, event.groups);
      else showComponent(tree, event);
    },
    close: async () => {
      for (const row of tree.rows.values()) finish(row);
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
      collapseSubtasks: false,
      ...(color ? {} : { color: {} }),
    },
  } as ConstructorParameters<typeof Listr<unknown, Renderer, 'simple'>>[1]);
}

function startRow(tree: Tree, step: string, title: string): void {
  const row: Row = {
    title,
    end: Promise.withResolvers<void>(),
    hasChildren: Promise.withResolvers<void>(),
    components: { started: new Set(), ready: new Set() },
  };
  tree.rows.set(step, row);
  const running = runTask(tree.list, title, async (task) => {
    row.task = task;
    await Promise.race([row.end.promise, row.hasChildren.promise]);
    return row.children?.list;
  });
  tree.running.push(running);
}

/** `add` only draws a task of a running list; which ones come is known event by event, so each is run here. */
function runTask(list: List, title: string, work: (task: Task) => Promise<unknown>): Promise<void> {
  list.add({ title, task: (_ctx, task) => work(task as unknown as Task) });
  const runner = list as unknown as { runTask(task: unknown): Promise<void> };
  return runner.runTask(list.tasks.at(-1)).catch(() => {});
}

function endRow(tree: Tree, event: StepEvent): void {
  if (!tree.rows.has(event.step) && event.type === 'step.skipped') startRow(tree, event.step, event.title);
  const row = tree.rows.get(event.step);
  if (!row) return;
  tree.rows.delete(event.step);
  if (event.type === 'step.done' && row.task) row.task.title = `${row.title} (${formatDuration(event.durationMs)})`;
  if (event.type === 'step.skipped') row.task?.skip(`${row.title}: ${event.reason}`);
  if (event.type === 'step.failed') finish(row, new Error(`${row.title}: ${event.message}`));
  else finish(row);
}

function finish(row: Row, error?: Error): void {
  for (const child of row.children?.rows.values() ?? []) {
    if (!child.done) child.task?.skip(child.task.title);
    child.end.resolve();
  }
  if (error) row.end.reject(error);
  else row.end.resolve();
}

/** A line of its own that stays. */
function noteRow(tree: Tree, text: string): void {
  const id = `note-${tree.running.length}`;
  startRow(tree, id, text);
  tree.rows.get(id)?.end.resolve();
  tree.rows.delete(id);
}

/** The step that began last is the one people wait for. */
const newestRow = (tree: Tree): Row | undefined => [...tree.rows.values()].at(-1);

/** One row a stage, from its first job to its last proof. */
function showStages(tree: Tree, groups: readonly JobGroup[]): void {
  const row = newestRow(tree);
  if (!row?.task) return;
  const all = stageCounts(groups);
  const stages = all.filter(({ state }) => state !== 'waiting');
  if (stages.length === 0) return;
  const [done, total] = totals(all);
  row.task.title = all[0]?.total === 0 ? row.title : `${row.title}: ${done}/${total} proofs`;
  const children = row.children ?? openChildren(row, row.task);
  for (const stage of stages) {
    const known = children.rows.get(stage.name);
    if (!known && stage.state === 'done') continue; // done before anybody looked
    const child = known ?? addChild(tree, children, stage);
    if (child.done) continue;
    const took = stage.state === 'done' ? ` (${formatDuration(performance.now() - child.begun)})` : '';
    if (child.task) child.task.title = `${stageText(stage)}${took}`;
    child.done = stage.state === 'done';
    if (child.done) child.end.resolve();
  }
}

type Children = NonNullable<Row['children']>;

function openChildren(row: Row, task: Task): Children {
  const keeper = { task: () => row.end.promise };
  const list = task.newListr([keeper], { concurrent: true, exitOnError: false }) as unknown as List;
  row.children = { list, rows: new Map() };
  row.hasChildren.resolve();
  return row.children;
}

function addChild(tree: Tree, { list, rows }: Children, stage: StageCount): ChildRow {
  const child: ChildRow = { end: Promise.withResolvers<void>(), begun: performance.now(), done: false };
  rows.set(stage.name, child);
  const running = runTask(list, stageText(stage), async (task) => {
    child.task = task;
    await child.end.promise;
  });
  tree.running.push(running);
  return child;
}

/** While a step starts components: who answers, who is waited for. What had to be started again gets a line that stays. */
function showComponent(tree: Tree, event: DevkitEvent): void {
  if (event.type === 'component.restarted') {
    const line = plainLine(event, { verbose: false, logs: false });
    if (line !== undefined) noteRow(tree, `note: ${line}`);
    return;
  }
  const row = newestRow(tree);
  if (!row?.task || row.children) return;
  const { started, ready } = row.components;
  if (event.type === 'component.started') started.add(event.component);
  else if (event.type === 'component.ready' && !event.adopted) ready.add(event.component);
  else return;
  const missing = [...started].filter((id) => !ready.has(id));
  row.task.output = missing.length === 0 ? `ready: ${[...ready].join(', ')}` : `waiting for ${missing.join(', ')}`;
}
