/** Where output goes. Tests pass their own; only `main.ts` makes the one of the process. */
export interface Io {
  /** Results only. */
  stdout(text: string): void;
  /** Progress, notices, errors. */
  stderr(text: string): void;
  stdinIsTty: boolean;
  stdoutIsTty: boolean;
  stderrIsTty: boolean;
  columns: number;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** The real streams, for prompts and the live tree; absent in tests. */
  streams?: { stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream };
}

export function processIo(process: NodeJS.Process): Io {
  return {
    stdout: (text) => {
      process.stdout.write(text);
    },
    stderr: (text) => {
      process.stderr.write(text);
    },
    stdinIsTty: process.stdin.isTTY === true,
    stdoutIsTty: process.stdout.isTTY === true,
    stderrIsTty: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 100,
    env: process.env,
    cwd: process.cwd(),
    streams: { stdin: process.stdin, stderr: process.stderr },
  };
}
