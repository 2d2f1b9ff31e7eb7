/** The command line in this process: what it prints and its exit code. */

import { type Invocation, parseCommandLine } from '../../../cli/commands/parse.ts';
import { runCli } from '../../../cli/main.ts';

export interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
}

/** Not a terminal, so nothing is asked and nothing is coloured. */
export async function devkit(line: string | readonly string[], options: RunOptions = {}): Promise<Run> {
  const run: Run = { exitCode: -1, stdout: '', stderr: '' };
  run.exitCode = await runCli(
    typeof line === 'string' ? line.split(' ') : line,
    {
      stdout: (text) => {
        run.stdout += text;
      },
      stderr: (text) => {
        run.stderr += text;
      },
      stdinIsTty: false,
      stdoutIsTty: false,
      stderrIsTty: false,
      columns: 100,
      env: options.env ?? {},
      cwd: options.cwd ?? '/nowhere',
    },
    options.signal ?? new AbortController().signal,
  );
  return run;
}

/** Parses only. Fails for command lines that print help instead. */
export async function parse(line: string | readonly string[]): Promise<Invocation> {
  const words = typeof line === 'string' ? line.split(' ') : line;
  const invocation = await parseCommandLine(words, { write: () => {}, columns: 100, colors: false });
  if (!invocation) throw new Error(`"${words.join(' ')}" printed help`);
  return invocation;
}
