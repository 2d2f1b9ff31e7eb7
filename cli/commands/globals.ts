/** The flags that every command has, and their env twins. */
import { type DeviceChoice, parseDeviceChoice } from '../core/devices.ts';
import { DevkitError } from '../core/errors.ts';
import { systemNames } from '../core/system.ts';
import type { RuntimeName } from '../core/types.ts';
import type { Globals } from './define.ts';
import { choice, flag, kebab, type OptionSpec, type OptionSpecs, parseValue, text } from './options.ts';

export const GLOBAL_OPTIONS = {
  devnet: text('name of the devnet to act on', { placeholder: 'name' }),
  system: text('proof system: its devnet is acted on', { placeholder: 'name' }),
  runtime: choice('how components run; a devnet keeps what it was made with', ['process', 'docker']),
  device: text('GPUs to use: auto, cpu, gpu (as auto, but one must be there) or UUIDs', { placeholder: 'gpus' }),
  chain: text('chain of the ecosystem to act on, instead of its default chain', { placeholder: 'name' }),
  json: flag('print one JSON document (NDJSON where results stream) on stdout'),
  quiet: flag('no progress and no notices on stderr', { short: 'q' }),
  verbose: flag('more on stderr: every event, output of programs', { short: 'v' }),
  noColor: flag('no colours (also NO_COLOR)'),
  yes: flag('answer yes to every "are you sure"', { short: 'y' }),
  timeout: text('give up after this long, e.g. 90s or 5m', { placeholder: 'duration' }),
  ignorePrerequisites: flag('skip the checks of what this machine has'),
} satisfies OptionSpecs;

export const envNameOf = (key: string): string => `DEVKIT_${kebab(key).replaceAll('-', '_').toUpperCase()}`;

/** Flags given on the command line win over `DEVKIT_*`. @throws DevkitError USAGE naming the flag or the variable. */
export async function resolveGlobals(
  given: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Globals> {
  const value = (key: keyof typeof GLOBAL_OPTIONS): unknown => {
    if (given[key] !== undefined && given[key] !== false) return given[key];
    return fromEnv(envNameOf(key), GLOBAL_OPTIONS[key], env[envNameOf(key)]);
  };
  const timeout = value('timeout') as string | undefined;
  return {
    devnet: value('devnet') as string | undefined,
    system: systemChoice(value('system') as string | undefined),
    runtime: value('runtime') as RuntimeName | undefined,
    device: deviceChoice(value('device') as string | undefined),
    chain: value('chain') as string | undefined,
    json: value('json') === true,
    quiet: value('quiet') === true,
    verbose: value('verbose') === true,
    color: !(value('noColor') === true || (env['NO_COLOR'] ?? '') !== ''),
    yes: value('yes') === true,
    timeoutMs: timeout === undefined ? undefined : await duration('--timeout', timeout),
    ignorePrerequisites: value('ignorePrerequisites') === true,
  };
}

/** @throws DevkitError USAGE */
function systemChoice(raw: string | undefined): string | undefined {
  if (raw === undefined) return undefined;
  return parseValue('--system', choice('', systemNames()), raw) as string;
}

/** @throws DevkitError USAGE */
function deviceChoice(raw: string | undefined): DeviceChoice | undefined {
  const choice = raw === undefined ? undefined : parseDeviceChoice(raw);
  if (raw === undefined || choice !== undefined) return choice;
  throw new DevkitError('USAGE', `--device takes auto, cpu, gpu, or UUIDs of GPUs; not "${raw}"`, {
    hint: 'nvidia-smi -L   prints the UUIDs (GPU-…)',
  });
}

function fromEnv(name: string, option: OptionSpec, raw: string | undefined): unknown {
  if (raw === undefined || raw === '') return undefined;
  if (option.kind !== 'flag') return parseValue(name, option, raw);
  if (raw === '1' || raw === 'true') return true;
  if (raw === '0' || raw === 'false') return false;
  throw new DevkitError('USAGE', `${name} takes 1 or 0, not "${raw}"`);
}

/** Milliseconds of a duration a user typed. @throws DevkitError USAGE naming the flag. */
export async function duration(name: string, raw: string): Promise<number> {
  const { parseDurationMs } = await import('../../lib/units.ts');
  try {
    return parseDurationMs(/^\d+$/.test(raw) ? `${raw}s` : raw);
  } catch (cause) {
    throw new DevkitError('USAGE', `${name} takes a duration like 90s or 5m, not "${raw}"`, { cause });
  }
}
