/** How single settings are read: leniently (unknown keys ignored), with duration suffixes and environment overrides. */
import { z } from 'zod';
import { ConfigError } from '../../../../lib/component/refusal.ts';
import { parseDurationMs } from '../../../../lib/units.ts';

/** Raw value of a setting: from the environment if set there, else from the file. */
export interface Source {
  /** File shown in errors. */
  file: string;
  /** Path of the section, e.g. `['eth', 'sender']`. */
  path: readonly string[];
  raw: Record<string, unknown>;
  env: Readonly<Record<string, string | undefined>>;
}

export interface Field<T> {
  read(source: Source): T;
}

type Values<F> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** Reads all fields of a section. */
export function readSection<F extends Record<string, Field<unknown>>>(source: Source, fields: F): Values<F> {
  const entries = Object.entries(fields).map(([name, field]) => [name, field.read(source)]);
  return Object.fromEntries(entries) as Values<F>;
}

/** The section below `key`; an absent one is empty. */
export function subSection(source: Source, key: string): Source {
  const value = source.raw[key] ?? {};
  const path = [...source.path, key];
  if (typeof value !== 'object' || Array.isArray(value)) throw bad({ ...source, path }, 'expected a section (a map)');
  return { ...source, path, raw: value as Record<string, unknown> };
}

export const sectionAt = (source: Source, ...keys: string[]): Source => keys.reduce(subSection, source);

/** Several names: the first one found wins (old names of a setting). */
function lookup(source: Source, keys: readonly string[]): { key: string; value: unknown } | undefined {
  for (const key of keys) {
    const fromEnv = source.env[`ZKSYNC_${[...source.path, key].join('_').toUpperCase()}`];
    if (fromEnv !== undefined) return { key, value: fromEnv };
  }
  for (const key of keys) {
    const value = source.raw[key];
    if (value !== undefined && value !== null) return { key, value };
  }
  return undefined;
}

function bad(source: Source, message: string, key?: string): ConfigError {
  const place = [...source.path, ...(key === undefined ? [] : [key])].join('.');
  return new ConfigError(`${source.file}: ${place}: ${message}`);
}

function check<T>(source: Source, key: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const shown = typeof value === 'object' ? 'a map or list' : `'${String(value)}'`;
  throw bad(source, `${result.error.issues[0]?.message ?? 'not valid'}, found ${shown}`, key);
}

function plain<T, D extends T | undefined>(
  keys: string | readonly string[],
  schema: z.ZodType<T>,
  fallback: D,
): Field<T | D> {
  const names = typeof keys === 'string' ? [keys] : keys;
  return {
    read: (source) => {
      const found = lookup(source, names);
      return found === undefined ? fallback : check(source, found.key, schema, found.value);
    },
  };
}

const scalarText = z.union([z.string(), z.number(), z.bigint(), z.boolean()]).transform(String);
const wholeNumber = (max: number): z.ZodType<number> =>
  z
    .union([z.number(), z.string().regex(/^\d+$/, 'expected a whole number').transform(Number)])
    .refine((n) => Number.isSafeInteger(n) && n >= 0 && n <= max, `expected a whole number up to ${max}`);
const flag = z.union([z.boolean(), z.enum(['true', 'false', '1', '0']).transform((t) => t === 'true' || t === '1')]);

export const text = <D extends string | undefined>(keys: string | readonly string[], fallback: D): Field<string | D> =>
  plain(keys, scalarText, fallback);
export const integer = <D extends number | undefined>(
  keys: string | readonly string[],
  fallback: D,
  max = Number.MAX_SAFE_INTEGER,
): Field<number | D> => plain(keys, wholeNumber(max), fallback);
export const port = <D extends number | undefined>(keys: string | readonly string[], fallback: D): Field<number | D> =>
  integer(keys, fallback, 65_535);
export const bool = (keys: string | readonly string[], fallback: boolean): Field<boolean> =>
  plain(keys, flag, fallback);

/** Enum whose spelling does not matter: `FileBacked`, `FILE_BACKED` and `file_backed` are the same. */
export function choice<const T extends string, D extends T | undefined>(
  keys: string | readonly string[],
  values: readonly T[],
  fallback: D,
): Field<T | D> {
  const bare = (name: string): string => name.replace(/[_-]/g, '').toLowerCase();
  const schema: z.ZodType<T> = scalarText.transform((given, context) => {
    const match = values.find((value) => bare(value) === bare(given));
    if (match === undefined) context.addIssue({ code: 'custom', message: `expected one of ${values.join(', ')}` });
    return match as T;
  });
  return plain(keys, schema, fallback);
}

const SUFFIX_UNITS = { _ms: 'ms', _in_secs: 's', _secs: 's', _sec: 's', _in_hours: 'h' } as const;

/**
 * Milliseconds. The unit is in the key (`x_ms`, `x_in_secs`, `x_secs`), or in the value (`10s`, `5 hours`, `300 ms`);
 * a bare number under the bare key counts in `bareUnit`.
 */
export function duration<D extends number | undefined>(base: string, fallback: D, bareUnit = 'ms'): Field<number | D> {
  const units = new Map<string, string>(Object.entries(SUFFIX_UNITS).map(([suffix, unit]) => [base + suffix, unit]));
  units.set(base, bareUnit);
  return {
    read: (source) => {
      const found = lookup(source, [...units.keys()]);
      if (found === undefined) return fallback;
      const given = String(found.value);
      try {
        return parseDurationMs(/^\s*\d+(\.\d+)?\s*$/.test(given) ? `${given} ${units.get(found.key)}` : given);
      } catch (cause) {
        throw bad(source, (cause as Error).message, found.key);
      }
    },
  };
}
