/** Statement, folders and programs of these tests. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exampleStatement, type StatementBody } from '../../../../systems/proof-market/protocol/proving/example.ts';

export const ROOT = resolve(import.meta.dirname, '../../../..');
export const COMPONENTS = join(ROOT, 'systems/proof-market/components');

export interface Workspace extends AsyncDisposable {
  dir: string;
  statement: StatementBody & { _key: string };
  circuitInput: string;
  publicInput: string;
  file(name: string, content: unknown): Promise<string>;
}

/** A folder with the statement of the market and the input of the guide. */
export async function openWorkspace(): Promise<Workspace> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-generator-'));
  const file = async (name: string, content: unknown): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const statement = { _key: '32326', ...(await exampleStatement()) };
  return {
    dir,
    statement,
    file,
    circuitInput: await file('statement.json', statement),
    publicInput: await file('input.json', { input: '1\n11' }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export async function runToEnd(argv: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(argv[0]!, argv.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  return { code, stdout, stderr };
}
