/** The one way to declare a command: metadata as data, `run` returns data, `render` turns data into lines. */
import type { ZodType } from 'zod';
import type { DeviceChoice } from '../core/devices.ts';
import type { EventSink } from '../core/events.ts';
import type { RuntimeName } from '../core/types.ts';
import type { ServiceContext } from '../services/context.ts';
import type { ArgSpecs, InputOf, OptionSpecs } from './options.ts';

/** Flags with one meaning in every command; each has an env twin `DEVKIT_<NAME>`. */
export interface Globals {
  devnet?: string | undefined;
  /** Proof system whose devnet is acted on. */
  system?: string | undefined;
  /** Absent: as the devnet was made; for a new one, processes. */
  runtime?: RuntimeName | undefined;
  device?: DeviceChoice | undefined;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
  yes: boolean;
  timeoutMs?: number | undefined;
  chain?: string | undefined;
  ignorePrerequisites: boolean;
}

export interface Question {
  /** Flag that answers it, e.g. `--prover-mode`. */
  flag: string;
  question: string;
}

/** Asks on a terminal; anywhere else every question is answered by its default, or refused when it has none. */
export interface Ask {
  text(question: Question & { default?: string }): Promise<string>;
  choice<const T extends string>(question: Question & { choices: readonly T[]; default: T }): Promise<T>;
  confirm(question: Question & { default: boolean }): Promise<boolean>;
  /** A destructive step: `--yes`, or a typed yes on a terminal; else DevkitError. `word` is the literal answer wanted. */
  danger(question: { question: string; word?: string }): Promise<boolean>;
}

export interface CommandContext {
  globals: Globals;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** Questions are really asked. */
  interactive: boolean;
  ask: Ask;
  /** One line for the user on stderr. */
  notice(text: string): void;
  emit: EventSink;
  /** Absolute form of a path the user gave. */
  path(given: string): string;
  /** Checks that this machine can run a devnet, unless `--ignore-prerequisites`. */
  prerequisites(): Promise<void>;
  /** What services need; made on first use. */
  service(): Promise<ServiceContext>;
}

/** A flag that upstream once had: accepted with a notice while its value changes nothing, refused otherwise. */
export interface RemovedFlag {
  harmless: readonly string[];
  why: string;
}

export interface CommandSpec<A extends ArgSpecs, O extends OptionSpecs, D> {
  name: string;
  aliases?: readonly string[];
  summary: string;
  /** More than the summary, for the reference. */
  about?: string;
  /** Command lines without the leading `devkit`. */
  examples?: readonly string[];
  args?: A;
  options?: O;
  /** Long flag without dashes → what became of it. */
  removed?: Record<string, RemovedFlag>;
  /** Accepts arguments after `--` and passes them on as `rest`. */
  passThrough?: boolean;
  hidden?: boolean;
  /** Runs a component in the foreground: its log lines are the progress. */
  foreground?: boolean;
  run(ctx: CommandContext, input: InputOf<A, O> & { rest: string[] }): Promise<D>;
  /** Lines for people; without it nothing is printed. */
  render?(data: D, style: Style): string[];
  /** Exit code that goes with the data, default 0. */
  exitCode?(data: D): number;
  /** Schema of what `--json` prints, for docs/schema. */
  output?: () => Promise<ZodType>;
}

/** Like a command, but its results come one after the other: lines for people, NDJSON with `--json`. */
export interface StreamSpec<A extends ArgSpecs, O extends OptionSpecs, I>
  extends Omit<CommandSpec<A, O, I>, 'run' | 'exitCode'> {
  stream(ctx: CommandContext, input: InputOf<A, O> & { rest: string[] }): AsyncIterable<I>;
  exitCode?(last: I): number;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

type Erased = Omit<CommandSpec<ArgSpecs, OptionSpecs, unknown>, 'run' | 'render' | 'exitCode'> & {
  run?(ctx: CommandContext, input: Record<string, unknown>): Promise<unknown>;
  stream?(ctx: CommandContext, input: Record<string, unknown>): AsyncIterable<unknown>;
  render?(data: unknown, style: Style): string[];
  exitCode?(data: unknown): number;
};
export type Command = Erased & { kind: 'command' };

export interface Group {
  kind: 'group';
  name: string;
  aliases?: readonly string[];
  summary: string;
  commands: readonly Node[];
  /** What the group does when no subcommand is named. */
  own?: Command;
  /** Rewrites the words after the group's name before they are parsed. */
  prepare?(words: readonly string[]): string[];
  examples?: readonly string[];
}
export type Node = Command | Group;

export function defineCommand<const A extends ArgSpecs, const O extends OptionSpecs, D>(
  spec: CommandSpec<A, O, D>,
): Command {
  return { ...spec, kind: 'command' } as unknown as Command;
}

export function defineStream<const A extends ArgSpecs, const O extends OptionSpecs, I>(
  spec: StreamSpec<A, O, I>,
): Command {
  return { ...spec, kind: 'command' } as unknown as Command;
}

export const defineGroup = (group: Omit<Group, 'kind'>): Group => ({ ...group, kind: 'group' });
