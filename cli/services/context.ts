/** What every service gets: where things are, where events go, when to stop, where to log. No flags, no printing. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pino, { type Logger } from 'pino';
import type { DeviceChoice } from '../core/devices.ts';
import { DevkitError } from '../core/errors.ts';
import type { EventSink } from '../core/events.ts';
import { type DevnetPaths, devnetPaths, findWorkspace, listDevnets } from '../core/paths.ts';
import { DEFAULT_SYSTEM } from '../core/system.ts';
import type { RuntimeName } from '../core/types.ts';
import type { DeviceTable } from './devices.ts';

export type { Logger };

export interface ServiceContext {
  /** Of the devnet that is acted on; it need not exist yet. */
  paths: DevnetPaths;
  /** Its system: that of the devnet that is there, else the one that the command or `--system` is about. */
  system?: string | undefined;
  /** What `--runtime` says; absent: as the devnet was made. */
  runtime?: RuntimeName | undefined;
  /** What `--device` says; absent: as the stack says, else `auto`. */
  device?: DeviceChoice | undefined;
  /** Instead of this machine's devices. */
  deviceTable?: DeviceTable | undefined;
  /** Folder that the search for an ecosystem starts from, absolute. */
  cwd: string;
  emit: EventSink;
  signal: AbortSignal;
  /** Writes to `<devnet>/devkit.log` once the devnet has a folder. */
  log: Logger;
}

export interface ContextOptions {
  cwd: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** Name of the devnet; absent: the only one of the workspace (of the system), else `default`. */
  devnet?: string | undefined;
  /** System that the command is about. */
  system?: string | undefined;
  /** Absent: the nearest parent of `cwd` with `.devkit/`, else `cwd`. */
  workspace?: string | undefined;
  runtime?: RuntimeName | undefined;
  device?: DeviceChoice | undefined;
  emit: EventSink;
  signal: AbortSignal;
}

const SECRET_KEYS = ['private_key', 'privateKey', 'password', '*.private_key', '*.privateKey', '*.password'];

/** @throws DevkitError USAGE when the name is not valid, of another system, or when several devnets are there and none was named */
export function openServiceContext(options: ContextOptions): ServiceContext {
  const workspace = resolve(options.workspace ?? findWorkspace(options.cwd));
  const paths = devnetPaths(workspace, options.devnet ?? chooseDevnet(workspace, options.system));
  const made = systemOf(paths);
  if (made !== undefined && options.system !== undefined && made !== options.system) {
    throw new DevkitError('USAGE', `devnet '${paths.name}' is one of ${made}, not of ${options.system}`, {
      hint: `leave --devnet out, or take a name that is free: --devnet ${options.system}`,
    });
  }
  return {
    paths,
    system: made ?? options.system,
    runtime: options.runtime,
    device: options.device,
    cwd: resolve(options.cwd),
    emit: options.emit,
    signal: options.signal,
    log: openLog(paths, options.env?.['DEVKIT_LOG'] ?? 'info'),
  };
}

/** The same services, acting on another devnet (a new ecosystem is its own workspace). */
export function withDevnet(ctx: ServiceContext, workspace: string, name: string): ServiceContext {
  return { ...ctx, paths: devnetPaths(workspace, name), cwd: resolve(workspace) };
}

const USUAL_NAME = 'default';

/** The only devnet that can be meant; else `default`, or the system's name where that one is taken by another system. */
function chooseDevnet(workspace: string, system: string | undefined): string {
  const all = listDevnets(workspace);
  const names = ofSystem(workspace, all, system);
  if (names.length > 1 && !names.includes(USUAL_NAME)) {
    throw new DevkitError('USAGE', `${workspace} has several devnets: ${names.join(', ')}`, {
      hint: `say which one, e.g. --devnet ${names[0]}`,
    });
  }
  if (names.length === 1) return names[0] as string;
  return names.length === 0 && all.includes(USUAL_NAME) ? (system ?? DEFAULT_SYSTEM) : USUAL_NAME;
}

/** Those that may be meant where a system is. */
function ofSystem(workspace: string, names: readonly string[], system: string | undefined): string[] {
  if (system === undefined) return [...names];
  return names.filter((name) => [undefined, system].includes(systemOf(devnetPaths(workspace, name))));
}

/** What its state file says; undefined before there is one that can be read. */
function systemOf({ stateFile }: DevnetPaths): string | undefined {
  try {
    const { system } = JSON.parse(readFileSync(stateFile, 'utf8')) as { system?: unknown };
    return typeof system === 'string' ? system : undefined;
  } catch {
    return undefined; // half-made, damaged or another account's: whoever uses it says so
  }
}

/** The file is opened by the first line, and only if the devnet's folder is there: reading commands leave no trace. */
function openLog(paths: DevnetPaths, level: string): Logger {
  let sink: ReturnType<typeof pino.destination> | undefined;
  const lazy = {
    write(line: string): void {
      try {
        sink ??= pino.destination({ dest: join(paths.dir, 'devkit.log'), sync: true, append: true, mkdir: false });
      } catch {
        // no devnet folder yet: there is nothing to keep a log of
        return;
      }
      sink.write(line);
    },
  };
  return pino({ level, base: { pid: process.pid }, redact: SECRET_KEYS }, lazy);
}

/** Makes the devnet's folder, so that from now on things are kept. */
export function ensureDevnetFolder(paths: DevnetPaths): void {
  mkdirSync(paths.logsDir, { recursive: true });
}

/** What makes a devnet of a system. */
export const makeCommand = (system: string | undefined): string =>
  (system ?? DEFAULT_SYSTEM) === DEFAULT_SYSTEM ? 'devkit quickstart' : `devkit up --system ${system}`;

/** The error for a devnet that is not there; names those that are. */
export function noDevnet({ paths: { workspace, name }, system }: ServiceContext): DevkitError {
  const names = listDevnets(workspace);
  const there = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`;
  const [usable] = ofSystem(workspace, names, system);
  return new DevkitError('NOT_FOUND', `there is no devnet '${name}' in ${workspace} (${there})`, {
    hint: usable === undefined ? makeCommand(system) : `--devnet ${usable}`,
  });
}
