/** `prover init`: store folders, config, database of the prover. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createProverSchema, SchemaMismatchError } from '../../../systems/zksync/protocol/prover-db/migrations.ts';
import type { KeyRegion } from '../../../systems/zksync/upstream/key-buckets.ts';
import { DevkitError } from '../../core/errors.ts';
import type { ServiceContext } from '../context.ts';
import { installCompressorKey, installSetupKeys } from '../prover-keys.ts';
import { step } from '../step.ts';
import {
  databaseName,
  databaseUrl,
  databaseUrlOf,
  ensureChainConfigs,
  infrastructureOf,
  setSecret,
} from './configs.ts';
import { ensureDatabase } from './databases.ts';
import { type Chain, type Ecosystem, openChain, openEcosystem } from './files.ts';
import { ensurePostgres } from './infrastructure.ts';
import type { KeysMode } from './keys.ts';
import { editYaml } from './yaml-file.ts';

export interface ProverInitInput {
  chain?: string | undefined;
  /** Folder of the object store below `prover/`, or absolute. */
  proofStoreDir: string;
  database?:
    | {
        /** Server part; absent: the devnet's own database. */
        url?: string | undefined;
        name?: string | undefined;
        /** `keep`: it must not lose rows; `drop`: it is made anew; `auto`: made if missing. */
        mode: 'keep' | 'drop' | 'auto';
      }
    | undefined;
  /** As `prover compressor-keys`. */
  compressorKey?: { path?: string | undefined } | undefined;
  /** As `prover setup-keys`. */
  setupKeys?: { mode: KeysMode; region?: KeyRegion | undefined } | undefined;
  /** Variables of the command: where upstream's keys are downloaded from. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  ignorePrerequisites?: boolean | undefined;
}

export interface ProverInitResult {
  chain: string;
  objectStore: string;
  /** Absent when the database was left alone. */
  database?: { name: string; created: boolean; dropped: boolean } | undefined;
  universalSetupPath?: string | undefined;
  keyset?: string | undefined;
}

export async function proverInit(ctx: ServiceContext, input: ProverInitInput): Promise<ProverInitResult> {
  const ecosystem = await openEcosystem(ctx);
  const chain = await openChain(ecosystem, input.chain);
  await ensureChainConfigs(ctx, ecosystem, chain);
  const objectStore = await prepareStore(ecosystem, chain, input.proofStoreDir);
  const { env = process.env, ignorePrerequisites } = input;
  const common = { chain: chain.name, env, ignorePrerequisites };
  const compressorKey =
    input.compressorKey && (await installCompressorKey(ctx, ecosystem, { ...common, ...input.compressorKey }));
  const keys = input.setupKeys && (await installSetupKeys(ctx, ecosystem, { ...common, ...input.setupKeys }));
  const database = input.database ? await prepareDatabase(ctx, chain, input.database) : undefined;
  return {
    chain: chain.name,
    objectStore,
    database,
    universalSetupPath: compressorKey?.universalSetupPath,
    keyset: keys && 'keyset' in keys ? keys.keyset : undefined,
  };
}

/** All paths relative to `prover/`, the working folder of the prover components. */
async function prepareStore(ecosystem: Ecosystem, chain: Chain, dir: string): Promise<string> {
  const absolute = dir.startsWith('/') ? dir : join(ecosystem.paths.prover, dir);
  await mkdir(join(absolute, 'witness_inputs'), { recursive: true });
  await mkdir(ecosystem.paths.keys, { recursive: true });
  await editYaml(chain.paths.general, {
    'prover.prover_object_store.mode': 'FileBacked',
    'prover.prover_object_store.file_backed_base_path': dir,
    'prover.prover_object_store.max_retries': 10,
  });
  return absolute;
}

async function prepareDatabase(
  ctx: ServiceContext,
  chain: Chain,
  wanted: NonNullable<ProverInitInput['database']>,
): Promise<NonNullable<ProverInitResult['database']>> {
  const base = wanted.url ?? (await infrastructureOf(ctx)).postgresUrl;
  const name = wanted.name ?? (wanted.url ? databaseNamed(wanted.url) : undefined) ?? databaseName('prover', chain);
  const url = databaseUrl(base, name);
  if (wanted.url === undefined) await ensurePostgres(ctx);
  const result = await step(ctx, 'prover-database', `prover database ${name}`, async () => {
    const change = await ensureDatabase({ url, drop: wanted.mode === 'drop' });
    await createSchema(url);
    return change;
  });
  if (wanted.mode === 'auto' && !result.created) {
    ctx.emit({ type: 'notice', message: `database ${name} was there and is kept; --dont-drop=false makes it anew` });
  }
  if ((await databaseUrlOf(chain, 'prover')) !== url) await setSecret(chain, 'database.prover_url', url);
  return { name, ...result };
}

function databaseNamed(url: string): string | undefined {
  const name = new URL(url).pathname.slice(1);
  return name === '' ? undefined : decodeURIComponent(name);
}

async function createSchema(url: string): Promise<void> {
  try {
    await createProverSchema(url);
  } catch (cause) {
    if (!(cause instanceof SchemaMismatchError)) throw cause;
    throw new DevkitError('CONFIG_INVALID', cause.message, {
      hint: 'devkit prover init --setup-database=true --use-default=true --dont-drop=false',
      cause,
    });
  }
}
