/** The frame of both generators: standard streams, stop signals, exit code. */
import { join } from 'node:path';
import { runDriver } from '../../generator/driver.ts';
import type { GeneratorName } from '../../generator/flags.ts';

const STOPPED: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };

/** Runs the generator on this process's command line and ends the process. */
export async function runGenerator(name: GeneratorName): Promise<void> {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.exitCode = STOPPED[signal];
      controller.abort(new Error(`stopped by ${signal}`));
    });
  }
  try {
    const code = await runDriver({
      name,
      argv: process.argv.slice(2),
      worker: [process.execPath, join(import.meta.dirname, 'worker.ts')],
      print: (line) => process.stdout.write(`${line}\n`),
      printError: (line) => process.stderr.write(`${line}\n`),
      signal: controller.signal,
    });
    process.exitCode = code;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    process.stderr.write(`${name}: ${(controller.signal.reason as Error).message}\n`);
  }
}
