/** Makes the keys of a mode for a reference string: the committed ones where they fit, else by bb, in the order the pins need. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../../../lib/atomic-file.ts';
import type { Bb } from '../../../../proving/bb.ts';
import { toHex32 } from '../../../../proving/field.ts';
import { cachedKey } from '../../../../proving/key-cache.ts';
import { compileProgram } from '../../../../proving/noir.ts';
import type { Crs } from '../../../../proving/types.ts';
import { BASE_CIRCUIT_LIST, type CircuitName, circuitNames, targetOf, upperCircuits } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';
import { type Circuit, type CircuitSet, circuitSetOf } from './circuit-set.ts';
import { type Commitments, decodeKeyEntry, type KeyEntry, type StoredKey, writeKeyFiles } from './key-files.ts';
import { KeysError } from './keys-error.ts';
import { pinsOf, pinsPath, pinsSource } from './pins.ts';
import { artifactsFolder, CIRCUITS_DIR, circuitFolder, programId, readArtifact } from './programs.ts';

export interface MakeKeysOptions {
  keysDir: string;
  aggregation: Aggregation;
  /** Needs `CRS_POINTS[aggregation].keys` points unless the committed keys are for it. */
  crs: Crs;
  bb: Bb;
  cacheDir: string;
  signal?: AbortSignal;
  /** Called before each key and once at the end. */
  onProgress?: (done: number, total: number, circuit?: CircuitName) => void;
  /** Makes every key by bb even when the committed ones fit. */
  regenerate?: boolean;
}

/** `keys-dev.json` beside the committed programs. */
export interface CommittedKeys {
  format: 'devkit';
  version: 1;
  crs: string;
  keys: KeyEntry[];
}

export const COMMITTED_KEYS_FILE = 'keys-dev.json';

/** Writes the key folder of a mode and returns the loaded set. Safe to repeat. */
export async function makeKeys(options: MakeKeysOptions): Promise<CircuitSet> {
  const { keysDir, aggregation, crs } = options;
  const circuits =
    (options.regenerate ? undefined : await committedCircuits(aggregation, crs.id)) ??
    (await generateCircuits(options));
  const set = await circuitSetOf(aggregation, crs.id, circuits);
  const keys = new Map<CircuitName, StoredKey>();
  for (const { name, key, program } of circuits.values()) {
    const id = programId(program);
    keys.set(name, { key, program: id });
    const committed = await readArtifact(aggregation, name);
    if (committed !== undefined && programId(committed) === id) continue;
    await writeFileAtomic(join(keysDir, 'programs', `${name}.json`), `${JSON.stringify(program)}\n`);
  }
  await writeKeyFiles(keysDir, commitmentsOf(set), keys);
  const total = circuits.size;
  options.onProgress?.(total, total);
  return set;
}

/** Compiles the circuits of a mode from the sources and makes their keys by bb; nothing committed is looked at. */
export async function generateCircuits(options: Omit<MakeKeysOptions, 'keysDir'>): Promise<Map<CircuitName, Circuit>> {
  const { aggregation, crs, bb, cacheDir, signal } = options;
  const names = circuitNames(aggregation);
  const circuits = new Map<CircuitName, Circuit>();
  await withSourceCopy(async (sources) => {
    for (const name of names) {
      signal?.throwIfAborted();
      options.onProgress?.(circuits.size, names.length, name);
      const dir = join(sources, circuitFolder(aggregation, name), name);
      const pins = pinsOf(aggregation, name);
      const pinned = pinsSource(pins, (child) => circuits.get(child)!.key.hash);
      if (pins.length > 0) await writeFile(pinsPath(dir), pinned);
      const program = await compileProgram(dir);
      const key = await cachedKey({
        circuit: name,
        program,
        target: targetOf(name),
        bb,
        crs,
        cacheDir,
        ...(signal && { signal }),
      });
      circuits.set(name, { name, program, key });
    }
  });
  return circuits;
}

/** Committed programs and keys, or undefined when they are for another reference string or other programs. */
export async function committedCircuits(
  aggregation: Aggregation,
  crsId: string,
): Promise<Map<CircuitName, Circuit> | undefined> {
  const circuits = new Map<CircuitName, Circuit>();
  for (const [folder, names] of [
    ['base', BASE_CIRCUIT_LIST],
    [aggregation, upperCircuits(aggregation)],
  ] as const) {
    const path = join(artifactsFolder(folder), COMMITTED_KEYS_FILE);
    const file = await readJson<CommittedKeys>(path);
    if (file?.crs !== crsId) return undefined;
    for (const name of names) {
      const entry = file.keys.find((candidate) => candidate.circuit === name);
      const program = await readArtifact(aggregation, name);
      if (entry === undefined || program === undefined) return undefined;
      const stored = decodeKeyEntry(entry, path);
      if (stored.program !== programId(program))
        throw new KeysError(`${path}: the key of ${name} is of another program`);
      circuits.set(name, { name, program, key: stored.key });
    }
  }
  return circuits;
}

export function commitmentsOf(set: CircuitSet): Commitments {
  const recursive = set.aggregation === 'recursive';
  return {
    leaf: toHex32(set.circuit(recursive ? 'leaf_1' : 'leaf').key.hash),
    node: toHex32(set.nodeKey),
    scheduler: toHex32(set.circuit('scheduler').key.hash),
    snark_wrapper: set.snarkWrapperVkHash,
    fflonk_snark_wrapper: null,
    keyset: toHex32(set.keyset),
    aggregation: set.aggregation,
    crs: set.crsId,
  };
}

/** The compiler reads a folder and the pins are part of the source, so compile a copy. */
async function withSourceCopy<T>(work: (sources: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'devkit-circuits-'));
  try {
    for (const folder of ['common', 'base', 'linked', 'recursive']) {
      await cp(join(CIRCUITS_DIR, folder), join(dir, folder), { recursive: true });
    }
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
