/** The container engine that the tests use: the one that is there, else one of their own for as long as they run. */
import { join } from 'node:path';
import { $ } from 'zx';
import { engineFacts } from '../../cli/host/engine.ts';
import { hasRyuk } from './engine-api.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface TestEngine {
  socket: string;
  /** One line for people. */
  about: string;
  /** For the test processes. */
  env: Record<string, string>;
  /** Ends the engine if it was started here; its images stay on disk for the next run. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Instead of an engine: why there is none. */
export interface NoEngine {
  reason: string;
}

const SCRIPT = join(import.meta.dirname, '..', 'docker-engine');

/** `DEVKIT_REQUIRE=docker,gpu`: tests that would be skipped for want of these fail instead. */
export const requires = (env: Env, what: string): boolean => (env['DEVKIT_REQUIRE'] ?? '').split(',').includes(what);

/**
 * DOCKER_HOST if set; else the engine of DEVKIT_DOCKER_DIR if set; else whatever answers at the usual sockets; else one
 * that `scripts/docker-engine` starts (root only, may install Docker).
 */
export async function findOrStartEngine(env: Env): Promise<TestEngine | NoEngine> {
  if (env['DOCKER_HOST'] || !env['DEVKIT_DOCKER_DIR']) {
    const facts = await engineFacts(env);
    if (facts.state === 'reachable') return testEngine(facts.socket, facts.message, env);
    if (env['DOCKER_HOST']) return { reason: facts.message };
    if (process.getuid?.() !== 0) return { reason: `${facts.message}; starting one needs root` };
  }
  const script = (command: string, verbose = false) =>
    $({
      nothrow: true,
      verbose,
      quiet: !verbose,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env },
    })`${SCRIPT} ${command}`;
  const running = (await script('status')).exitCode === 0;
  if (!running) {
    const started = await script('start', true);
    // Ctrl-C ends the script, but not the engine that it has just started
    if (started.signal !== null) await script('stop');
    if (started.exitCode !== 0)
      return { reason: started.stderr.trim().split('\n').at(-1) ?? 'it could not be started' };
  }
  const socket = (await script('env')).stdout.trim().replace(/^.*=unix:\/\//, '');
  const about = (await script('status')).stdout.trim();
  const stop = async (): Promise<void> => {
    await script('stop');
  };
  return testEngine(socket, running ? about : `${about}, started for this run`, env, running ? undefined : stop);
}

async function testEngine(socket: string, about: string, env: Env, stop?: () => Promise<void>): Promise<TestEngine> {
  const required = new Set((env['DEVKIT_REQUIRE'] ?? '').split(',').filter((word) => word !== ''));
  // with an engine at hand, a container test that skips is a mistake
  required.add('docker');
  const ryuk = env['TESTCONTAINERS_RYUK_DISABLED'] !== undefined || (await hasRyuk(socket));
  return {
    socket,
    about,
    env: {
      DOCKER_HOST: `unix://${socket}`,
      DEVKIT_REQUIRE: [...required].join(','),
      ...(ryuk ? {} : { TESTCONTAINERS_RYUK_DISABLED: 'true' }),
    },
    [Symbol.asyncDispose]: async () => stop?.(),
  };
}
