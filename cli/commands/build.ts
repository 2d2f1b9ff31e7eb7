/** Command descriptors → commander. */
import { CommanderError, Option, type Command as Program } from 'commander';
import { DevkitError } from '../core/errors.ts';
import type { Command, Group, Node } from './define.ts';
import { envNameOf, GLOBAL_OPTIONS } from './globals.ts';
import { kebab, longOf, nearest, type OptionSpec, type OptionSpecs, parseValue } from './options.ts';

/** What was asked for, once the command line is understood. */
export interface Invocation {
  command: Command;
  /** Words after `devkit` that name the command. */
  path: string[];
  input: Record<string, unknown>;
  globals: Record<string, unknown>;
  /** Proof system that the command is of; absent: it works on every devnet. */
  system?: string | undefined;
  notices: string[];
}
export type Act = (invocation: Invocation) => Promise<void>;

/** Adds a command or a group (with all its commands) under `parent`. */
export function addNode(parent: Program, node: Node, path: readonly string[], act: Act): Program {
  return node.kind === 'group' ? addGroup(parent, node, path, act) : addCommand(parent, node, path, act);
}

function addGroup(parent: Program, group: Group, path: readonly string[], act: Act): Program {
  const program = parent.command(group.name).summary(group.summary).description(group.summary);
  program.enablePositionalOptions().helpCommand(false);
  if (group.aliases) program.aliases([...group.aliases]);
  const here = [...path, group.name];
  for (const child of group.commands) addNode(program, child, here, act);
  if (group.own) configure(program, group.own, here, act);
  else {
    addGlobals(program, {}, true);
    program.addHelpText('after', examplesText(group.examples));
    program.allowExcessArguments().action(() => {
      throw commandMissing(group, here, program.args[0]);
    });
  }
  return program;
}

function commandMissing(group: Group, path: readonly string[], word: string | undefined): DevkitError {
  const names = group.commands.map(({ name }) => name);
  const near = word === undefined ? undefined : nearest(word, names);
  const said = near ? `did you mean ${near}?` : names.join(', ');
  const what =
    word === undefined ? `${path.join(' ')} needs a command` : `unknown command '${[...path, word].join(' ')}'`;
  return new DevkitError('USAGE', `${what} (${said})`, { hint: `devkit ${path.join(' ')} --help` });
}

function addCommand(parent: Program, command: Command, path: readonly string[], act: Act): Program {
  const program = parent.command(command.name, { hidden: command.hidden ?? false });
  if (command.aliases) program.aliases([...command.aliases]);
  program.helpCommand(false);
  configure(program, command, [...path, command.name], act);
  return program;
}

function configure(program: Program, command: Command, path: readonly string[], act: Act): void {
  program.summary(command.summary).description(command.about ?? command.summary);
  const options = command.options ?? {};
  for (const [key, spec] of Object.entries(command.args ?? {})) {
    program.argument(spec.optional ? `[${kebab(key)}]` : `<${kebab(key)}>`, spec.about);
  }
  if (command.passThrough) program.argument('[arguments...]', 'after `--`: passed on as they are');
  for (const [key, spec] of Object.entries(options)) {
    program.addOption(toOption(longOf(key, spec), spec));
    for (const old of spec.oldNames ?? []) program.addOption(toOption(`--${old}`, { ...spec, short: '' }, true));
  }
  for (const long of Object.keys(command.removed ?? {})) {
    program.addOption(new Option(`--${long} [value]`, 'removed upstream').hideHelp());
  }
  if (Object.values(options).some((option) => option.short === 'h')) program.helpOption('--help', 'display help');
  addGlobals(program, options, true);
  program.addHelpText('after', examplesText(command.examples));
  program.action(async () => {
    await act(invocationOf(program, command, [...path]));
  });
}

function examplesText(examples: readonly string[] = []): string {
  const lines = examples.length > 0 ? ['', 'Examples:', ...examples.map((line) => `  devkit ${line}`)] : [];
  return [...lines, '', 'Global options (--json, --chain, --devnet, …): devkit --help'].join('\n');
}

function toOption(long: string, spec: OptionSpec, hide = false): Option {
  const short = spec.short ? `-${spec.short}, ` : '';
  const option = new Option(`${short}${long}${placeholderOf(spec)}`, aboutOf(spec));
  if (spec.kind !== 'flag') option.argParser((raw: string, before: unknown) => parseValue(long, spec, raw, before));
  if (hide || spec.hidden) option.hideHelp();
  return option;
}

export function placeholderOf(spec: OptionSpec): string {
  if (spec.kind === 'flag') return '';
  if (spec.kind === 'optional-bool') return ' [true|false]';
  if (spec.placeholder) return ` <${spec.placeholder}>`;
  if (spec.kind === 'bool') return ' <true|false>';
  if (spec.kind === 'ints') return ' <n...>';
  if (spec.kind === 'int') return ' <n>';
  if (spec.kind === 'list') return ' <list>';
  if (spec.kind === 'choice') return ' <name>';
  return spec.kind === 'url' ? ' <url>' : ' <text>';
}

export const aboutOf = (spec: OptionSpec): string =>
  spec.kind === 'choice' && spec.choices ? `${spec.about} (${spec.choices.join(', ')})` : spec.about;

