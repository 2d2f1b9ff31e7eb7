/** `WitnessInputMerklePaths`: what the tree did for one batch, in order, in upstream's compact form. */
import {
  asBool,
  asInteger,
  asObject,
  asUint256,
  asWord,
  type Form,
  mapArray,
  member,
  type PlainObject,
  putBytes,
  putNumbers,
  uint256Text,
  WireError,
  wordBytes,
} from './plain.ts';

/** One operation on the tree (upstream: StorageLogMetadata). A first write is two entries: link, then append. */
export interface MerklePathEntry {
  /** Root after this operation. */
  rootHash: bigint;
  isWrite: boolean;
  /** Set on the entry that appends the leaf. */
  firstWrite: boolean;
  /** Sibling hashes from the leaf upwards, all of them. */
  merklePaths: bigint[];
  leafHashedKey: bigint;
  leafEnumerationIndex: number;
  valueWritten: bigint;
  valueRead: bigint;
  /** Key of the leaf's successor after this operation; not in upstream's type, whose reader ignores it. */
  nextKey: bigint;
}

export interface WitnessInputMerklePaths {
  merklePaths: MerklePathEntry[];
  /** Next free leaf index at the start of the batch. */
  nextEnumerationIndex: number;
}

export function merklePathsToPlain(paths: WitnessInputMerklePaths, form: Form): PlainObject {
  const first = paths.merklePaths[0]?.merklePaths ?? [];
  return {
    merkle_paths: paths.merklePaths.map((entry, index) => ({
      root_hash: putBytes(wordBytes(entry.rootHash), form),
      is_write: entry.isWrite,
      first_write: entry.firstWrite,
      merkle_paths: compact(entry.merklePaths, index === 0 ? undefined : first).map((hash) =>
        putBytes(wordBytes(hash), form),
      ),
      leaf_hashed_key: uint256Text(entry.leafHashedKey),
      leaf_enumeration_index: entry.leafEnumerationIndex,
      value_written: putNumbers(wordBytes(entry.valueWritten)),
      value_read: putNumbers(wordBytes(entry.valueRead)),
      next_key: uint256Text(entry.nextKey),
    })),
    next_enumeration_index: paths.nextEnumerationIndex,
  };
}

export function merklePathsFromPlain(value: unknown, where: string): WitnessInputMerklePaths {
  const object = asObject(value, where);
  const merklePaths = mapArray(member(object, 'merkle_paths', where), `${where}.merkle_paths`, entryFromPlain);
  const first = merklePaths[0]?.merklePaths ?? [];
  for (const [index, entry] of merklePaths.entries()) {
    const missing = first.length - entry.merklePaths.length;
    if (missing < 0) {
      throw new WireError(`${where}.merkle_paths[${index}].merkle_paths`, 'longer than the first path');
    }
    if (index > 0) entry.merklePaths = [...first.slice(0, missing), ...entry.merklePaths];
  }
  return {
    merklePaths,
    nextEnumerationIndex: asInteger(member(object, 'next_enumeration_index', where), `${where}.next_enumeration_index`),
  };
}

/** Drops the leading hashes that equal the first path's. */
function compact(path: bigint[], first: bigint[] | undefined): bigint[] {
  if (first === undefined) return path;
  if (path.length !== first.length) throw new WireError('merkle_paths', 'paths of one batch differ in length');
  const from = path.findIndex((hash, level) => hash !== first[level]);
  return from === -1 ? [] : path.slice(from);
}

function entryFromPlain(value: unknown, where: string): MerklePathEntry {
  const object = asObject(value, where);
  const get = (key: string): unknown => member(object, key, where);
  const at = (key: string): string => `${where}.${key}`;
  return {
    rootHash: asWord(get('root_hash'), at('root_hash')),
    isWrite: asBool(get('is_write'), at('is_write')),
    firstWrite: asBool(get('first_write'), at('first_write')),
    merklePaths: mapArray(get('merkle_paths'), at('merkle_paths'), asWord),
    leafHashedKey: asUint256(get('leaf_hashed_key'), at('leaf_hashed_key')),
    leafEnumerationIndex: asInteger(get('leaf_enumeration_index'), at('leaf_enumeration_index')),
    valueWritten: asWord(get('value_written'), at('value_written')),
    valueRead: asWord(get('value_read'), at('value_read')),
    nextKey: asUint256(get('next_key'), at('next_key')),
  };
}
