#!/usr/bin/env node
/** `contracts.ts build` compiles the contracts into systems/zksync/contracts/artifacts; `check` compiles again and compares. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import solc from 'solc';
import { toHex } from 'viem';
import { cacheDir } from '../lib/cache-dir.ts';
import { createBb } from '../proving/bb.ts';
import { DEV_CRS_ID } from '../proving/crs/dev.ts';
import { ensureCrs } from '../proving/crs.ts';
import type { Aggregation } from '../systems/zksync/protocol/ids.ts';
import { committedCircuits } from '../systems/zksync/protocol/keys/make-keys.ts';
import {
  ARTIFACTS_DIR,
  artifactOf,
  type ContractArtifact,
  standardJson,
  type VerifierArtifact,
} from '../systems/zksync/protocol/l1/artifacts.ts';
import { verifierArtifact, verifierInput } from '../systems/zksync/protocol/l1/compile-verifier.ts';

const SOURCES = new URL('../systems/zksync/contracts/', import.meta.url);

async function ours(file: string, contract: string, imports: string[]): Promise<ContractArtifact> {
  const sources: Record<string, string> = {};
  for (const name of [file, ...imports]) sources[name] = await readFile(new URL(name, SOURCES), 'utf8');
  const input = standardJson(sources, 200);
  return artifactOf(input, solc.compile(input) as string, solc.version(), contract);
}

/** The verifier for the committed dev keys of a mode; undefined when there are none. */
async function verifier(aggregation: Aggregation): Promise<VerifierArtifact | undefined> {
  const circuits = await committedCircuits(aggregation, DEV_CRS_ID);
  const key = circuits?.get('compressor')?.key;
  if (!key) {
    console.error(`no committed dev keys for ${aggregation}: its verifier is left out`);
    return undefined;
  }
  const crs = await ensureCrs({ crs: 'dev', points: 1 << 14, cacheDir: cacheDir() });
  const bb = createBb({ crs, cacheDir: cacheDir() });
  const source = await bb.solidityVerifier({ key, optimized: true });
  const vkHash = toHex(key.hash, { size: 32 });
  const output = solc.compile(verifierInput(source)) as string;
  return verifierArtifact(source, output, solc.version(), { vkHash, crs: crs.id });
}

async function artifacts(): Promise<Record<string, ContractArtifact | undefined>> {
  return {
    rollup: await ours('Rollup.sol', 'Rollup', ['IVerifier.sol']),
    'l1-messenger': await ours('L1Messenger.sol', 'L1Messenger', []),
    traffic: await ours('Traffic.sol', 'Traffic', []),
    'verifier-linked-dev': await verifier('linked'),
    'verifier-recursive-dev': await verifier('recursive'),
  };
}

const command = process.argv[2];
if (command !== 'build' && command !== 'check') {
  console.error('usage: node scripts/contracts.ts build|check');
  process.exit(2);
}
await mkdir(ARTIFACTS_DIR, { recursive: true });
let different = 0;
for (const [name, artifact] of Object.entries(await artifacts())) {
  if (!artifact) continue;
  const path = `${ARTIFACTS_DIR}${name}.json`;
  const text = `${JSON.stringify(artifact, null, 1)}\n`;
  const size = artifact.deployedBytecode.length / 2 - 1;
  if (command === 'build') await writeFile(path, text);
  const same = (await readFile(path, 'utf8').catch(() => '')) === text;
  if (!same) different += 1;
  console.log(`${name}: ${size} bytes of code${same ? '' : ', differs from the committed artifact'}`);
}
if (different > 0) {
  console.error(`${different} artifacts differ from the sources: node scripts/contracts.ts build`);
  process.exit(1);
}
