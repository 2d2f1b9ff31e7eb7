/** `--system`: which systems there are, and commands that are of one. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { devkit } from './support.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'system-flag-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** What is printed of a command that must be refused. */
async function refused(line: string, env: Record<string, string> = {}): Promise<{ exitCode: number; lines: string[] }> {
  const { exitCode, stdout, stderr } = await devkit(line, { cwd: dir, env });
  expect(stdout).toBe('');
  const [message = '', ...rest] = stderr.replaceAll(dir, '<dir>').trimEnd().split('\n');
  expect(message).toMatch(/^error: /);
  return { exitCode, lines: [message.slice('error: '.length), ...rest] };
}

async function makeDevnet(name: string, system: string): Promise<void> {
  const { dir: folder, stateFile } = devnetPaths(dir, name);
  await mkdir(folder, { recursive: true });
  await writeFile(stateFile, JSON.stringify({ system }));
}

describe('a system that there is not', () => {
  test.each([
    [
      '--system proof-markt',
      {},
      '--system takes proof-market, zksync; not "proof-markt"',
      'did you mean proof-market?',
    ],
    ['--system zk-sync', {}, '--system takes proof-market, zksync; not "zk-sync"', 'did you mean zksync?'],
  ])('%s is refused with the systems and the nearest', async (flags, env, message, hint) => {
    expect(await refused(`status ${flags}`, env)).toEqual({ exitCode: 2, lines: [message, `→ ${hint}`] });
  });

  test('also from the environment', async () => {
    const { exitCode, lines } = await refused('status', { DEVKIT_SYSTEM: 'zksink' });
    expect(exitCode).toBe(2);
    expect(lines.join('\n')).toContain('takes proof-market, zksync; not "zksink"');
  });
});

describe('a command of one system', () => {
  test.each([
    ['market bid get --system zksync', 'devkit market bid get is a command of proof-market, not of zksync'],
    ['prove --system proof-market', 'devkit prove is a command of zksync, not of proof-market'],
    ['batch list --system proof-market', 'devkit batch list is a command of zksync, not of proof-market'],
  ])('%s', async (line, message) => {
    expect(await refused(line)).toEqual({ exitCode: 2, lines: [message, '→ leave --system out'] });
  });

  test('acts on the devnet of its system, and says what makes one', async () => {
    await makeDevnet('default', 'zksync');
    expect(await refused('market bid get')).toEqual({
      exitCode: 2,
      lines: ["there is no devnet 'proof-market' in <dir> (there are: default)", '→ devkit up --system proof-market'],
    });
  });

  test('refuses a devnet of another system by its name', async () => {
    await makeDevnet('chain', 'zksync');
    expect(await refused('market book --devnet chain')).toEqual({
      exitCode: 2,
      lines: [
        "devnet 'chain' is one of zksync, not of proof-market",
        '→ leave --devnet out, or take a name that is free: --devnet proof-market',
      ],
    });
  });
});

describe('commands of every system', () => {
  test.each(['status', 'down', 'env', 'watch', 'export compose --out -'])(
    '%s says what makes a devnet',
    async (line) => {
      const { exitCode, lines } = await refused(`${line} --system proof-market`);
      expect(exitCode).toBe(2);
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain("there is no devnet 'default' in <dir>");
      expect(lines[1]).toContain('devkit up --system proof-market');
    },
  );

  test('with several devnets one has to be named', async () => {
    await makeDevnet('a', 'zksync');
    await makeDevnet('b', 'proof-market');
    expect(await refused('status')).toEqual({
      exitCode: 2,
      lines: ['<dir> has several devnets: a, b', '→ say which one, e.g. --devnet a'],
    });
  });
});