/** Global flags at every level, shown at the top one; a command's own flag of the same name wins there. */
export function addGlobals(program: Program, own: OptionSpecs, hide = false): void {
  const longs = new Set(Object.entries(own).map(([key, spec]) => longOf(key, spec)));
  const shorts = new Set(Object.values(own).map((spec) => spec.short));
  if (!hide) program.optionsGroup('Global options:');
  for (const [key, spec] of Object.entries<OptionSpec>(GLOBAL_OPTIONS)) {
    if (longs.has(longOf(key, spec))) continue;
    const short = spec.short && !shorts.has(spec.short) ? spec.short : '';
    const option = toOption(longOf(key, spec), { ...spec, short }, hide);
    option.description = `${option.description} [${envNameOf(key)}]`;
    program.addOption(option);
  }
}

function invocationOf(program: Program, command: Command, path: string[]): Invocation {
  const notices: string[] = [];
  const input: Record<string, unknown> = {};
  const argNames = Object.entries(command.args ?? {});
  for (const [index, [key, spec]] of argNames.entries()) {
    const raw = program.processedArgs[index] as string | undefined;
    input[key] = raw === undefined ? undefined : parseValue(`<${kebab(key)}>`, spec, raw);
  }
  const rest = command.passThrough ? program.processedArgs[argNames.length] : undefined;
  input['rest'] = Array.isArray(rest) ? rest : [];
  for (const [key, spec] of Object.entries(command.options ?? {})) {
    input[key] = optionValue(program, key, spec, notices);
  }
  checkRemoved(program, command, notices);
  checkConflicts(program, command, input);
  return { command, path, input, globals: collectGlobals(program, command.options ?? {}), notices };
}

function optionValue(program: Program, key: string, spec: OptionSpec, notices: string[]): unknown {
  const long = longOf(key, spec);
  const value = valueByLong(program, long);
  if (value !== undefined) return value;
  for (const old of spec.oldNames ?? []) {
    const given = valueByLong(program, `--${old}`);
    if (given === undefined) continue;
    notices.push(`--${old} is an old spelling of ${long}`);
    return given;
  }
  return spec.kind === 'flag' ? false : undefined;
}

/** Value of a flag if it was on the command line. Commander stores `--no-x` as `x: false`. */
function valueByLong(program: Program, long: string): unknown {
  const option = program.options.find((candidate) => candidate.long === long);
  if (!option || program.getOptionValueSource(option.attributeName()) !== 'cli') return undefined;
  const value: unknown = program.getOptionValue(option.attributeName());
  return option.negate ? value === false : value;
}

function collectGlobals(program: Program, own: OptionSpecs): Record<string, unknown> {
  const longs = new Set(Object.entries(own).map(([key, spec]) => longOf(key, spec)));
  const globals: Record<string, unknown> = {};
  for (let at: Program | null = program; at; at = at.parent) {
    for (const [key, spec] of Object.entries<OptionSpec>(GLOBAL_OPTIONS)) {
      if (at === program && longs.has(longOf(key, spec))) continue;
      globals[key] ??= valueByLong(at, longOf(key, spec));
    }
  }
  return globals;
}

function checkRemoved(program: Program, command: Command, notices: string[]): void {
  for (const [long, { harmless, why }] of Object.entries(command.removed ?? {})) {
    const value = valueByLong(program, `--${long}`);
    if (value === undefined) continue;
    if (!harmless.includes(String(value))) {
      throw new DevkitError('USAGE', `--${long}=${String(value)} is not supported: ${why}`, {
        hint: `leave --${long} out`,
      });
    }
    notices.push(`--${long} is ignored: ${why}`);
  }
}

function checkConflicts(program: Program, command: Command, input: Record<string, unknown>): void {
  const hint = helpOf(program);
  const given = (key: string): boolean => input[key] !== undefined && input[key] !== false;
  const options = command.options ?? {};
  for (const [key, spec] of Object.entries(options)) {
    if (spec.required && !given(key)) {
      throw new DevkitError('USAGE', `${longOf(key, spec)} is missing`, { hint });
    }
    for (const other of given(key) ? (spec.conflicts ?? []) : []) {
      const otherSpec = options[other];
      if (otherSpec && given(other)) {
        throw new DevkitError('USAGE', `${longOf(key, spec)} and ${longOf(other, otherSpec)} exclude each other`, {
          hint,
        });
      }
    }
  }
}

/** The usage error behind what commander reports at `program`; undefined when it only displayed help or the version. */
export function usageErrorOf(error: CommanderError, said: string, program: Program): DevkitError | undefined {
  if (error.exitCode === 0) return undefined;
  const message = (said.trim().split('\n')[0] || error.message).replace(/^error: /, '');
  const near = suggestionFor(message, program);
  return new DevkitError('USAGE', `${message}${near ? ` (did you mean ${near}?)` : ''}`, {
    hint: helpOf(program),
    cause: error,
  });
}

function suggestionFor(message: string, program: Program): string | undefined {
  const option = /unknown option '(--[^'=]+)/.exec(message)?.[1];
  if (option) return nearest(option, longsOf(program));
  const command = /unknown command '([^']+)/.exec(message)?.[1];
  return (
    command &&
    nearest(
      command,
      program.commands.flatMap((child) => [child.name(), ...child.aliases()]),
    )
  );
}

const longsOf = (program: Program): string[] => program.options.flatMap(({ long }) => (long ? [long] : []));
const namesOf = (program: Program): string[] => [...(program.parent ? namesOf(program.parent) : []), program.name()];
const helpOf = (program: Program): string => [...namesOf(program), '--help'].join(' ');

export { CommanderError };
