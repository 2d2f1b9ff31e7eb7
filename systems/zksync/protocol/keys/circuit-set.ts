/** The circuits of one aggregation mode with programs and keys, read from a key folder. */
import { join } from 'node:path';
import { toHex32 } from '../../../../proving/field.ts';
import { openPoseidon2 } from '../../../../proving/poseidon2.ts';
import type { Program, VerificationKey } from '../../../../proving/types.ts';
import { createHasher, type Hasher, TAG } from '../batch/hash.ts';
import { BASE_CIRCUIT_LIST, type CircuitName, circuitNames } from '../circuits.ts';
import type { Aggregation } from '../ids.ts';
import { COMMITMENTS_FILE, type Commitments, readCommitments, readKeyFiles } from './key-files.ts';
import { KeysError } from './keys-error.ts';
import { findProgram } from './programs.ts';

export { KeysError } from './keys-error.ts';
export { type MakeKeysOptions, makeKeys } from './make-keys.ts';

export interface Circuit {
  name: CircuitName;
  program: Program;
  key: VerificationKey;
}

export interface CircuitSet {
  aggregation: Aggregation;
  /** `Crs.id` of the reference string that the keys were made with. */
  crsId: string;
  /** @throws RangeError for a circuit that the mode does not have. */
  circuit(name: CircuitName): Circuit;
  /** `H(KEYS; key1, key9, key10, key13, node_key)`: names the whole set; L1 compares it. */
  keyset: bigint;
  /** linked: vk hash of the node circuit; recursive: `H(NODES; node_1, node_2)`. */
  nodeKey: bigint;
  /** bb's hash of the compressor's key, which the generated Solidity verifier has too. */
  snarkWrapperVkHash: `0x${string}`;
}

/**
 * Loads `<keysDir>/verification_*_key.json`, finds damage, and checks every key against its program and `commitments.json`.
 * The folder is trusted: nothing here tells a key that somebody else put there.
 * @throws KeysError
 */
export async function loadCircuitSet(options: { keysDir: string; aggregation: Aggregation }): Promise<CircuitSet> {
  const { keysDir, aggregation } = options;
  const commitments = await readCommitments(keysDir);
  if (commitments === undefined) throw new KeysError(`no keys in ${keysDir}`);
  if (commitments.aggregation !== aggregation) {
    throw new KeysError(`the keys in ${keysDir} are for ${commitments.aggregation} aggregation, not ${aggregation}`);
  }
  const keys = await readKeyFiles(keysDir, aggregation, commitments.crs);
  const circuits = new Map<CircuitName, Circuit>();
  for (const name of circuitNames(aggregation)) {
    const stored = keys.get(name)!;
    const program = await findProgram(join(keysDir, 'programs'), aggregation, name, stored.program);
    if (program === undefined)
      throw new KeysError(`the key of ${name} in ${keysDir} belongs to another version of the circuit`);
    circuits.set(name, { name, program, key: stored.key });
  }
  const set = await circuitSetOf(aggregation, commitments.crs, circuits);
  checkCommitments(keysDir, commitments, set);
  return set;
}

/** Puts loaded circuits together; computes the key hashes above them. */
export async function circuitSetOf(
  aggregation: Aggregation,
  crsId: string,
  circuits: ReadonlyMap<CircuitName, Circuit>,
): Promise<CircuitSet> {
  const circuit = (name: CircuitName): Circuit => {
    const found = circuits.get(name);
    if (found === undefined) throw new RangeError(`${aggregation} aggregation has no circuit ${name}`);
    return found;
  };
  using poseidon2 = await openPoseidon2({ backend: 'typescript' }); // three hashes: not worth loading the fast one
  const hasher = createHasher(poseidon2);
  const nodeKey = nodeKeyOf(hasher, aggregation, circuit);
  return {
    aggregation,
    crsId,
    circuit,
    nodeKey,
    keyset: hasher.hash(TAG.keys, [...BASE_CIRCUIT_LIST.map((name) => circuit(name).key.hash), nodeKey]),
    snarkWrapperVkHash: toHex32(circuit('compressor').key.hash),
  };
}

function nodeKeyOf(hasher: Hasher, aggregation: Aggregation, circuit: (name: CircuitName) => Circuit): bigint {
  if (aggregation === 'linked') return circuit('node').key.hash;
  return hasher.hash(TAG.nodes, [circuit('node_1').key.hash, circuit('node_2').key.hash]);
}

function checkCommitments(keysDir: string, commitments: Commitments, set: CircuitSet): void {
  const same = BigInt(commitments.keyset) === set.keyset && commitments.snark_wrapper === set.snarkWrapperVkHash;
  if (!same) throw new KeysError(`${join(keysDir, COMMITMENTS_FILE)} does not belong to the keys beside it`);
}
