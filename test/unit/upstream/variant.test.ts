/** From stack and chain to the components that run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { devnetPaths } from '../../../cli/core/paths.ts';
import type { Stack } from '../../../cli/core/stack.ts';
import type { ComponentSpec } from '../../../cli/core/types.ts';
import { ecosystemPaths } from '../../../cli/services/ecosystem/files.ts';
import { readStack, type StackOptions } from '../../../cli/services/stack.ts';
import { imagesOf, specsOfVariant, variantOf } from '../../../cli/services/upstream.ts';
import type { ZksyncDevnet } from '../../../systems/zksync/index.ts';
import { floatingTagNotice, versionInTag } from '../../../systems/zksync/upstream/images.ts';
import { affordableThreads } from '../../../systems/zksync/upstream/memory.ts';
import { upstreamDevnet } from '../../fixtures/upstream-devnet.ts';

let dir: string;
let zksync: ZksyncDevnet;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'variant-'));
  zksync = await upstreamDevnet(dir);
  await writeFile(
    join(zksync.ecosystemDir, 'ZkStack.yaml'),
    'name: e\ndefault_chain: era\nbellman_cuda_dir: /opt/bc\n',
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const stackOf = (flags: StackOptions['flags'] = {}): Promise<Stack> =>
  readStack({ paths: devnetPaths(dir, 'default'), cwd: dir }, { flags, env: {} });

const opened = (variant: 'reference' | 'upstream' = 'reference') => {
  const config = { ...zksync.config, devkit: { ...zksync.config.devkit, variant } };
  const paths = ecosystemPaths(zksync.ecosystemDir);
  const ecosystem = { name: 'e', paths, defaultChain: 'era', proverMode: 'gpu', l1Network: 'localhost' } as const;
  return { config, ecosystem, zksync: { ...zksync, config } };
};

const argvOf = (specs: ComponentSpec[], id: string): string[] => specs.find((spec) => spec.id === id)?.argv ?? [];

test("the chain's general.yaml says the variant; file, environment and flag win over it", async () => {
  expect(variantOf(opened(), await stackOf())).toBe('reference');
  expect(variantOf(opened('upstream'), await stackOf())).toBe('upstream');
  expect(variantOf(opened('upstream'), await stackOf({ variant: 'reference' }))).toBe('reference');
  expect(variantOf(opened(), await stackOf({ variant: 'upstream' }))).toBe('upstream');
});

test('reference and upstream have the same components, and other programs', async () => {
  const ours = await specsOfVariant(opened(), await stackOf(), 'process');
  const theirs = await specsOfVariant(opened(), await stackOf({ variant: 'upstream', tag: 'v1' }), 'docker');
  expect(theirs.map(({ id }) => id).sort()).toEqual(ours.map(({ id }) => id).sort());
  expect(imagesOf(ours)).toEqual([]);
  expect(imagesOf(theirs)).toContain('matterlabs/witness-generator:v1');
});

test('bellman-cuda of ZkStack.yaml is for the process only', async () => {
  const stack = await stackOf({ variant: 'upstream' });
  const compressor = async (runtime: 'process' | 'docker') =>
    (await specsOfVariant(opened(), stack, runtime)).find(({ id }) => id === 'compressor');
  expect((await compressor('process'))?.env['BELLMAN_CUDA_DIR']).toBe('/opt/bc');
  expect((await compressor('docker'))?.env).not.toHaveProperty('BELLMAN_CUDA_DIR');
});

test('threads that were given are kept; without, the machine decides', async () => {
  const stack = await stackOf({ variant: 'upstream' });
  expect(argvOf(await specsOfVariant(opened(), stack, 'process', { threads: 7 }), 'circuit-prover')).toContain(
    '--threads=7',
  );
  const counted = await specsOfVariant(opened(), stack, 'process', { lightWvgCount: 3, heavyWvgCount: 1 });
  expect(argvOf(counted, 'circuit-prover').some((word) => word.startsWith('--threads'))).toBe(false);
  expect(argvOf(await specsOfVariant(opened(), stack, 'process'), 'circuit-prover').join(' ')).toMatch(
    /--threads=\d+$/,
  );
});

test.each([
  [{ cores: 64, ramBytes: 256e9 }, 32],
  [{ cores: 16, ramBytes: 64e9 }, 16],
  [{ cores: 48, ramBytes: 64e9 }, 20],
  [{ cores: 2, ramBytes: 8e9 }, 1],
])('threads of %o: %d', (machine, threads) => {
  expect(affordableThreads(machine)).toBe(threads);
});

test.each([
  ['2.0-0.31.0-1a2b3c4-1751450000000', { minor: 31, patch: 0 }],
  ['2.0-v0.27.1-1a2b3c4-1', { minor: 27, patch: 1 }],
  ['2.0-1a2b3c4-1751450000000', undefined],
  ['latest', undefined],
  ['2.0-0.31-1', undefined],
])('version in tag %s', (tag, version) => {
  expect(versionInTag(tag)).toEqual(version);
});

test('a floating tag is pointed out, with what to write instead', () => {
  const version = { minor: 31, patch: 0 };
  expect(floatingTagNotice(['a/b:latest', 'a/c:latest', 'a/d:1'], version)).toBe(
    'a/b:latest and 1 more: "latest" can be another protocol version than the 0.31.0 of this chain, and the components then refuse to work; pin one with --tag 2.0-0.31.0-<sha>-<timestamp>',
  );
  expect(floatingTagNotice(['localhost:5000/a', 'a@sha256:00'], version)).toMatch(/^localhost:5000\/a: /);
  expect(floatingTagNotice(['a:2.0-0.31.0-x-1', 'a@sha256:00'], version)).toBeUndefined();
});
