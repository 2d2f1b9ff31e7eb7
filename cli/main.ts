/** The command line: parse, run one command, print its result, say how it went. */
import { parseCommandLine } from './commands/parse.ts';
import { DevkitError, EXIT } from './core/errors.ts';
import { reportError } from './output/errors.ts';
import { type Io, processIo } from './output/io.ts';

/**
 * Runs one command line in this process and returns the exit code; prints only through `io`.
 * @param argv the words after `devkit`
 */
export async function runCli(argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  // before the command line is understood, errors still have to be printed in the form that was asked for
  const wanted = {
    json: argv.includes('--json') || io.env['DEVKIT_JSON'] === '1',
    verbose: argv.includes('--verbose'),
  };
  try {
    const colors = io.stdoutIsTty && (io.env['NO_COLOR'] ?? '') === '';
    const invocation = await parseCommandLine(argv, { write: io.stdout, columns: io.columns, colors });
    if (!invocation) return EXIT.ok;
    const { runInvocation } = await import('./commands/run.ts');
    return await runInvocation(invocation, io, signal);
  } catch (error) {
    const report = reportError(error, wanted);
    io.stderr(report.text);
    return report.exitCode;
  }
}

/** `timeout` and some terminals signal a process twice for one Ctrl-C. */
const SAME_KEYPRESS_MS = 500;

/** First signal: abort, so that everything is left in order. Second: end at once. */
function abortOnSignals(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const stop = (name: 'SIGINT' | 'SIGTERM', code: number) => () => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > SAME_KEYPRESS_MS) process.exit(code);
      return;
    }
    firstAt = performance.now();
    controller.abort(
      new DevkitError('INTERRUPTED', name === 'SIGINT' ? 'stopped by Ctrl-C' : 'stopped by SIGTERM', {
        details: { signal: name },
        hint: 'the same command again continues where it stopped',
      }),
    );
  };
  process.on('SIGINT', stop('SIGINT', EXIT.interrupted));
  process.on('SIGTERM', stop('SIGTERM', EXIT.terminated));
  return controller.signal;
}

if (import.meta.main) {
  // a closed pipe (`devkit logs | head`) is no error
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
  const signal = abortOnSignals(process);
  process.exitCode = await runCli(process.argv.slice(2), processIo(process), signal);
}
