/** Creation of the prover's database, with the migration rows that sqlx and zkstack look for. */
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';

/** Upstream's migrations that the schema contains: version, name, SHA-384 of the `.up.sql` file. */
export const MIGRATIONS: readonly (readonly [version: string, name: string, checksum: string])[] = [
  [
    '20240131134938',
    'initial-prover-migration',
    '7c350379eb8102060ee21ef111146e846a885a326508921d8ae9434be35f476839af66ea3fb9eaaaf12baeb44b22b41e',
  ],
  [
    '20240226120310',
    'add_support_for_eip4844',
    '9f80fd1fc0ee58832c065f227f9b46a2ac7227cb6d67750c34b7902cb3d32b0c1617f4d6ad3b6dd35e617b05ec3f89df',
  ],
  [
    '20240403070124',
    'add_archived_at_column_to_prover_queue_archive',
    '225321db4d616eea44588fff5cb70a001642cb6023558b6bdfef81394920e4f1d05d1c563427b0c13500d18f2613cb3d',
  ],
  [
    '20240410141719',
    'add-protocol-versions-to-tables',
    '0aaa9274c2e79291758c16d4032824b25eb555c5f907df99277ffd474afe09f7c334a6df193565fc645589c5e6a16e87',
  ],
  [
    '20240419102606',
    'add_changes_for_recursion_tip',
    'a1218351d3962c970d2beb5ab63c7e0ba6f8e8e0ca730a4325b343dd4d94a2b34cb3faba3b8e83f6e38b1c98eb877cf8',
  ],
  [
    '20240524123522',
    'add-patch-columns-for-semver',
    '23e2ce12676fdaaae632268b9d88adbed1861e3cb044ae0c54cdb2d71f9c33aa2cfeaea2e09523151a47139d7c008dbc',
  ],
  [
    '20240613111518',
    'make_number_of_final_node_jobs_mandatory',
    '0e8cf8c1e869e07a470232a1467fb1fde7de75a63a4e6ae54e7d47090e36fff957af96a4461d8e0f42dc73f71de2b555',
  ],
  [
    '20240703113903',
    'add-vm_run_data-column',
    '1bfc7f9fb19961cf20d524ca5a24236ddb4bb21305b2c30bc600001f45bbc6bac8845da4e91aa8eea3dbc2dab7359c88',
  ],
  [
    '20240722102219',
    'remove_unused_columns_after_bwip',
    '8f35cc5ff7dc817326c3e0329375a4e9f135174c8c10af78432bc5f30b6cf9d1d2e94854a0dac701e295ebe85d392db8',
  ],
  [
    '20240723153338',
    'remove_redundant_keys',
    '24da43db2a4ad1467a7ace0763d7448befe0a29b9fb70e3ce08656522c73fc9bc255d3d0efb8183dc33e8f607a1d2fb6',
  ],
  [
    '20240905124208',
    'rename-recurision-scheduler-level-vk-hash',
    'c662b813b427feb905ce9cbe59fe946102b487065ab83b5e01a4f5ed3233ab32702a71f8b6ac1d17a1999f397dafefd1',
  ],
  [
    '20241120092231',
    'add_fflonk_snark_wrapper_vk_hash',
    'a7a66bbfc352adc07aaa5bfa94bd9dd9f1586303bf2c02288ccf15b83265fa92ab5faa5796c77e652e78013f360b4172',
  ],
  [
    '20250131131243',
    'add-priority-and-chain_id',
    '889f042600dc5fbfddc0af0252f6c3709188265781ed83b4fa09149c24c0f158d055825152cf37be5a36be06da281141',
  ],
  [
    '20250207111830',
    'simplify_prover_jobs_indices',
    '3096f2475fb750e7948c065677cf85b49405ff39b1f3b427b11848bb6413f70f5f2c86a0dac3216c33570ca0f95febef',
  ],
  [
    '20250319105631',
    'remove_gpu_prover_table',
    '8f623695462627e9d9f584f76bb304223290f0dbd458475f9a9510fd1903e1e3e1e7801fb526081e4e39fcc83a5fa744',
  ],
  [
    '20250327120515',
    'add-batch_created_at-column',
    '0474a074295efd681a0406c30671be9c4ff3260f03a31d9a4a0671b033c842421898e4ece03841ea36b423a214fb0393',
  ],
  [
    '20250422100904',
    'add-chain-id-column',
    '58ff74b48493a87c964c3a3f91bd0482fa0d7d413dc4b954caac0f424ccbec92837b1ee8f4c877b61d5fd3d4e38e49a2',
  ],
  [
    '20250717135127',
    'get_next_job_for_prover_jobs_fri',
    'c169ebb8c4c49d0abe8ff7a8d1b352d5e703305da3d0c8c39f5bfcb3fa9afeda3087e600dd6080988d155ea96138e4a4',
  ],
];

/** sqlx derives the description from the file name. */
export const migrationDescription = (name: string): string => name.replaceAll('_', ' ');

/** The database exists but holds something else than this schema. */
export class SchemaMismatchError extends Error {
  constructor(problem: string) {
    super(`prover database: ${problem}; recreate it with \`devkit prover init\``);
    this.name = 'SchemaMismatchError';
  }
}

/** Any number, the same in every process: one creator at a time. */
const SCHEMA_LOCK = 7_310_001;

/**
 * Creates tables and migration rows in an existing database; does nothing when they are there.
 * @throws SchemaMismatchError when the database was migrated differently
 */
export async function createProverSchema(pgUrl: string): Promise<void> {
  const schema = await readFile(new URL('./schema.sql', import.meta.url), 'utf8');
  const client = new Client({ connectionString: pgUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
    if (!(await isMigrated(client))) {
      await client.query(schema);
      await recordMigrations(client);
    }
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}

async function recordMigrations(client: Client): Promise<void> {
  await client.query(
    `INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
     SELECT version, description, true, decode(checksum, 'hex'), 0
     FROM unnest($1::bigint[], $2::text[], $3::text[]) AS m (version, description, checksum)`,
    [
      MIGRATIONS.map(([version]) => version),
      MIGRATIONS.map(([, name]) => migrationDescription(name)),
      MIGRATIONS.map(([, , checksum]) => checksum),
    ],
  );
}

async function isMigrated(client: Client): Promise<boolean> {
  const table = await client.query("SELECT to_regclass('_sqlx_migrations') AS name");
  if (table.rows[0].name === null) return false;
  const { rows } = await client.query<{ version: string; success: boolean; checksum: string }>(
    "SELECT version::text, success, encode(checksum, 'hex') AS checksum FROM _sqlx_migrations",
  );
  if (rows.length === 0) return false;
  const found = new Map(rows.map((row) => [row.version, row]));
  for (const [version, name, checksum] of MIGRATIONS) {
    const row = found.get(version);
    if (!row) throw new SchemaMismatchError(`migration ${version} (${name}) is missing`);
    if (!row.success) throw new SchemaMismatchError(`migration ${version} (${name}) is dirty`);
    if (row.checksum !== checksum) throw new SchemaMismatchError(`migration ${version} (${name}) has another checksum`);
  }
  return true;
}
