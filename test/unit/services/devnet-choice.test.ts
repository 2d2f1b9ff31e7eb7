/** Which devnet of a workspace a command acts on. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DevkitError } from '../../../cli/core/errors.ts';
import { devnetPaths } from '../../../cli/core/paths.ts';
import { makeCommand, noDevnet, openServiceContext } from '../../../cli/services/context.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devnet-choice-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Devnets by name → system; `half-made`: no state file yet, `damaged`: one that is no JSON. */
async function devnets(systems: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, system] of Object.entries(systems)) {
    const { dir: folder, stateFile } = devnetPaths(dir, name);
    await mkdir(folder, { recursive: true });
    if (system !== 'half-made') await writeFile(stateFile, system === 'damaged' ? '{' : JSON.stringify({ system }));
  }
}

interface Asked {
  devnet?: string;
  system?: string;
}

const open = (asked: Asked) =>
  openServiceContext({ cwd: dir, workspace: dir, ...asked, emit: () => {}, signal: new AbortController().signal });

function refused(asked: Asked): { code: string; message: string; hint: string | undefined } {
  try {
    open(asked);
  } catch (error) {
    if (!(error instanceof DevkitError)) throw error;
    return { code: error.code, message: error.message.replaceAll(dir, '<dir>'), hint: error.hint };
  }
  throw new Error('it was opened');
}

describe.each<[string, Record<string, string>, Asked, { name: string; system: string | undefined }]>([
  ['nothing is there and nothing said', {}, {}, { name: 'default', system: undefined }],
  ['nothing is there', {}, { system: 'proof-market' }, { name: 'default', system: 'proof-market' }],
  ['the only one, whatever its name', { pm: 'proof-market' }, {}, { name: 'pm', system: 'proof-market' }],
  ['the one that is named', { a: 'zksync', b: 'zksync' }, { devnet: 'b' }, { name: 'b', system: 'zksync' }],
  ['a new one that is named', { a: 'zksync' }, { devnet: 'c' }, { name: 'c', system: undefined }],
  [
    'a new one that is named, of a system',
    { a: 'zksync' },
    { devnet: 'c', system: 'proof-market' },
    { name: 'c', system: 'proof-market' },
  ],
  [
    'the only one of the system',
    { chain: 'zksync', pm: 'proof-market' },
    { system: 'proof-market' },
    { name: 'pm', system: 'proof-market' },
  ],
  [
    '`default` of several',
    { default: 'zksync', other: 'zksync', pm: 'proof-market' },
    {},
    { name: 'default', system: 'zksync' },
  ],
  [
    '`default` of several of the system',
    { default: 'proof-market', other: 'proof-market', chain: 'zksync' },
    { system: 'proof-market' },
    { name: 'default', system: 'proof-market' },
  ],
  [
    'the first of a system where others are, but not under `default`',
    { chain: 'zksync' },
    { system: 'proof-market' },
    { name: 'default', system: 'proof-market' },
  ],
  [
    'the first of a system where `default` is of another: named after its system',
    { default: 'zksync' },
    { system: 'proof-market' },
    { name: 'proof-market', system: 'proof-market' },
  ],
  ['the other way round', { default: 'proof-market' }, { system: 'zksync' }, { name: 'zksync', system: 'zksync' }],
  ['one that was interrupted while it was made', { half: 'half-made' }, {}, { name: 'half', system: undefined }],
  [
    'one that was interrupted may be of any system',
    { half: 'half-made' },
    { system: 'proof-market' },
    { name: 'half', system: 'proof-market' },
  ],
  ['one with a damaged state file: whoever uses it says so', { x: 'damaged' }, {}, { name: 'x', system: undefined }],
])('acted on is %s', (_name, there, asked, { name, system }) => {
  test(`${JSON.stringify(there)} ${JSON.stringify(asked)}`, async () => {
    await devnets(there);
    const { paths, system: its } = open(asked);
    expect({ name: paths.name, system: its }).toEqual({ name, system });
    // choosing leaves no trace
    const folders = await readdir(join(dir, '.devkit', 'devnets')).catch(() => []);
    expect(folders.sort()).toEqual(Object.keys(there).sort());
  });
});

describe('refused in one line', () => {
  test('several, and none of them `default`', async () => {
    await devnets({ a: 'zksync', b: 'proof-market' });
    expect(refused({})).toEqual({
      code: 'USAGE',
      message: '<dir> has several devnets: a, b',
      hint: 'say which one, e.g. --devnet a',
    });
  });

  test('several of the system: others are not named', async () => {
    await devnets({ a: 'zksync', p1: 'proof-market', p2: 'proof-market' });
    expect(refused({ system: 'proof-market' })).toMatchObject({
      message: '<dir> has several devnets: p1, p2',
      hint: 'say which one, e.g. --devnet p1',
    });
  });

  test('one that is named and of another system', async () => {
    await devnets({ chain: 'zksync' });
    expect(refused({ devnet: 'chain', system: 'proof-market' })).toEqual({
      code: 'USAGE',
      message: "devnet 'chain' is one of zksync, not of proof-market",
      hint: 'leave --devnet out, or take a name that is free: --devnet proof-market',
    });
  });

  test('a name that is none', () => {
    expect(refused({ devnet: '../up' })).toMatchObject({ code: 'USAGE', message: expect.stringContaining("'../up'") });
  });
});

test('what is missing is said with the command that makes one of its system', async () => {
  expect(makeCommand(undefined)).toBe('devkit quickstart');
  expect(makeCommand('zksync')).toBe('devkit quickstart');
  expect(makeCommand('proof-market')).toBe('devkit up --system proof-market');
  expect(noDevnet(open({ system: 'proof-market' }))).toMatchObject({
    code: 'NOT_FOUND',
    message: `there is no devnet 'default' in ${dir} (there are none)`,
    hint: 'devkit up --system proof-market',
  });
  await devnets({ chain: 'zksync' });
  expect(noDevnet(open({ devnet: 'nope' }))).toMatchObject({
    message: `there is no devnet 'nope' in ${dir} (there are: chain)`,
    hint: '--devnet chain',
  });
  // one of another system is of no use
  expect(noDevnet(open({ devnet: 'nope', system: 'proof-market' })).hint).toBe('devkit up --system proof-market');
});
