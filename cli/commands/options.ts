/** Light descriptors of flags and arguments: no zod, no commander, so that `--help` stays cheap. */
import { nearest } from '../../lib/nearest.ts';
import { DevkitError } from '../core/errors.ts';

export type OptionKind = 'flag' | 'text' | 'optional-bool' | 'bool' | 'int' | 'choice' | 'url' | 'list' | 'ints';

export { nearest };

/** One flag. `T` is the type of its value in the command's input; absent flags are `undefined` (`false` for plain flags). */
export interface OptionSpec<T = unknown> {
  kind: OptionKind;
  about: string;
  /** Long flag without dashes, when it is not the kebab-case form of the key. */
  long?: string;
  short?: string;
  /** Other spellings, accepted with a notice. */
  oldNames?: readonly string[];
  /** What stands for the value in help, e.g. `path`. */
  placeholder?: string;
  choices?: readonly string[];
  min?: number;
  max?: number;
  hidden?: boolean;
  /** Keys of flags that cannot be given together with this one. */
  conflicts?: readonly string[];
  required?: boolean;
  /** Only for inference. */
  readonly value?: T;
}

export interface ArgSpec<T = unknown> {
  kind: 'text' | 'int';
  about: string;
  optional?: boolean;
  readonly value?: T;
}

export type OptionSpecs = Record<string, OptionSpec>;
export type ArgSpecs = Record<string, ArgSpec>;
type ValueOf<S> = S extends OptionSpec<infer T> ? T : S extends ArgSpec<infer T> ? T : never;
export type InputOf<A, O> = { [K in keyof A]: ValueOf<A[K]> } & { [K in keyof O]: ValueOf<O[K]> };

type Extra = Omit<OptionSpec, 'kind' | 'about' | 'value'>;
const spec = <T>(kind: OptionKind, about: string, extra: Extra = {}): OptionSpec<T> => ({ kind, about, ...extra });

export const flag = (about: string, extra?: Extra): OptionSpec<boolean> => spec('flag', about, extra);
export const text = (about: string, extra?: Extra): OptionSpec<string | undefined> => spec('text', about, extra);
/** `--x`, `--x=true`, `--x=false`. */
export const optionalBool = (about: string, extra?: Extra): OptionSpec<boolean | undefined> =>
  spec('optional-bool', about, extra);
/** `--x <bool>`: the value is mandatory. */
export const bool = (about: string, extra?: Extra): OptionSpec<boolean | undefined> => spec('bool', about, extra);
export const int = (about: string, extra?: Extra): OptionSpec<number | undefined> => spec('int', about, extra);
export const url = (about: string, extra?: Extra): OptionSpec<string | undefined> => spec('url', about, extra);
/** Repeatable or a comma list. */
export const list = (about: string, extra?: Extra): OptionSpec<string[] | undefined> => spec('list', about, extra);
/** Repeatable numbers. */
export const ints = (about: string, extra?: Extra): OptionSpec<number[] | undefined> => spec('ints', about, extra);

export function choice<const C extends readonly string[]>(
  about: string,
  choices: C,
  extra?: Extra,
): OptionSpec<C[number] | undefined> {
  return { kind: 'choice', about, choices, ...extra };
}

export const arg = {
  text: (about: string): ArgSpec<string> => ({ kind: 'text', about }),
  optionalText: (about: string): ArgSpec<string | undefined> => ({ kind: 'text', about, optional: true }),
  int: (about: string): ArgSpec<number> => ({ kind: 'int', about }),
  optionalInt: (about: string): ArgSpec<number | undefined> => ({ kind: 'int', about, optional: true }),
};

export const kebab = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
export const longOf = (key: string, option: OptionSpec): string => `--${option.long ?? kebab(key)}`;

/** Turns the text of a value into its type. @throws DevkitError USAGE, naming the flag and what it takes. */
export function parseValue(name: string, option: OptionSpec | ArgSpec, raw: string | true, before?: unknown): unknown {
  switch (option.kind) {
    case 'flag':
      return true;
    case 'optional-bool':
      return raw === true ? true : parseBool(name, raw);
    case 'bool':
      return parseBool(name, String(raw));
    case 'int':
      return parseInteger(name, option as OptionSpec, String(raw));
    case 'ints':
      return [...((before as number[] | undefined) ?? []), parseInteger(name, option, String(raw))];
    case 'list':
      return [...((before as string[] | undefined) ?? []), ...splitList(String(raw))];
    case 'choice':
      return parseChoice(name, option.choices ?? [], String(raw));
    case 'url':
      return parseUrl(name, String(raw));
    case 'text':
      return String(raw);
  }
}

const splitList = (raw: string): string[] =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function parseBool(name: string, raw: string): boolean {
  if (raw === 'true') return true;
  if (raw === 'false') return false;
  throw new DevkitError('USAGE', `${name} takes true or false, not "${raw}"`);
}

function parseInteger(name: string, option: OptionSpec, raw: string): number {
  const min = option.min ?? 0;
  const max = option.max ?? 0xffff_ffff;
  const value = /^\d{1,16}$/.test(raw) ? Number(raw) : Number.NaN;
  if (Number.isNaN(value) || value < min || value > max) {
    throw new DevkitError('USAGE', `${name} takes a whole number from ${min} to ${max}, not "${raw}"`);
  }
  return value;
}

function parseChoice(name: string, choices: readonly string[], raw: string): string {
  if (choices.includes(raw)) return raw;
  const near = nearest(raw, choices);
  throw new DevkitError('USAGE', `${name} takes ${choices.join(', ')}; not "${raw}"`, {
    ...(near ? { hint: `did you mean ${near}?` } : {}),
  });
}

function parseUrl(name: string, raw: string): string {
  if (!URL.canParse(raw)) throw new DevkitError('USAGE', `${name} takes a URL, not "${raw}"`);
  return raw;
}
