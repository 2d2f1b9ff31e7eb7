/** Reads the stack file and what overrides it: defaults < file < environment < flags. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../../lib/nearest.ts';
import { parseBytes } from '../../lib/units.ts';
import { DevkitError } from '../core/errors.ts';
import {
  OVERRIDES,
  type OverrideKey,
  PER_COMPONENT,
  STACK_FILE,
  type Stack,
  type StackFile,
  type StackNames,
  stackSchema,
} from '../core/stack.ts';
import { DEFAULT_SYSTEM, loadSystem, systemNames } from '../core/system.ts';
import type { ProgramPath } from '../core/types.ts';
import type { ServiceContext } from './context.ts';

export interface StackOptions {
  /** `--stack`: this file, which must be there. Absent: DEVKIT_STACK, else `devkit.yaml` of the workspace if there is one. */
  file?: string | undefined;
  /** Flags that were given. */
  flags?: Partial<Readonly<Record<OverrideKey, string | readonly string[] | undefined>>> | undefined;
  env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * `ctx.system`: the system of the devnet, when that is known; a `devkit.yaml` of the workspace that is of another system is not this devnet's.
 * @throws DevkitError NOT_FOUND for a named file that is not there, CONFIG_INVALID with file, line and column, USAGE for flags
 */
export async function readStack(
  ctx: Pick<ServiceContext, 'paths' | 'cwd' | 'system'>,
  { file, flags = {}, env = process.env }: StackOptions = {},
): Promise<Stack> {
  const named = file ?? nonEmpty(env['DEVKIT_STACK']);
  const path = named === undefined ? join(ctx.paths.workspace, STACK_FILE) : resolve(ctx.cwd, named);
  const wanted = ctx.system ?? DEFAULT_SYSTEM;
  if (named !== undefined && !existsSync(path)) {
    throw new DevkitError('NOT_FOUND', `there is no stack file ${path}`, {
      hint: `cp templates/${wanted}/stack.yaml ${path}`,
    });
  }
  const found = existsSync(path) ? await parseStackFile(path) : undefined;
  const read = found && isForOther(found, ctx.system, named && path) ? undefined : found;
  const base = read?.stack ?? stackSchema(await namesOf(wanted)).parse({ version: 1 });
  const sources: Record<string, string> = {};
  for (const key of Object.keys(base)) sources[key] = read?.where[key] ?? 'default';
  const overridden = { ...base, ...overrides(flags, env, sources) };
  return {
    system: overridden.system,
    variant: overridden.variant,
    runtime: overridden.runtime,
    tag: overridden.tag,
    images: defined(overridden.images),
    binaries: binariesOf(path, overridden, read?.where ?? {}),
    memory: Object.fromEntries(Object.entries(defined(overridden.memory)).map(([id, size]) => [id, parseBytes(size)])),
    devices: overridden.devices,
    file: read === undefined ? undefined : path,
    sources,
  };
}

/** `named`: its path, if the user named it. @throws DevkitError CONFIG_INVALID for one that was, and is of another system than the devnet */
function isForOther({ stack, where }: ReadFile, system: string | undefined, named: string | undefined): boolean {
  if (system === undefined || stack.system === system) return false;
  if (named === undefined) return true;
  throw invalid(
    where['system'] ?? named,
    `a stack of ${stack.system}; the devnet is one of ${system}`,
    `system: ${system}   in that file, or leave it out`,
  );
}

async function namesOf(system: string): Promise<StackNames> {
  return { systems: systemNames(), system, names: (await loadSystem(system)).stackNames };
}

interface ReadFile {
  stack: StackFile;
  /** Dotted key → `file:line`. */
  where: Record<string, string>;
}

async function parseStackFile(path: string): Promise<ReadFile> {
  const lines = new LineCounter();
  const document = parseDocument(await readFile(path, 'utf8'), { lineCounter: lines, prettyErrors: false });
  const error = document.errors[0];
  if (error) throw invalid(at(path, lines, error.pos[0]), `not YAML: ${error.message}`);
  const names = await namesOf(systemIn(document));
  const parsed = stackSchema(names).safeParse(document.toJS() ?? {});
  if (!parsed.success) throw issueError(path, document, lines, parsed.error.issues[0] as z.core.$ZodIssue, names);
  const where: Record<string, string> = {};
  for (const key of ['version', ...Object.keys(parsed.data)]) note(where, document, lines, path, [key]);
  for (const key of PER_COMPONENT) for (const name of names.names[key]) note(where, document, lines, path, [key, name]);
  return { stack: parsed.data, where };
}

