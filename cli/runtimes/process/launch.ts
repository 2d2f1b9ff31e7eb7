import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DevkitError } from '../../core/errors.ts';
import type { ComponentSpec } from '../../core/types.ts';
import { unprivilegedAccount } from '../../host/unprivileged.ts';

/** What components get of the kit's own environment; ZKSYNC_* overrides config values as upstream's do. */
const PASSED =
  /^(PATH|HOME|USER|LANG|LC_.+|TZ|TMPDIR|XDG_CACHE_HOME|DEVKIT_CACHE_DIR|NODE_COMPILE_CACHE|NODE_EXTRA_CA_CERTS|SSL_CERT_.+|https?_proxy|no_proxy|RUST_LOG|ZKSYNC_.+)$/i;

export interface LaunchOptions {
  program: string;
  spec: ComponentSpec;
  /** Variables that name this start. */
  tags: Readonly<Record<string, string>>;
  logFile: string;
}

/**
 * Starts the program in a session of its own, output appended to the log file: it neither gets the terminal's Ctrl-C nor ends
 * with the kit. Resolves when the program was executed. @throws DevkitError COMPONENT_FAILED when it cannot be.
 */
export async function launch(options: LaunchOptions): Promise<ChildProcess> {
  const { program, spec, logFile } = options;
  if (!existsSync(spec.cwd)) {
    // spawn would blame the program
    throw new DevkitError('COMPONENT_FAILED', `${spec.id} cannot be started: there is no folder ${spec.cwd}`);
  }
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(program, spec.argv, {
      cwd: spec.cwd,
      env: { ...passedEnvironment(), ...spec.env, ...options.tags },
      stdio: ['ignore', log, log],
      detached: true,
      ...(spec.unprivileged ? unprivilegedAccount() : {}),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return child;
  } catch (cause) {
    throw new DevkitError('COMPONENT_FAILED', `${spec.id} cannot be started: ${(cause as Error).message}`, {
      details: { program, cwd: spec.cwd },
      cause,
    });
  } finally {
    closeSync(log);
  }
}

function passedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([key, value]) => value !== undefined && PASSED.test(key));
  return Object.fromEntries(entries) as Record<string, string>;
}
