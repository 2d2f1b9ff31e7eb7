import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CODE_SIZE_LIMIT,
  CompileError,
  type VerifierArtifact,
  verifierPath,
} from '../../../systems/zksync/protocol/l1/artifacts.ts';
import { compileVerifier } from '../../../systems/zksync/protocol/l1/compile-verifier.ts';
import { type Forger, openForger } from './forged.ts';

const repository = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const signal = new AbortController().signal;

let dir: string;
let forger: Forger;
let committed: VerifierArtifact;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'contracts-'));
  forger = await openForger(dir);
  committed = JSON.parse(await readFile(verifierPath('linked'), 'utf8')) as VerifierArtifact;
});

afterAll(() => rm(dir, { recursive: true }));

test('the committed artifacts are what the sources and keys give', async () => {
  const child = spawn(process.execPath, [repository('scripts/contracts.ts'), 'check'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEVKIT_CACHE_DIR: dir },
  });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});

test('the verifier is for the key that the rollup names', () => {
  expect(committed.vkHash).toBe(forger.circuitSet.snarkWrapperVkHash);
});

test('the verifier fits on a chain', () => {
  expect(committed.deployedBytecode.length / 2 - 1).toBeLessThan(CODE_SIZE_LIMIT);
});

test('a compiler on PATH makes the same verifier', async () => {
  const key = forger.circuitSet.circuit('compressor').key;
  const source = await forger.bb.solidityVerifier({ key, optimized: true });
  const options = { source, crs: 'dev-1', solc: repository('node_modules/solc/solc.js'), signal };
  const compiled = await compileVerifier({ ...options, vkHash: forger.circuitSet.snarkWrapperVkHash });
  expect(compiled.bytecode).toBe(committed.bytecode);
  await expect(compileVerifier({ ...options, vkHash: `0x${'11'.repeat(32)}` })).rejects.toThrow(CompileError);
});
