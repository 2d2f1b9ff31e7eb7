/** Command line of the proof generators, with upstream's flags. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { nearest } from '../../../lib/nearest.ts';

/** The command line cannot be used. */
export class GeneratorFlagError extends Error {
  override readonly name = 'GeneratorFlagError';
}

export type GeneratorName = 'proof-generator' | 'proof-generator-mt';

export interface GeneratorFlags {
  proofOut: string;
  /** Statement: path of a JSON file, or the JSON. */
  circuitInput: string;
  /** Public input: path of a JSON file, or the JSON. */
  publicInput: string;
  /** Shards; 1 for `proof-generator`. Absent: one for each processor. */
  smp: number | undefined;
  /** Memory weight of shard 0. */
  shard0MemScale: number;
  /** TOTAL_RAM of the memory formula; absent: the machine's. */
  memoryBytes: number | undefined;
}

export type ParsedFlags =
  | { action: 'help' | 'version' }
  | { action: 'generate'; flags: GeneratorFlags; notices: string[] };

interface Option {
  type: 'string' | 'boolean';
  short?: string;
  about: string;
}

const COMMON: Readonly<Record<string, Option>> = {
  proof_out: { type: 'string', about: 'where to write the proof' },
  circuit_input: { type: 'string', about: 'the statement: a JSON file, or the JSON itself' },
  public_input: { type: 'string', about: 'the public input: a JSON file, or the JSON itself' },
  'configuration-files': {
    type: 'string',
    short: 'c',
    about: 'file of "name = value" lines for what is not given here',
  },
  help: { type: 'boolean', short: 'h', about: 'print this' },
  version: { type: 'boolean', short: 'v', about: 'print the version' },
};

const MULTITHREADED: Readonly<Record<string, Option>> = {
  smp: { type: 'string', about: 'shards, one thread of the prover each; default: the number of processors' },
  'shard0-mem-scale': { type: 'string', about: 'memory weight of shard 0, a natural number; default 1' },
  memory: { type: 'string', short: 'm', about: 'TOTAL_RAM, like 16G; default: what this machine has' },
};

const optionsOf = (name: GeneratorName): Readonly<Record<string, Option>> =>
  name === 'proof-generator-mt' ? { ...COMMON, ...MULTITHREADED } : COMMON;

/** Reads the command line and the configuration file that it names. @throws GeneratorFlagError */
export async function parseGeneratorFlags(name: GeneratorName, argv: readonly string[]): Promise<ParsedFlags> {
  const options = optionsOf(name);
  const notices: string[] = [];
  const given = parse(
    options,
    argv.map((word) => withTwoDashes(word, notices)),
  );
  if (given['help'] === true) return { action: 'help' };
  if (given['version'] === true) return { action: 'version' };
  const file = given['configuration-files'];
  const values = typeof file === 'string' ? { ...(await readConfiguration(file, options)), ...given } : given;
  const mt = name === 'proof-generator-mt';
  const flags: GeneratorFlags = {
    proofOut: required(values, 'proof_out'),
    circuitInput: required(values, 'circuit_input'),
    publicInput: required(values, 'public_input'),
    smp: mt ? natural(values, 'smp') : 1,
    shard0MemScale: natural(values, 'shard0-mem-scale') ?? 1,
    memoryBytes: memoryBytes(values),
  };
  return { action: 'generate', flags, notices };
}

export function generatorHelp(name: GeneratorName): string {
  const lines = Object.entries(optionsOf(name)).map(([option, { type, short, about }]) => {
    const left = `${short === undefined ? '    ' : `-${short}, `}--${option}${type === 'string' ? ' arg' : ''}`;
    return `  ${left.padEnd(34)}${about}`;
  });
  return `Usage: ${name} --proof_out FILE --circuit_input FILE --public_input FILE [options]\n\n${lines.join('\n')}\n`;
}

/** A guide of the seed era prints `----shard0-mem-scale`. */
function withTwoDashes(word: string, notices: string[]): string {
  const match = /^-{3,}([a-z].*)$/.exec(word);
  if (match === null) return word;
  const [meant] = `--${match[1]}`.split('=');
  notices.push(`${word.split('=')[0]} is read as ${meant}`);
  return `--${match[1]}`;
}

type Values = Record<string, string | boolean | undefined>;

function parse(options: Readonly<Record<string, Option>>, argv: string[]): Values {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short && { short }) }]),
  );
  try {
    return { ...parseArgs({ args: argv, options: config, strict: true, allowPositionals: false }).values };
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new GeneratorFlagError(message);
    const name = /'-{0,2}([^'=]*)/.exec(message)?.[1] ?? '';
    const meant = nearest(name, Object.keys(options));
    const hint = meant === undefined ? 'see --help' : `did you mean --${meant}?`;
    throw new GeneratorFlagError(`unknown option '${name}': ${hint}`);
  }
}

async function readConfiguration(path: string, options: Readonly<Record<string, Option>>): Promise<Values> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new GeneratorFlagError(`--configuration-files: ${error.message}`);
  });
  const values: Values = {};
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '' || /^\[.*\]$/.test(content)) continue;
    const [name = '', ...rest] = content.split('=');
    const option = options[name.trim()];
    if (option?.type !== 'string' || rest.length === 0) {
      throw new GeneratorFlagError(`${path}:${index + 1}: not a "name = value" line with an option of this program`);
    }
    values[name.trim()] = rest.join('=').trim();
  }
  return values;
}

function required(values: Values, name: string): string {
  const value = values[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new GeneratorFlagError(`--${name} is missing`);
}

function natural(values: Values, name: string): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(String(value))) return Number(value);
  throw new GeneratorFlagError(`--${name} takes a natural number, not '${value}'`);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

function memoryBytes(values: Values): number | undefined {
  const value = values['memory'];
  if (value === undefined) return undefined;
  const match = /^([1-9]\d{0,14})([kMGT]?)$/.exec(String(value));
  if (match === null) throw new GeneratorFlagError(`--memory takes a size like 16G or 512M, not '${value}'`);
  return Number(match[1]) * UNITS[match[2] ?? '']!;
}
