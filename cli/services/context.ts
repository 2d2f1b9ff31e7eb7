/** What every service gets: where things are, where events go, when to stop, where to log. No flags, no printing. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pino, { type Logger } from 'pino';
import type { DeviceChoice } from '../core/devices.ts';
import { DevkitError } from '../core/errors.ts';
import type { EventSink } from '../core/events.ts';
import { type DevnetPaths, devnetPaths, findWorkspace, listDevnets } from '../core/paths.ts';
import type { RuntimeName } from '../core/types.ts';

import type { DeviceTable } from './devices.ts';

export type { Logger };

export interface ServiceContext {
  /** Of the devnet that is acted on; it need not exist yet. */
  paths: DevnetPaths;
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
  /** Name of the devnet; absent: the only one of the workspace, else `default`. */
  devnet?: string | undefined;
  /** Absent: the nearest parent of `cwd` with `.devkit/`, else `cwd`. */
  workspace?: string | undefined;
  runtime?: RuntimeName | undefined;
  device?: DeviceChoice | undefined;
  emit: EventSink;
  signal: AbortSignal;
}

const SECRET_KEYS = ['private_key', 'privateKey', 'password', '*.private_key', '*.privateKey', '*.password'];

/** @throws DevkitError USAGE when the name is not valid, or when several devnets are there and none was named */
export function openServiceContext(options: ContextOptions): ServiceContext {
  const workspace = resolve(options.workspace ?? findWorkspace(options.cwd));
  const paths = devnetPaths(workspace, options.devnet ?? onlyDevnet(workspace));
  return {
    paths,
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

function onlyDevnet(workspace: string): string {
  const names = listDevnets(workspace);
  if (names.length > 1 && !names.includes('default')) {
    throw new DevkitError('USAGE', `${workspace} has several devnets: ${names.join(', ')}`, {
      hint: `say which one, e.g. --devnet ${names[0]}`,
    });
  }
  return names.length === 1 ? (names[0] ?? 'default') : 'default';
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

/** The error for a devnet that is not there; names those that are. */
export function noDevnet(ctx: ServiceContext): DevkitError {
  const names = listDevnets(ctx.paths.workspace);
  const there = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`;
  return new DevkitError('NOT_FOUND', `there is no devnet '${ctx.paths.name}' in ${ctx.paths.workspace} (${there})`, {
    hint: names.length === 0 ? 'devkit quickstart' : `--devnet ${names[0]}`,
  });
}
