/** The market and producers as processes, as they run in a devnet. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { poll } from '../../../../lib/deadline.ts';
import { createMarketClient, type MarketClient } from '../../../../systems/proof-market/protocol/client/client.ts';
import type { TestPostgres } from '../../../fixtures/postgres.ts';
import { COMPONENTS } from '../generator/setup.ts';

export const signal = AbortSignal.timeout(600_000);
export const STATEMENT = '32326';

export const until = <T>(fn: () => Promise<T | undefined>): Promise<T> =>
  poll(fn, { intervalMs: 50, timeoutMs: 60_000, signal });

export interface Program {
  child: ChildProcess;
  /** What it has logged so far, a JSON object a line. */
  log(): Record<string, unknown>[];
  logged(text: string): Promise<Record<string, unknown>>;
  /** Exit code, once all of its output is here too. */
  ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

function start(argv: string[], env: Record<string, string>): Program {
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout!.on('data', (chunk) => (output += chunk));
  const ended = (once(child, 'close') as Promise<[number | null]>).then(([code]) => code);
  const log = () => output.split('\n').filter(Boolean).flatMap(parsed);
  return {
    child,
    ended,
    log,
    logged: (text) => until(async () => log().find(({ msg }) => String(msg).includes(text))),
    kill: async (name) => {
      child.kill(name);
      return ended;
    },
  };
}

/** The last line may be cut. */
function parsed(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}

export interface MarketDevnet extends AsyncDisposable {
  url: string;
  dir: string;
  startMarket(): Promise<Program>;
  /** Signs the user up. */
  user(name: string): Promise<MarketClient>;
  /** `offers`: content of the statements file. Files of producers of the same `folder` are shared. */
  producer(
    user: string,
    options?: { offers?: object; flags?: string[]; pod?: string; folder?: string },
  ): Promise<Program>;
}

export async function openMarketDevnet(postgres: TestPostgres): Promise<MarketDevnet> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-market-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const started: Program[] = [];
  const path = (name: string): string => join(dir, name);
  await writeFile(path('market.yaml'), `market:\n  port: ${port}\n`);
  await writeFile(path('secrets.yaml'), `database:\n  market_url: ${await postgres.emptyDatabase()}\n`);
  const run = (argv: string[], env: Record<string, string> = {}): Program => {
    const program = start(argv, { ...env, DEVKIT_LOG: 'debug' });
    started.push(program);
    return program;
  };
  return {
    url,
    dir,
    startMarket: async () => {
      const flags = [`--config-path=${path('market.yaml')}`, `--secrets-path=${path('secrets.yaml')}`];
      const market = run([join(COMPONENTS, 'market/main.ts'), ...flags]);
      await market.logged('market ready');
      return market;
    },
    user: async (name) => {
      const client = createMarketClient({ url, credentials: { username: name, password: `pw-${name}` } });
      await client.signup({ user: name, passwd: `pw-${name}`, email: `${name}@example.org` }, signal);
      return client;
    },
    producer: async (user, { offers = { [STATEMENT]: { cost: 2 } }, flags = [], pod = user, folder = user } = {}) => {
      const statements = path(`statements-${pod}.json`);
      await writeFile(statements, JSON.stringify(offers));
      const auth = path(`auth-${user}.json`);
      await writeFile(auth, JSON.stringify({ username: user, secret: `pw-${user}` }));
      const given = [`--url=${url}`, `--auth=${auth}`, `--statements=${statements}`, `--db-path=${path(folder)}`];
      const argv = [join(COMPONENTS, 'producer/main.ts'), ...given, '--poll-interval=50ms', ...flags];
      return run(argv, { POD_NAME: pod });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map(({ child, kill }) => (child.exitCode === null ? kill('SIGKILL') : undefined)));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export const readText = (path: string): Promise<string> => readFile(path, 'utf8');
