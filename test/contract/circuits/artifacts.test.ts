/** Committed programs and keys are what the sources give. `recursive` has the same check as `scripts/circuits.ts check`, too slow for here. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { poseidon2Hash } from '@zkpassport/poseidon2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDir } from '../../../lib/cache-dir.ts';
import { createBb } from '../../../proving/bb.ts';
import { ensureCrs } from '../../../proving/crs.ts';
import type { Crs } from '../../../proving/types.ts';
import { CRS_POINTS, circuitNames } from '../../../systems/zksync/protocol/circuits.ts';
import { artifactFiles } from '../../../systems/zksync/protocol/keys/artifact-files.ts';
import { loadCircuitSet, makeKeys } from '../../../systems/zksync/protocol/keys/circuit-set.ts';
import { committedCircuits, generateCircuits } from '../../../systems/zksync/protocol/keys/make-keys.ts';

let dir: string;
let crs: Crs;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'devkit-artifacts-'));
  crs = await ensureCrs({ crs: 'dev', points: CRS_POINTS.linked.keys, cacheDir: cacheDir() });
}, 120_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

test('linked programs and dev keys are as committed', async () => {
  const bb = createBb({ crs, cacheDir: dir });
  // an empty key cache: everything is made by bb
  const circuits = await generateCircuits({ aggregation: 'linked', crs, bb, cacheDir: dir });
  for (const [path, content] of artifactFiles('linked', crs.id, circuits)) {
    expect(await readFile(path, 'utf8'), path).toBe(content);
  }
}, 120_000);

test.each(['linked', 'recursive'] as const)('every %s key has the hash that it is known by', async (aggregation) => {
  const circuits = (await committedCircuits(aggregation, crs.id))!;
  expect([...circuits.keys()]).toEqual(circuitNames(aggregation));
  for (const { name, key } of circuits.values()) {
    if (key.target === 'evm') continue; // a keccak hash, checked against the Solidity verifier
    const words = Buffer.from(key.bytes).toString('hex').match(/.{64}/g)!;
    expect(poseidon2Hash(words.map((word) => BigInt(`0x${word}`))), name).toBe(key.hash);
  }
});

describe('a key folder', () => {
  let keysDir: string;
  beforeAll(async () => {
    keysDir = join(dir, 'keys');
    await makeKeys({ keysDir, aggregation: 'linked', crs, bb: createBb({ crs, cacheDir: dir }), cacheDir: dir });
  });
  const file = (name: string): string => join(keysDir, name);

  test('loads as it was made', async () => {
    const set = await loadCircuitSet({ keysDir, aggregation: 'linked' });
    const commitments = JSON.parse(await readFile(file('commitments.json'), 'utf8'));
    expect(commitments).toMatchObject({ aggregation: 'linked', crs: crs.id, fflonk_snark_wrapper: null });
    expect(BigInt(commitments.keyset)).toBe(set.keyset);
    expect(commitments.snark_wrapper).toBe(set.snarkWrapperVkHash);
  });

  test('has the hash that the Solidity verifier has', async () => {
    const set = await loadCircuitSet({ keysDir, aggregation: 'linked' });
    const bb = createBb({ crs, cacheDir: dir });
    const source = await bb.solidityVerifier({ key: set.circuit('compressor').key, optimized: true });
    const [, hash] = /VK_HASH = (0x[0-9a-f]+);/.exec(source)!;
    expect(BigInt(hash!)).toBe(BigInt(set.snarkWrapperVkHash));
  });

  test('of the other mode is refused', async () => {
    await expect(loadCircuitSet({ keysDir, aggregation: 'recursive' })).rejects.toThrow(/linked aggregation/);
  });

  test('that does not exist is refused, naming the command', async () => {
    await expect(loadCircuitSet({ keysDir: join(dir, 'none'), aggregation: 'linked' })).rejects.toThrow(/setup-keys/);
  });

  test('with a damaged key is refused, and mended by making the keys again', async () => {
    const path = file('verification_basic_9_key.json');
    const text = await readFile(path, 'utf8');
    const [word] = /(?<="bytes": "0x)[0-9a-f]{40}/.exec(text)!;
    await writeFile(path, text.replace(word, word.replace(/^./, 'f')));
    await expect(loadCircuitSet({ keysDir, aggregation: 'linked' })).rejects.toThrow(/storage_filter is damaged/);
    await makeKeys({ keysDir, aggregation: 'linked', crs, bb: createBb({ crs, cacheDir: dir }), cacheDir: dir });
    await expect(loadCircuitSet({ keysDir, aggregation: 'linked' })).resolves.toBeDefined();
  });
});
