/** What `env` writes for the original Python scripts and for those who want a generator program. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeToolFiles } from '../../../cli/services/env.ts';
import { scriptFiles } from '../../../systems/proof-market/scripts.ts';

const run = promisify(execFile);
const FILES = scriptFiles('http://127.0.0.1:8729/', { username: 'requester', password: 'p-w_1' });

/** Every name that a script of the toolchain imports from `constants`, of any age, and what it must be. */
const NAMES = {
  URL: 'http://127.0.0.1:8729/',
  DB_NAME: 'market',
  MOUNT: '/v0_0',
  REQUEST_TIMEOUT: 100,
  USER: 'requester',
  MY_STATEMENTS: { '32326': { cost: 5, asks_limit: 10, proposals_limit: 10 } },
  ASK_UPDATE_INTERVAL: 20,
  WAIT_BEFORE_SEND_PROOF: 30,
  AUTH_FILE: './.auth.json',
  PROOFS_DIR: './proofs/statements/',
  PROOF_GEN_CONFIG_FILE: './proof_generators.ini',
};

let dir: string;
beforeAll(async () => {
  // a folder of a user who likes blanks and quotes
  dir = await mkdtemp(join(tmpdir(), "tool files of 'me' "));
  await writeToolFiles(dir, FILES);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('login and constants, once for the scripts and once for the daemon, which has a folder of its own', () => {
  expect(Object.keys(FILES).sort()).toEqual([
    '.secret',
    '.user',
    'bin/proof-generator',
    'bin/proof-generator-mt',
    'constants.py',
    'proof_producer/.secret',
    'proof_producer/.user',
    'proof_producer/constants.py',
  ]);
  // the scripts read the whole file, without trimming it
  expect([FILES['.user'], FILES['.secret']]).toEqual(['requester', 'p-w_1']);
  for (const name of ['.user', '.secret', 'constants.py']) expect(FILES[`proof_producer/${name}`]).toBe(FILES[name]);
});

describe('constants.py', () => {
  const python = whyNoPython();
  test.skipIf(python !== undefined)(`is Python with every name that the scripts import${python ?? ''}`, async () => {
    const names = Object.keys(NAMES).join(', ');
    const program = `import json; from constants import ${names}; print(json.dumps(dict(zip("${names}".split(", "), (${names})))))`;
    const { stdout } = await run('python3', ['-B', '-c', program], { cwd: dir });
    expect(JSON.parse(stdout)).toEqual(NAMES);
  });

  test('joins to the address that the market serves', () => {
    const { URL: root, DB_NAME, MOUNT } = NAMES;
    // as `get_headers` and `push` of the scripts put it together, with two slashes
    expect(`${root}_db/${DB_NAME}/${MOUNT}/bid/`).toBe('http://127.0.0.1:8729/_db/market//v0_0/bid/');
    for (const name of Object.keys(NAMES)) expect(FILES['constants.py']).toMatch(new RegExp(`^${name} = `, 'm'));
  });
});

describe('the generator programs', () => {
  test.each([
    ['proof-generator', /^proof-generator of devkit, variant reference/],
    ['proof-generator-mt', /^proof-generator-mt of devkit, variant reference .*\n0\n$/],
  ])('bin/%s runs from any folder', async (name, said) => {
    const { stdout } = await run(join(dir, 'bin', name), ['--version'], { cwd: tmpdir() });
    expect(stdout).toMatch(said);
  });

  test('arguments arrive as they were given', async () => {
    const failed = await run(join(dir, 'bin', 'proof-generator'), ['--circuit_input', 'a b$c', '--nope']).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining("unknown option 'nope'") });
  });
});

/** Undefined where python3 runs. */
function whyNoPython(): string | undefined {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    return ` (skipped: python3 does not run: ${(error as Error).message})`;
  }
}