/** What can be named depends on the system; one that is not known is reported with the rest of the file. */
function systemIn(document: Document.Parsed): string {
  const said = isMap(document.contents) ? document.contents.get('system') : undefined;
  return typeof said === 'string' && systemNames().includes(said) ? said : DEFAULT_SYSTEM;
}

/** The first thing that is wrong, where it stands. */
function issueError(
  path: string,
  document: Document.Parsed,
  lines: LineCounter,
  issue: z.core.$ZodIssue,
  names: StackNames,
): DevkitError {
  const keys = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const [unknown = ''] = issue.keys;
    const known = knownKeys(keys, names);
    const near = nearest(unknown, known);
    const name = [...keys, unknown].join('.');
    return invalid(
      at(path, lines, keyOffset(document, keys, unknown)),
      `${name} is not a key of a stack`,
      near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`,
    );
  }
  const node = document.getIn(keys, true) as ParsedNode | undefined;
  const name = keys.join('.');
  if (node === undefined && keys.length === 1)
    return invalid(path, `${name} is missing`, `${name}: ${name === 'version' ? 1 : '…'}`);
  return invalid(at(path, lines, node?.range?.[0] ?? 0), `${name || 'the file'}: ${describeIssue(issue)}`);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  // of a union, the branch that got furthest
  const inner =
    issue.code === 'invalid_union' ? issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0] : issue;
  if (inner?.code === 'invalid_value') return `takes ${inner.values.join(', ')}`;
  return inner?.message ?? issue.message;
}

function knownKeys(path: readonly string[], names: StackNames): string[] {
  const key = PER_COMPONENT.find((one) => one === path[0]);
  return key === undefined ? Object.keys(stackSchema(names).shape) : [...names.names[key]];
}

function overrides(
  flags: NonNullable<StackOptions['flags']>,
  env: NonNullable<StackOptions['env']>,
  sources: Record<string, string>,
): Partial<StackFile> {
  const found: Record<string, unknown> = {};
  for (const key of Object.keys(OVERRIDES) as OverrideKey[]) {
    const variable = `DEVKIT_${key.toUpperCase()}`;
    const text = nonEmpty(env[variable]);
    const [given, said] = flags[key] === undefined ? [text, variable] : [flags[key], `--${key}`];
    if (given === undefined) continue;
    const value = key === 'devices' && typeof given === 'string' && given !== 'auto' ? given.split(',') : given;
    const parsed = OVERRIDES[key].safeParse(value);
    if (!parsed.success) {
      throw new DevkitError(
        'USAGE',
        `${said}: ${describeIssue(parsed.error.issues[0] as z.core.$ZodIssue)}, not "${given}"`,
      );
    }
    found[key] = parsed.data;
    sources[key] = said;
  }
  return found as Partial<StackFile>;
}

function binariesOf(path: string, { binaries }: StackFile, where: ReadFile['where']): Record<string, ProgramPath> {
  const entries = Object.entries(defined(binaries)).map(([id, program]) => {
    const key = `binaries.${id}`;
    return [id, { path: resolve(dirname(path), program), from: `${where[key] ?? path} (${key})` }] as const;
  });
  return Object.fromEntries(entries);
}

function note(
  where: Record<string, string>,
  document: Document.Parsed,
  lines: LineCounter,
  path: string,
  keys: readonly string[],
): void {
  const node = document.getIn(keys, true) as Node | undefined;
  const offset = node?.range?.[0];
  if (offset !== undefined) where[keys.join('.')] = `${path}:${lines.linePos(offset).line}`;
}

/** Where the key itself stands, not its value. */
function keyOffset(document: Document.Parsed, path: readonly string[], key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return 0;
  const pair = map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? 0) : 0;
}

function at(path: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${path}:${line}:${col}`;
}

const invalid = (where: string, why: string, hint = 'docs/upstream.md lists the keys'): DevkitError =>
  new DevkitError('CONFIG_INVALID', `${where}: ${why}`, { hint });

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const defined = (values: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
