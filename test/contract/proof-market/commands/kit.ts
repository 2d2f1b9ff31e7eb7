/** A market devnet of processes, and the command line of the kit beside it, as its user has it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect } from 'vitest';
import { devnetPaths } from '../../../../cli/core/paths.ts';
import { STATE_VERSION, updateState } from '../../../../cli/core/state.ts';
import { databaseUrl } from '../../../../systems/proof-market/index.ts';
import { createMarketClient, type MarketClient } from '../../../../systems/proof-market/protocol/client/client.ts';
import { freePort } from '../../../fixtures/postgres.ts';
import { devkit, type Run } from '../../../unit/cli/support.ts';

export interface Refusal {
  exitCode: number;
  message: string;
  hint: string | undefined;
}

export interface MarketKit extends AsyncDisposable {
  dir: string;
  /** Root of the market. */
  url: string;
  run(line: string | readonly string[]): Promise<Run>;
  /** The document of a command with `--json` that must succeed. */
  json<T>(line: string | readonly string[]): Promise<T>;
  /** Of a command that must fail: one line that says what, one that says what next, and nothing on stdout. */
  refused(line: string | readonly string[]): Promise<Refusal>;
  /** A file in the folder that commands run in. */
  file(name: string, content: unknown): Promise<string>;
  /** Rows of the market's database. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** As the market's own client, with a login that is not the kit's. */
  client(username: string, password: string): MarketClient;
}

export const STATEMENT = '32326';

const wordsOf = (line: string | readonly string[]): readonly string[] =>
  typeof line === 'string' ? line.split(' ') : line;

/** Ports that are free, so that several test files can have one at a time. `folder`: how the name of its folder begins. */
export async function openMarketKit(folder = 'devkit-market-kit-'): Promise<MarketKit> {
  const dir = await mkdtemp(join(tmpdir(), folder));
  const ports = { postgres: await freePort(), market: await freePort() };
  const run: MarketKit['run'] = (line) => devkit(wordsOf(line), { cwd: dir });
  const kit: MarketKit = {
    dir,
    url: `http://127.0.0.1:${ports.market}/`,
    run,
    json: async (line) => {
      const { exitCode, stdout, stderr } = await run([...wordsOf(line), '--json']);
      if (exitCode !== 0) throw new Error(`devkit ${wordsOf(line).join(' ')}: exit code ${exitCode}\n${stderr}`);
      return JSON.parse(stdout);
    },
    refused: async (line) => refusalOf(await run(line)),
    file: async (name, content) => {
      await writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
      return name;
    },
    sql: async (text, values = []) => {
      await using database = await connect(databaseUrl('127.0.0.1', ports.postgres));
      return (await database.client.query(text, values)).rows;
    },
    client: (username, password) => createMarketClient({ url: kit.url, credentials: { username, password } }),
    [Symbol.asyncDispose]: async () => {
      await run('down --all --yes');
      await rm(dir, { recursive: true, force: true });
    },
  };
  await keepPorts(dir, ports);
  await kit.json('up --ignore-prerequisites');
  return kit;
}

async function connect(connectionString: string): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ connectionString });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

/** `up` takes what the state says. */
async function keepPorts(dir: string, ports: Record<string, number>): Promise<void> {
  await updateState(devnetPaths(dir, 'default'), () => ({
    schemaVersion: STATE_VERSION,
    name: 'default',
    system: 'proof-market',
    runtime: 'process',
    variant: 'reference',
    createdAt: new Date().toISOString(),
    ports,
    portShift: 0,
    settings: {},
  }));
}

export function refusalOf({ exitCode, stdout, stderr }: Run): Refusal {
  const lines = stderr.trimEnd().split('\n');
  const first = lines.findIndex((line) => line.startsWith('error: '));
  expect({ stdout, first: lines[first]?.slice(0, 7) }).toEqual({ stdout: '', first: 'error: ' });
  const [message = '', hint, ...rest] = lines.slice(first);
  expect(rest).toEqual([]);
  return { exitCode, message: message.slice('error: '.length), hint: hint?.replace(/^→ /, '') };
}
