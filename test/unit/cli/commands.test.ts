import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { devkit } from './support.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-commands-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const HASH = '0x14f97b81e54b35fe673d8708cc1a19e1ea5b5e348e12d31e39824ed4f42bbca2';
const DB = 'postgres://postgres:pw@127.0.0.1:1/none';

describe('prover run', () => {
  test.each([
    ['--component=gatewy', 'there is no component "gatewy"', 'devkit prover run --component=gateway'],
    ['', '--component is missing', 'devkit prover run --all'],
    [
      '--component=witness-vector-generator --threads 10',
      'witness vectors are made inside circuit-prover',
      'devkit prover run --component=circuit-prover --threads 2',
    ],
    ['--component=gateway --round=scheduler', '--round belongs to --component=witness-generator', ''],
    ['--all --mode=plonk', '--mode belongs to --component=compressor, not to --all', ''],
    ['--component=circuit-prover -l 3', '--light-wvg-count and --heavy-wvg-count belong together', ''],
    ['--component=gateway --docker=perhaps', '--docker takes true or false', ''],
    ['--component=gateway --all', '--all and --component exclude each other', ''],
  ])('%s exits 2', async (flags, message, hint) => {
    const { exitCode, stdout, stderr } = await devkit(`prover run ${flags}`.trim(), { cwd: dir });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });

  test('--component=prover is the circuit prover, with a notice', async () => {
    const { stderr } = await devkit('prover run --component=prover', { cwd: dir });
    expect(stderr).toMatch(/^note: --component=prover is the old name of circuit-prover/);
  });
});

describe('server', () => {
  test.each([
    ['--components=api,treee', 'the server has no component "treee"', 'did you mean tree?'],
    ['--server-command=x', 'the reference variant runs its own server', 'leave --server-command out'],
    ['-- --no-run', 'the server takes no further arguments, not "--no-run"', 'devkit server --help'],
  ])('%s exits 2', async (flags, message, hint) => {
    const { exitCode, stderr } = await devkit(`server ${flags}`, { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
  });
});

describe('values that the prover database would not take', () => {
  test.each([
    [
      `prover-cli ${DB} insert-version --version=24 --patch=2 --snark-wrapper=0x12`,
      '--snark-wrapper takes a hash of 32 bytes',
    ],
    [
      `prover-cli ${DB} insert-version --version=70000 --patch=2 --snark-wrapper=${HASH}`,
      '--version takes a whole number from 0 to 65535',
    ],
    [`prover-cli ${DB} insert-version --patch=2 --snark-wrapper=${HASH}`, '--version is missing'],
    [`prover-cli ${DB} insert-batch --number=-1 --version=24 --patch=2`, '--number'],
    [`prover-cli mysql://x status batch -n 1`, 'is neither a command of prover-cli nor a database URL'],
    [`prover-cli ${DB} restart`, '--batch or --prover-job is missing'],
  ])('%s', async (line, message) => {
    const { exitCode, stderr } = await devkit(line, { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  test('a database that does not answer is a component that failed', async () => {
    const { exitCode, stderr } = await devkit(`prover-cli ${DB} stats`, { cwd: dir });
    expect(exitCode).toBe(4);
    expect(stderr).toContain('cannot connect to postgres://');
    expect(stderr).not.toContain(':pw@');
    expect(stderr).toContain('→ devkit containers');
  });
});

describe('destructive commands', () => {
  test('are not asked about where there is no terminal', async () => {
    const { exitCode, stderr } = await devkit(`prover-cli ${DB} delete --all`, { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Are you sure you want to delete the data?');
    expect(stderr).toContain('→ repeat the command with --yes');
  });
});

describe('prover init', () => {
  test.each([
    ['--bucket-base-url gs://x', 'the reference variant keeps proofs in files only'],
    ['--project-id p --bucket-name b --location us', 'the reference variant keeps proofs in files only'],
    ['--deploy-proving-network', 'the reference variant has no proving network'],
  ])('%s is refused', async (flags, message) => {
    const { exitCode, stderr } = await devkit(`prover init ${flags}`, { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('prover-cli config and file-info', () => {
  test('the URL is remembered and used', async () => {
    const file = join(dir, 'pliconfig');
    const env = { PLI__CONFIG: file };
    expect((await devkit(['prover-cli', 'config', DB], { cwd: dir, env })).exitCode).toBe(0);
    expect((await devkit('prover-cli stats', { cwd: dir, env })).stderr).toContain('127.0.0.1:1/none');
  });

  test('a file that is none of ours is refused', async () => {
    const file = join(dir, 'x.bin');
    await writeFile(file, 'not cbor');
    const { exitCode, stderr } = await devkit(['prover-cli', 'file-info', '-f', file], { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is no file of a devkit object store (8 bytes)');
  });

  test('a missing file is named', async () => {
    const { exitCode, stderr } = await devkit('prover-cli file-info -f nope.cbor', { cwd: dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${join(dir, 'nope.cbor')}: ENOENT`);
  });
});

describe('output', () => {
  test('--json prints one document with schemaVersion on stdout, nothing on stderr', async () => {
    const { exitCode, stdout, stderr } = await devkit('server build --json', { cwd: dir });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, built: false });
  });

  test('--json errors are one JSON line on stderr', async () => {
    const { stdout, stderr } = await devkit('keys list --json', { cwd: dir });
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ schemaVersion: 1, error: { code: 'NOT_FOUND', exitCode: 2 } });
  });

  test('--quiet drops notices', async () => {
    const { stderr } = await devkit('prover run --component=prover --quiet', { cwd: dir });
    expect(stderr).not.toContain('note:');
  });

  test('an interrupted command exits 130', async () => {
    const { DevkitError } = await import('../../../cli/core/errors.ts');
    const signal = AbortSignal.abort(new DevkitError('INTERRUPTED', 'stopped by Ctrl-C'));
    expect((await devkit('server build', { cwd: dir, signal })).exitCode).toBe(0);
    expect((await devkit('quickstart --ignore-prerequisites', { cwd: join(dir, 'q'), signal })).exitCode).toBe(130);
  });
});
