/** `dev prover info|insert-version|insert-batch`, and the same for `prover-cli`, which knows only a database. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inTransaction, openPool } from '../../../lib/postgres.ts';
import {
  formatVersion,
  PROVER_PROTOCOL_VERSION,
  type ProtocolVersion,
  parseVersion,
} from '../../../systems/zksync/protocol/ids.ts';
import { readCommitments } from '../../../systems/zksync/protocol/keys/key-files.ts';
import {
  findVersion,
  insertBatch,
  insertVersion,
  UnknownVersionError,
} from '../../../systems/zksync/protocol/prover-db/intake.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { databaseUrlOf } from './configs.ts';
import { databaseError } from './databases.ts';
import { openChain, openEcosystem } from './files.ts';

export interface ProverInfo {
  protocolVersion: string;
  snarkWrapper: string;
  fflonkSnarkWrapper: string | null;
  databaseUrl: string;
}

/** @throws DevkitError NOT_FOUND before `setup-keys` and `prover init` */
export async function proverInfo(ctx: ServiceContext, chainName?: string): Promise<ProverInfo> {
  const ecosystem = await openEcosystem(ctx);
  const databaseUrl = await proverDatabase(ctx, chainName);
  const commitments = await readCommitments(ecosystem.paths.keys);
  if (!commitments) {
    throw new DevkitError('NOT_FOUND', `there is no ${join(ecosystem.paths.keys, 'commitments.json')}`, {
      hint: 'devkit prover setup-keys --mode=download',
    });
  }
  return {
    protocolVersion: formatVersion(PROVER_PROTOCOL_VERSION),
    snarkWrapper: commitments.snark_wrapper,
    fflonkSnarkWrapper: commitments.fflonk_snark_wrapper,
    databaseUrl,
  };
}

/** URL of the prover database in the chain's secrets.yaml. */
export async function proverDatabase(ctx: ServiceContext, chainName?: string): Promise<string> {
  const chain = await openChain(await openEcosystem(ctx), chainName);
  const url = await databaseUrlOf(chain, 'prover');
  if (url === undefined) {
    throw new DevkitError('NOT_FOUND', `missing prover database URL in ${chain.paths.secrets}`, {
      hint: `devkit prover init --chain ${chain.name}`,
    });
  }
  return url;
}

/** Runs `work` with the prover database. Errors of the connection become ours. */
export async function withProverDb<T>(
  url: string,
  work: (pool: ReturnType<typeof openPool>) => Promise<T>,
): Promise<T> {
  const pool = openPool(url, { max: 2, name: 'devkit' });
  try {
    await pool.query('SELECT 1 FROM prover_fri_protocol_versions LIMIT 1');
    return await work(pool);
  } catch (cause) {
    throw explain(url, cause);
  } finally {
    await pool.end();
  }
}

function explain(url: string, cause: unknown): unknown {
  if (cause instanceof DevkitError) return cause;
  const { code } = cause as { code?: string };
  if (code === '42P01') {
    return new DevkitError('NOT_FOUND', `the database ${new URL(url).pathname.slice(1)} has no prover tables`, {
      hint: 'devkit prover init --setup-database=true --use-default=true --dont-drop=true',
      cause,
    });
  }
  const connection = ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', '3D000', '28P01', '28000'];
  return code !== undefined && connection.includes(code) ? databaseError(url, cause) : cause;
}

export interface InsertVersionInput {
  version: ProtocolVersion;
  /** `0x` and 64 hex digits. */
  snarkWrapper: string;
  fflonkSnarkWrapper: string | null;
}

export interface InsertVersionResult {
  version: string;
  snarkWrapper: string;
  fflonkSnarkWrapper: string | null;
  /** False: the row was there; it stays as it is. */
  inserted: boolean;
}

/** @throws DevkitError ALREADY_EXISTS when the row is there with other hashes */
export async function insertVersionRow(url: string, input: InsertVersionInput): Promise<InsertVersionResult> {
  const snark = BigInt(input.snarkWrapper);
  const fflonk = input.fflonkSnarkWrapper === null ? null : BigInt(input.fflonkSnarkWrapper);
  const inserted = await withProverDb(url, (pool) =>
    inTransaction(pool, async (db) => {
      const row = { version: input.version, snarkWrapperVkHash: snark, fflonkSnarkWrapperVkHash: fflonk };
      if (await insertVersion(db, row)) return true;
      const found = await findVersion(db, input.version);
      if (found?.snarkWrapperVkHash !== snark) {
        throw new DevkitError(
          'ALREADY_EXISTS',
          `protocol version ${formatVersion(input.version)} is there with snark wrapper ${hex32(found?.snarkWrapperVkHash)}, not ${input.snarkWrapper}`,
          { hint: 'devkit dev prover info   (shows the hash of the keys)' },
        );
      }
      return false;
    }),
  );
  return {
    version: formatVersion(input.version),
    snarkWrapper: input.snarkWrapper,
    fflonkSnarkWrapper: input.fflonkSnarkWrapper,
    inserted,
  };
}

export interface InsertBatchInput {
  batch: number;
  chainId: number;
  version: ProtocolVersion;
}

export interface InsertBatchResult {
  batch: number;
  chainId: number;
  version: string;
}

/** @throws DevkitError NOT_FOUND without the version's row, ALREADY_EXISTS when the batch has a row under any chain id */
export async function insertBatchRow(url: string, input: InsertBatchInput): Promise<InsertBatchResult> {
  const version = formatVersion(input.version);
  const result = await withProverDb(url, (pool) => insertBatch(pool, input)).catch((cause) => {
    if (!(cause instanceof UnknownVersionError)) throw cause;
    throw new DevkitError('NOT_FOUND', `protocol version ${version} is not in the prover database`, {
      hint: 'devkit dev prover insert-version --default',
      cause,
    });
  });
  if (result.outcome === 'exists') {
    throw new DevkitError(
      'ALREADY_EXISTS',
      `batch ${input.batch} is in the prover database already (chain id ${result.chainIds.join(', ')})`,
      { hint: `devkit watch --batch ${input.batch}` },
    );
  }
  return { batch: input.batch, chainId: input.chainId, version };
}

/** Where a batch's witness input has to be before the witness generator asks for it; undefined when it is there. */
export async function missingWitnessInput(ctx: ServiceContext, batch: number): Promise<string | undefined> {
  const { proverArtifacts } = (await openEcosystem(ctx)).paths;
  const folder = join(proverArtifacts, 'witness_inputs');
  const names = [`witness_inputs_${batch}_0.cbor`, `witness_inputs_${batch}.cbor`];
  return names.some((name) => existsSync(join(folder, name))) ? undefined : join(folder, names[1] ?? '');
}

/** @throws DevkitError USAGE unless it is `0.x.y` */
export function requireVersion(flag: string, text: string): ProtocolVersion {
  const version = parseVersion(text);
  if (version) return version;
  const why = /^\d+\.\d+\.\d+$/.test(text) ? 'Invalid major version, expected 0' : 'Invalid version format';
  throw new DevkitError('USAGE', `${flag} ${text}: ${why}; it takes 0.x.y`, {
    hint: `e.g. ${flag} ${formatVersion(PROVER_PROTOCOL_VERSION)}`,
  });
}

/** @throws DevkitError USAGE unless it is 32 bytes of hex */
export function requireHash(flag: string, text: string): string {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new DevkitError('USAGE', `${flag} takes a hash of 32 bytes (0x and 64 hex digits), not "${text}"`, {
    hint: 'devkit dev prover info   (shows the hashes)',
  });
}

const hex32 = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16).padStart(64, '0')}`;
