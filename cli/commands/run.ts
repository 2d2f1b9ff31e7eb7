/** Runs one understood command: makes its context, prints what it returns. */
import { resolve } from 'node:path';
import { DevkitError, EXIT } from '../core/errors.ts';
import type { Io } from '../output/io.ts';
import { jsonDocument, jsonLine } from '../output/json.ts';
import { openProgress, type Progress } from '../output/progress.ts';
import { isInteractive, makeAsk } from '../output/prompt.ts';
import { makeStyle } from '../output/style.ts';
import type { ServiceContext } from '../services/context.ts';
import type { Invocation } from './build.ts';
import type { Command, CommandContext, Globals } from './define.ts';
import { resolveGlobals } from './globals.ts';

export async function runInvocation(invocation: Invocation, io: Io, signal: AbortSignal): Promise<number> {
  const globals = await resolveGlobals(invocation.globals, io.env);
  const progress = openProgress(io, { ...globals, logs: invocation.command.foreground ?? false });
  const system = systemOf(invocation, globals);
  using deadline = withDeadline(signal, globals.timeoutMs);
  try {
    const ctx = makeContext(io, { ...globals, system }, progress, deadline.signal);
    for (const notice of invocation.notices) ctx.notice(notice);
    return invocation.command.stream
      ? await runStream(invocation, ctx, io)
      : await runOnce(invocation, ctx, io, progress);
  } catch (error) {
    // whatever an abort makes other code throw, its reason is what happened
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    await progress.close();
  }
}

/** @throws DevkitError USAGE for a command of one system with `--system` of another */
function systemOf({ path, system }: Invocation, globals: Globals): string | undefined {
  if (system === undefined || globals.system === undefined || system === globals.system)
    return system ?? globals.system;
  throw new DevkitError('USAGE', `devkit ${path.join(' ')} is a command of ${system}, not of ${globals.system}`, {
    hint: 'leave --system out',
  });
}

/** `--timeout`: one deadline for the whole command. */
function withDeadline(signal: AbortSignal, timeoutMs: number | undefined): { signal: AbortSignal } & Disposable {
  if (timeoutMs === undefined) return { signal, [Symbol.dispose]: () => {} };
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(
      new DevkitError('TIMED_OUT', `not done after ${timeoutMs / 1000} s (--timeout)`, {
        hint: 'the same command again continues where it stopped; give it a longer --timeout',
      }),
    );
  }, timeoutMs);
  return { signal: AbortSignal.any([signal, controller.signal]), [Symbol.dispose]: () => clearTimeout(timer) };
}

async function runOnce(
  { command, input }: Invocation,
  ctx: CommandContext,
  io: Io,
  progress: Progress,
): Promise<number> {
  const data = await command.run?.(ctx, input);
  await progress.close();
  print(command, data, ctx, io, jsonDocument);
  return command.exitCode?.(data) ?? EXIT.ok;
}

async function runStream({ command, input }: Invocation, ctx: CommandContext, io: Io): Promise<number> {
  let last: unknown;
  for await (const item of command.stream?.(ctx, input) ?? []) {
    last = item;
    print(command, item, ctx, io, jsonLine);
  }
  return last === undefined ? EXIT.ok : (command.exitCode?.(last) ?? EXIT.ok);
}

function print(command: Command, data: unknown, ctx: CommandContext, io: Io, json: (data: unknown) => string): void {
  if (data === undefined) return;
  if (ctx.globals.json) {
    io.stdout(json(data));
    return;
  }
  const lines = command.render?.(data, makeStyle(ctx.globals.color && io.stdoutIsTty)) ?? [];
  if (lines.length > 0) io.stdout(`${lines.join('\n')}\n`);
}

function makeContext(io: Io, globals: Globals, progress: Progress, signal: AbortSignal): CommandContext {
  let made: Promise<ServiceContext> | undefined;
  const service = (): Promise<ServiceContext> => {
    made ??= makeServiceContext(io, globals, progress, signal);
    return made;
  };
  return {
    globals,
    cwd: io.cwd,
    env: io.env,
    signal,
    interactive: isInteractive(io, globals.json),
    ask: makeAsk(io, { yes: globals.yes, json: globals.json, signal }),
    emit: progress.emit,
    notice: (text) => progress.emit({ type: 'notice', message: text }),
    path: (given) => resolve(io.cwd, given),
    prerequisites: async () => {
      if (globals.ignorePrerequisites) return;
      const { requireFitHost } = await import('../services/lifecycle.ts');
      await requireFitHost(await service());
    },
    service,
  };
}

async function makeServiceContext(
  io: Io,
  globals: Globals,
  progress: Progress,
  signal: AbortSignal,
): Promise<ServiceContext> {
  const { openServiceContext } = await import('../services/context.ts');
  return openServiceContext({
    cwd: io.cwd,
    env: io.env,
    devnet: globals.devnet,
    system: globals.system,
    runtime: globals.runtime,
    device: globals.device,
    emit: progress.emit,
    signal,
  });
}
