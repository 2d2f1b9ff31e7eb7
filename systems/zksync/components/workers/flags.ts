/** Command lines of the three workers: upstream's flags, strict. */
import { parseArgs } from 'node:util';
import { Refusal } from '../../../../lib/component/refusal.ts';
import { ROUND_NAMES, type Round } from '../../protocol/ids.ts';

/** A command line that cannot be used; the component ends with exit code 2. */
export class FlagError extends Refusal {
  constructor(message: string) {
    super(message);
    this.name = 'FlagError';
  }
}

/** Paths every component takes (relative ones: to its working directory). */
export interface CommonFlags {
  configPath: string;
  secretsPath: string;
}

export interface WitnessGeneratorFlags extends CommonFlags {
  rounds: Round[];
  /** End after that many jobs (`--batch_size`). */
  maxJobs: number | undefined;
}

/** How the circuit prover picks: `next` with n threads, or upstream's light and heavy pools. */
export type PickerPlan = { kind: 'next'; threads: number } | { kind: 'split'; light: number; heavy: number };

export interface CircuitProverFlags extends CommonFlags {
  pickers: PickerPlan;
  /** Bytes of GPU memory; accepted, without effect on a CPU. */
  maxAllocation: number | undefined;
}

export interface CompressorFlags extends CommonFlags {
  fflonk: boolean;
  /** End after that many jobs (`--n_iterations`). */
  maxJobs: number | undefined;
}

type Values = Record<string, string | boolean | undefined>;
type Spec = Record<string, { type: 'string' | 'boolean'; short?: string }>;

function parse(argv: readonly string[], spec: Spec): Values {
  try {
    return parseArgs({ args: [...argv], options: spec, strict: true, allowPositionals: false }).values as Values;
  } catch (error) {
    throw new FlagError(error instanceof Error ? error.message : String(error));
  }
}

function count(values: Values, name: string, minimum: number): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(String(text)) || !Number.isSafeInteger(value) || value < minimum) {
    throw new FlagError(`--${name} takes a whole number of at least ${minimum}, not "${text}"`);
  }
  return value;
}

function common(values: Values): CommonFlags {
  const path = (name: string): string => {
    const value = values[name];
    if (typeof value !== 'string' || value === '') throw new FlagError(`--${name}=<file> is needed`);
    return value;
  };
  return { configPath: path('config-path'), secretsPath: path('secrets-path') };
}

const PATHS: Spec = { 'config-path': { type: 'string' }, 'secrets-path': { type: 'string' } };

function round(name: string): Round {
  const index = ROUND_NAMES.indexOf(name.replaceAll('-', '_') as (typeof ROUND_NAMES)[number]);
  if (index < 0) throw new FlagError(`--round takes one of ${ROUND_NAMES.join(', ')}, not "${name}"`);
  return index as Round;
}

/** `--round <name>` or `--all_rounds`, `--batch_size n`. */
export function parseWitnessGeneratorFlags(argv: readonly string[]): WitnessGeneratorFlags {
  const values = parse(argv, {
    ...PATHS,
    round: { type: 'string', short: 'r' },
    all_rounds: { type: 'boolean', short: 'a' },
    batch_size: { type: 'string', short: 'b' },
  });
  const { round: name, all_rounds: all } = values;
  if ((name === undefined) === (all !== true)) throw new FlagError('give either --round=<name> or --all_rounds');
  return {
    ...common(values),
    rounds: all === true ? [0, 1, 2, 3, 4] : [round(String(name))],
    maxJobs: count(values, 'batch_size', 1),
  };
}

/** `--threads n`, or `--light-wvg-count n` and `--heavy-wvg-count n` (1 each by default); `--max-allocation bytes`. */
export function parseCircuitProverFlags(argv: readonly string[]): CircuitProverFlags {
  const values = parse(argv, {
    'config-path': { type: 'string', short: 'c' },
    'secrets-path': { type: 'string', short: 's' },
    'light-wvg-count': { type: 'string', short: 'l' },
    'heavy-wvg-count': { type: 'string', short: 'h' },
    threads: { type: 'string', short: 't' },
    'max-allocation': { type: 'string', short: 'm' },
  });
  const threads = count(values, 'threads', 1);
  const light = count(values, 'light-wvg-count', 0);
  const heavy = count(values, 'heavy-wvg-count', 0);
  if (threads !== undefined && (light !== undefined || heavy !== undefined)) {
    throw new FlagError('--threads cannot be combined with --light-wvg-count or --heavy-wvg-count');
  }
  const split = { light: light ?? 1, heavy: heavy ?? 1 };
  if (threads === undefined && split.light + split.heavy === 0) {
    throw new FlagError('--light-wvg-count and --heavy-wvg-count are both 0: nothing would be proved');
  }
  return {
    ...common(values),
    pickers: threads === undefined ? { kind: 'split', ...split } : { kind: 'next', threads },
    maxAllocation: count(values, 'max-allocation', 1),
  };
}

/** `--fflonk <bool>` (false by default), `--n_iterations n`. */
export function parseCompressorFlags(argv: readonly string[]): CompressorFlags {
  const values = parse(argv, {
    ...PATHS,
    fflonk: { type: 'string' },
    n_iterations: { type: 'string', short: 'n' },
  });
  const fflonk = values.fflonk ?? 'false';
  if (fflonk !== 'true' && fflonk !== 'false') throw new FlagError(`--fflonk takes true or false, not "${fflonk}"`);
  return { ...common(values), fflonk: fflonk === 'true', maxJobs: count(values, 'n_iterations', 1) };
}
