import { type Db, inTransaction, openPool } from '../../../../lib/postgres.ts';
import type { Hasher } from '../batch/hash.ts';
import { formatVersion, type ProtocolVersion } from '../ids.ts';
import { type GenesisAccount, l2Genesis } from '../l2/genesis.ts';
import { batchHeader } from './batches.ts';
import { batchCommitment } from './commitment.ts';
import { createCoreSchema, hexToBytea, NOW, toBytea } from './db.ts';
import { genesisTree } from './genesis-tree.ts';
import { insertInitialWrites, loadLeaves, upsertLeaves } from './tree.ts';

type Hex = `0x${string}`;

export interface GenesisParams {
  chainId: number;
  version: ProtocolVersion;
  feeAccount: Hex;
  snarkWrapperVkHash: Hex;
  /** Accounts of block 0; by default those every reference L2 starts with. */
  accounts?: readonly GenesisAccount[];
}

export interface GenesisResult {
  /** Root of the genesis tree, a field element. */
  root: bigint;
  nextIndex: number;
  /** Goes into genesis.yaml. */
  commitment: Hex;
  /** False when the database had its genesis already. */
  created: boolean;
}

/** The database belongs to another genesis. */
export class GenesisMismatchError extends Error {
  override readonly name = 'GenesisMismatchError';
}

/** Values of batch 0, without a database: for genesis.yaml and the rollup contract. */
export function genesisValues(hasher: Hasher, params: Pick<GenesisParams, 'chainId' | 'version' | 'accounts'>) {
  const tree = genesisTree(hasher, params.accounts ?? l2Genesis(params).accounts);
  const hashes = batchCommitment({
    root: tree.root,
    nextIndex: tree.nextIndex,
    version: params.version,
    records: 0,
    messages: [],
  });
  return { tree, hashes };
}

/**
 * Creates the tables if need be and writes batch 0, block 0, the version and the tree's leaves. Repeating it with the same
 * parameters changes nothing.
 * @throws GenesisMismatchError when the database has another batch 0.
 */
export async function runGenesis(pgUrl: string, hasher: Hasher, params: GenesisParams): Promise<GenesisResult> {
  await createCoreSchema(pgUrl);
  const pool = openPool(pgUrl, { max: 2, name: 'genesis' });
  try {
    const { tree, hashes } = genesisValues(hasher, params);
    const result = { root: tree.root, nextIndex: tree.nextIndex, commitment: hashes.commitment };
    const created = await inTransaction(pool, async (db) => {
      await db.query('LOCK TABLE l1_batches IN EXCLUSIVE MODE');
      const found = await batchHeader(db, 0);
      if (found !== undefined) {
        if (found.root !== tree.root || found.commitment !== hashes.commitment) {
          throw new GenesisMismatchError(
            `the core database has another genesis (its root is 0x${found.root?.toString(16)}, expected 0x${tree.root.toString(16)}, version ${formatVersion(params.version)}): drop the database and run chain init again`,
          );
        }
        return false;
      }
      await insertVersion(db, params);
      await insertGenesisBatch(db, params, result, hashes);
      const leaves = tree.leaves().map((leaf, index) => ({ ...leaf, index }));
      await upsertLeaves(db, leaves);
      await insertInitialWrites(db, 0, leaves.slice(1));
      return true;
    });
    return { ...result, created };
  } finally {
    await pool.end();
  }
}

async function insertVersion(db: Db, { version, snarkWrapperVkHash }: GenesisParams): Promise<void> {
  await db.query(
    `INSERT INTO protocol_versions (id, timestamp, created_at) VALUES ($1, 0, ${NOW}) ON CONFLICT DO NOTHING`,
    [version.minor],
  );
  await db.query(
    `INSERT INTO protocol_patches (minor, patch, snark_wrapper_vk_hash, created_at) VALUES ($1,$2,$3,${NOW})
     ON CONFLICT DO NOTHING`,
    [version.minor, version.patch, hexToBytea(snarkWrapperVkHash)],
  );
}

async function insertGenesisBatch(
  db: Db,
  params: GenesisParams,
  tree: { root: bigint; nextIndex: number },
  hashes: ReturnType<typeof batchCommitment>,
): Promise<void> {
  await db.query(
    `INSERT INTO l1_batches (number, timestamp, l1_tx_count, l2_tx_count, protocol_version, fee_address, is_sealed,
       sealed_at, hash, rollup_last_leaf_index, commitment, pass_through_data_hash, meta_parameters_hash, aux_data_hash,
       created_at, updated_at) VALUES (0,0,0,0,$1,$2,TRUE,${NOW},$3,$4,$5,$6,$7,$8,${NOW},${NOW})`,
    [
      params.version.minor,
      hexToBytea(params.feeAccount),
      toBytea(tree.root),
      tree.nextIndex,
      ...[hashes.commitment, hashes.passThroughHash, hashes.metaHash, hashes.auxHash].map(hexToBytea),
    ],
  );
  // hash and state root of the Ethereum block 0 become known with the first contact to the L2 node
  await db.query(
    `INSERT INTO miniblocks (number, timestamp, hash, l1_tx_count, l2_tx_count, fee_account_address, base_fee_per_gas,
       gas_limit, protocol_version, l1_batch_number, created_at, updated_at, state_root)
     VALUES (0,0,$1,0,0,$2,0,0,$3,0,${NOW},${NOW},$1)`,
    [toBytea(0n), hexToBytea(params.feeAccount), params.version.minor],
  );
}

/** Leaves of the tree after the last processed batch, as `createTree` takes them. */
export async function storedLeaves(db: Db): Promise<{ key: bigint; value: bigint; nextKey: bigint }[]> {
  return (await loadLeaves(db)).map(({ key, value, nextKey }) => ({ key, value, nextKey }));
}
