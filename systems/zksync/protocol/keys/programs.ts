/** Compiled circuits: committed artifacts, and programs compiled for other keys beside those keys. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readJson } from '../../../../lib/atomic-file.ts';
import type { Program } from '../../../../proving/types.ts';
import { type CircuitName, isBaseCircuit } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';

/** Noir sources: `common`, `base/<name>`, `linked/<name>`, `recursive/<name>`. */
export const CIRCUITS_DIR = join(import.meta.dirname, '../../circuits');
const ARTIFACTS_DIR = join(CIRCUITS_DIR, 'artifacts');

/** Folder of a circuit below `sources` or, for base circuits directly in it, below the artifacts. */
export const circuitFolder = (aggregation: Aggregation, name: CircuitName): string =>
  isBaseCircuit(name) ? 'base' : aggregation;

export const artifactsFolder = (folder: 'base' | Aggregation, root = ARTIFACTS_DIR): string =>
  folder === 'base' ? root : join(root, folder);

export const artifactPath = (aggregation: Aggregation, name: CircuitName, root = ARTIFACTS_DIR): string =>
  join(artifactsFolder(isBaseCircuit(name) ? 'base' : aggregation, root), `${name}.json`);

/** Identity of a program: hash over what the prover reads. */
export function programId(program: Program): string {
  const text = JSON.stringify([program.noir_version, program.abi, program.bytecode]);
  return createHash('sha256').update(text).digest('hex');
}

export const readArtifact = (aggregation: Aggregation, name: CircuitName): Promise<Program | undefined> =>
  readJson<Program>(artifactPath(aggregation, name));

/** The program with identity `id`: the committed one, or one in `dir`; undefined when neither is it. */
export async function findProgram(
  dir: string,
  aggregation: Aggregation,
  name: CircuitName,
  id: string,
): Promise<Program | undefined> {
  const committed = await readArtifact(aggregation, name);
  if (committed !== undefined && programId(committed) === id) return committed;
  const own = await readJson<Program>(join(dir, `${name}.json`));
  return own !== undefined && programId(own) === id ? own : undefined;
}
