/** The committed files of a mode: compiled programs, and keys for the dev reference string beside them. */
import { join } from 'node:path';
import { BASE_CIRCUIT_LIST, type CircuitName, upperCircuits } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';
import type { Circuit } from './circuit-set.ts';
import { encodeKeyEntry } from './key-files.ts';
import { COMMITTED_KEYS_FILE, type CommittedKeys } from './make-keys.ts';
import { pinsOf, pinsPath, pinsSource } from './pins.ts';
import { artifactPath, artifactsFolder, CIRCUITS_DIR, programId } from './programs.ts';

/** Path -> content of every generated file of the mode (base circuits included, and in `recursive` the pinned hashes). */
export function artifactFiles(
  aggregation: Aggregation,
  crsId: string,
  circuits: ReadonlyMap<CircuitName, Circuit>,
): Map<string, string> {
  const files = new Map<string, string>();
  const folders = [
    ['base', BASE_CIRCUIT_LIST],
    [aggregation, upperCircuits(aggregation)],
  ] as const;
  for (const [folder, names] of folders) {
    const keys: CommittedKeys = { format: 'devkit', version: 1, crs: crsId, keys: [] };
    for (const name of names) {
      const { program, key } = circuits.get(name)!;
      files.set(artifactPath(aggregation, name), `${JSON.stringify(program)}\n`);
      keys.keys.push(encodeKeyEntry(name, { key, program: programId(program) }));
      const pins = pinsOf(aggregation, name);
      if (pins.length === 0) continue;
      const source = pinsSource(pins, (pinned) => circuits.get(pinned)!.key.hash);
      files.set(pinsPath(join(CIRCUITS_DIR, folder, name)), source);
    }
    files.set(join(artifactsFolder(folder), COMMITTED_KEYS_FILE), `${JSON.stringify(keys, null, 1)}\n`);
  }
  return files;
}
