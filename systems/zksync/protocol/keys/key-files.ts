/** Key folder: upstream's file names (`verification_<k>_key.json`, `commitments.json`), our content. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeFileAtomic } from '../../../../lib/atomic-file.ts';
import { toHex32 } from '../../../../proving/field.ts';
import type { ProofTarget, VerificationKey } from '../../../../proving/types.ts';
import { BASE_CIRCUIT_LIST, type CircuitName } from '../circuits.ts';
import { type Aggregation, BASE_CIRCUIT_IDS, recursionId } from '../ids.ts';
import { KeysError } from './keys-error.ts';

type Hex = `0x${string}`;

/** A key and the identity (`programId`) of the program it was made for. */
export interface StoredKey {
  key: VerificationKey;
  program: string;
}

/** One key as JSON. `sha256` is over the others: finds damage, nothing more. */
export interface KeyEntry {
  circuit: CircuitName;
  target: ProofTarget;
  hash: Hex;
  bytes: Hex;
  program: string;
  sha256: string;
}

/** `commitments.json`, upstream's keys and some of our own. */
export interface Commitments {
  leaf: Hex;
  node: Hex;
  scheduler: Hex;
  /** vk hash of the compressor, as L1's verifier has it. */
  snark_wrapper: Hex;
  fflonk_snark_wrapper: null;
  /** Hash over base and node keys; L1 compares it with every proof. */
  keyset: Hex;
  aggregation: Aggregation;
  /** Id of the reference string. */
  crs: string;
}

export const COMMITMENTS_FILE = 'commitments.json';

/** `<k>` of `verification_<k>_key.json` -> circuits whose keys are in it. Leaf programs serve all kinds, so their files are equal. */
export function keyFileNames(aggregation: Aggregation): Map<string, CircuitName[]> {
  const files = new Map<string, CircuitName[]>();
  const linked = aggregation === 'linked';
  for (const [i, id] of BASE_CIRCUIT_IDS.entries()) files.set(`basic_${id}`, [BASE_CIRCUIT_LIST[i]!]);
  for (const id of BASE_CIRCUIT_IDS) files.set(`leaf_${recursionId(id)}`, linked ? ['leaf'] : ['leaf_1', 'leaf_2']);
  files.set('node', linked ? ['node'] : ['node_1', 'node_2']);
  files.set('recursion_tip', ['recursion_tip']);
  files.set('scheduler', ['scheduler']);
  files.set('snark', ['compressor']);
  return files;
}

export function encodeKeyEntry(circuit: CircuitName, stored: StoredKey): KeyEntry {
  const { key, program } = stored;
  const bytes: Hex = `0x${Buffer.from(key.bytes).toString('hex')}`;
  const entry = { circuit, target: key.target, hash: toHex32(key.hash), bytes, program };
  return { ...entry, sha256: digest(entry) };
}

/** @throws KeysError when the entry is not exactly as written. `where` names the file. */
export function decodeKeyEntry(entry: KeyEntry, where: string): StoredKey {
  const { circuit, target, hash, bytes, program, sha256 } = entry;
  if (digest({ circuit, target, hash, bytes, program }) !== sha256) {
    throw new KeysError(`${where}: the key of ${circuit} is damaged`);
  }
  return { key: { target, bytes: new Uint8Array(Buffer.from(bytes.slice(2), 'hex')), hash: BigInt(hash) }, program };
}

interface KeyFile {
  format: 'devkit';
  version: 1;
  aggregation: Aggregation;
  crs: string;
  keys: KeyEntry[];
}

export async function writeKeyFiles(
  keysDir: string,
  commitments: Commitments,
  keys: ReadonlyMap<CircuitName, StoredKey>,
): Promise<void> {
  const { aggregation, crs } = commitments;
  for (const [file, circuits] of keyFileNames(aggregation)) {
    const entries = circuits.map((name) => encodeKeyEntry(name, keys.get(name)!));
    const content: KeyFile = { format: 'devkit', version: 1, aggregation, crs, keys: entries };
    await writeFileAtomic(keyFilePath(keysDir, file), `${JSON.stringify(content, null, 2)}\n`);
  }
  // last: its presence says that the folder is complete
  await writeFileAtomic(join(keysDir, COMMITMENTS_FILE), `${JSON.stringify(commitments, null, 2)}\n`);
}

/** Reads all key files. @throws KeysError naming a file that is missing, damaged or of another mode. */
export async function readKeyFiles(
  keysDir: string,
  aggregation: Aggregation,
  crs: string,
): Promise<Map<CircuitName, StoredKey>> {
  const keys = new Map<CircuitName, StoredKey>();
  for (const [file, circuits] of keyFileNames(aggregation)) {
    const path = keyFilePath(keysDir, file);
    const content = await readKeysJson<KeyFile>(path);
    if (content === undefined) throw new KeysError(`${path} is missing`);
    if (content.format !== 'devkit' || content.version !== 1)
      throw new KeysError(`${path} is not a key file of devkit`);
    if (content.aggregation !== aggregation || content.crs !== crs) {
      throw new KeysError(`${path} is of ${content.aggregation} aggregation with reference string ${content.crs}`);
    }
    for (const name of circuits) {
      const entry = content.keys.find((candidate) => candidate.circuit === name);
      if (entry === undefined) throw new KeysError(`${path} has no key of ${name}`);
      keys.set(name, decodeKeyEntry(entry, path));
    }
  }
  return keys;
}

export const readCommitments = (keysDir: string): Promise<Commitments | undefined> =>
  readKeysJson<Commitments>(join(keysDir, COMMITMENTS_FILE));

const keyFilePath = (keysDir: string, file: string): string => join(keysDir, `verification_${file}_key.json`);

async function readKeysJson<T>(path: string): Promise<T | undefined> {
  try {
    return await readJson<T>(path);
  } catch (cause) {
    throw new KeysError((cause as Error).message, { cause });
  }
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
