import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createProverSchema,
  MIGRATIONS,
  SchemaMismatchError,
} from '../../../systems/zksync/protocol/prover-db/migrations.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../fixtures/postgres.ts';

let postgres: TestPostgres;
let db: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  db = await postgres.proverDatabase();
  pool = db.pool;
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

/** `name type` in physical order; `!` not null, `=x` default. */
const JOB_TAIL = 'protocol_version int4, picked_by text, protocol_version_patch int4! =0';
const NEWEST = 'priority int4! =0, batch_sealed_at timestamp! =now(), chain_id int4! =0';
const PROVER_JOBS = (sequence: string): string =>
  `id int8! =nextval('${sequence}'::regclass), l1_batch_number int8!, circuit_id int2!, circuit_blob_url text!,
   aggregation_round int2!, sequence_number int4!, status text!, error text, attempts int2! =0,
   processing_started_at timestamp, created_at timestamp!, updated_at timestamp!, time_taken time, depth int4! =0,
   is_node_final_proof bool! =false, proof_blob_url text, ${JOB_TAIL}, ${NEWEST}`;

const COLUMNS: Record<string, string> = {
  prover_fri_protocol_versions: `id int4!, recursion_scheduler_level_vk_hash bytea! ='\\x'::bytea,
    recursion_node_level_vk_hash bytea, recursion_leaf_level_vk_hash bytea, recursion_circuits_set_vks_hash bytea,
    created_at timestamp!, protocol_version_patch int4! =0, snark_wrapper_vk_hash bytea!, fflonk_snark_wrapper_vk_hash bytea`,
  witness_inputs_fri: `l1_batch_number int8!, attempts int2! =0, status text!, error text, created_at timestamp!,
    updated_at timestamp!, processing_started_at timestamp, time_taken time, ${JOB_TAIL}, witness_inputs_blob_url text, ${NEWEST}`,
  leaf_aggregation_witness_jobs_fri: `id int8! =nextval('leaf_aggregation_witness_jobs_fri_id_seq'::regclass),
    l1_batch_number int8!, circuit_id int2!, closed_form_inputs_blob_url text, attempts int2! =0, status text!, error text,
    created_at timestamp!, updated_at timestamp!, processing_started_at timestamp, time_taken time,
    number_of_basic_circuits int4, ${JOB_TAIL}, ${NEWEST}`,
  node_aggregation_witness_jobs_fri: `id int8! =nextval('node_aggregation_witness_jobs_fri_id_seq'::regclass),
    l1_batch_number int8!, circuit_id int2!, depth int4! =0, status text!, attempts int2! =0, aggregations_url text,
    processing_started_at timestamp, time_taken time, error text, created_at timestamp!, updated_at timestamp!,
    number_of_dependent_jobs int4, ${JOB_TAIL}, ${NEWEST}`,
  recursion_tip_witness_jobs_fri: `l1_batch_number int8!, status text!, attempts int2! =0, processing_started_at timestamp,
    time_taken time, error text, created_at timestamp!, updated_at timestamp!, number_of_final_node_jobs int4!, ${JOB_TAIL}, ${NEWEST}`,
  scheduler_witness_jobs_fri: `l1_batch_number int8!, scheduler_partial_input_blob_url text!, status text!,
    processing_started_at timestamp, time_taken time, error text, created_at timestamp!, updated_at timestamp!,
    attempts int2! =0, ${JOB_TAIL}, ${NEWEST}`,
  prover_jobs_fri: PROVER_JOBS('prover_jobs_fri_id_seq'),
  prover_jobs_fri_archive: PROVER_JOBS('prover_jobs_fri_archive_id_seq'),
  proof_compression_jobs_fri: `l1_batch_number int8!, attempts int2! =0, status text!, fri_proof_blob_url text,
    l1_proof_blob_url text, error text, created_at timestamp!, updated_at timestamp!, processing_started_at timestamp,
    time_taken time, picked_by text, protocol_version int4, protocol_version_patch int4! =0, ${NEWEST}`,
  gpu_prover_queue_fri_archive: `id int8! =nextval('gpu_prover_queue_fri_archive_id_seq'::regclass), instance_host inet!,
    instance_port int4!, instance_status text!, specialized_prover_group_id int2!, zone text, created_at timestamp!,
    updated_at timestamp!, processing_started_at timestamp, archived_at timestamp, protocol_version int4, protocol_version_patch int4! =0`,
  _sqlx_migrations: `version int8!, description text!, installed_on timestamptz! =now(), success bool!, checksum bytea!, execution_time int8!`,
};

const QUEUED = "WHERE (status = 'queued'::text)";
const OPEN = "WHERE (status = ANY (ARRAY['in_progress'::text, 'failed'::text]))";
const INDEXES: Record<string, string> = {
  _sqlx_migrations_pkey: 'UNIQUE _sqlx_migrations (version)',
  gpu_prover_queue_fri_archive_pkey: 'UNIQUE gpu_prover_queue_fri_archive (id)',
  prover_fri_protocol_versions_pkey: 'UNIQUE prover_fri_protocol_versions (id, protocol_version_patch)',
  witness_inputs_fri_pkey: 'UNIQUE witness_inputs_fri (l1_batch_number, chain_id)',
  recursion_tip_witness_jobs_fri_pkey: 'UNIQUE recursion_tip_witness_jobs_fri (l1_batch_number, chain_id)',
  scheduler_witness_jobs_fri_pkey: 'UNIQUE scheduler_witness_jobs_fri (l1_batch_number, chain_id)',
  proof_compression_jobs_fri_pkey: 'UNIQUE proof_compression_jobs_fri (l1_batch_number, chain_id)',
  leaf_aggregation_witness_jobs_fri_pkey: 'UNIQUE leaf_aggregation_witness_jobs_fri (id)',
  node_aggregation_witness_jobs_fri_pkey: 'UNIQUE node_aggregation_witness_jobs_fri (id)',
  prover_jobs_fri_pkey: 'UNIQUE prover_jobs_fri (id)',
  prover_jobs_fri_archive_pkey: 'UNIQUE prover_jobs_fri_archive (id)',
  leaf_aggregation_witness_jobs_fri_composite_index:
    'UNIQUE leaf_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id)',
  node_aggregation_witness_jobs_fri_composite_index:
    'UNIQUE node_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, depth)',
  prover_jobs_fri_composite_index:
    'UNIQUE prover_jobs_fri (l1_batch_number, chain_id, aggregation_round, circuit_id, depth, sequence_number)',
  prover_jobs_fri_get_next_job_index: `prover_jobs_fri (protocol_version, protocol_version_patch, priority DESC, batch_sealed_at, aggregation_round, circuit_id, id) INCLUDE (chain_id) ${QUEUED}`,
  idx_prover_jobs_fri_priority: `prover_jobs_fri (priority, batch_sealed_at, aggregation_round, circuit_id) ${QUEUED}`,
  idx_prover_jobs_fri_get_next_job: `prover_jobs_fri (l1_batch_number, aggregation_round, circuit_id, id) ${QUEUED}`,
  prover_jobs_fri_status_processing_started_at_idx:
    'prover_jobs_fri (status, processing_started_at) WHERE (attempts < 20)',
  prover_jobs_fri_l1_batch_number_is_node_final_proof_true_status:
    "prover_jobs_fri (l1_batch_number, is_node_final_proof, status) WHERE ((is_node_final_proof = true) AND (status = 'successful'::text))",
  idx_witness_inputs_fri_priority: `witness_inputs_fri (priority, batch_sealed_at) ${QUEUED}`,
  idx_witness_inputs_fri_queued_order: `witness_inputs_fri (l1_batch_number) ${QUEUED}`,
  idx_witness_inputs_fri_status_processing_attempts: `witness_inputs_fri (processing_started_at, attempts) ${OPEN}`,
  idx_leaf_aggregation_witness_jobs_fri_priority: `leaf_aggregation_witness_jobs_fri (priority, batch_sealed_at) ${QUEUED}`,
  idx_leaf_aggregation_witness_jobs_fri_queued_order: `leaf_aggregation_witness_jobs_fri (l1_batch_number, id) ${QUEUED}`,
  idx_leaf_aggregation_fri_status_processing_attempts: `leaf_aggregation_witness_jobs_fri (processing_started_at, attempts) ${OPEN}`,
  idx_node_aggregation_witness_jobs_fri_priority: `node_aggregation_witness_jobs_fri (priority, batch_sealed_at) ${QUEUED}`,
  idx_node_aggregation_witness_jobs_fri_queued_order: `node_aggregation_witness_jobs_fri (l1_batch_number, depth, id) ${QUEUED}`,
  idx_node_aggregation_fri_status_processing_attempts: `node_aggregation_witness_jobs_fri (processing_started_at, attempts) ${OPEN}`,
  idx_recursion_tip_witness_jobs_fri_priority: `recursion_tip_witness_jobs_fri (priority, batch_sealed_at) ${QUEUED}`,
  recursion_tip_witness_jobs_fri_status_processing_attempts_idx: `recursion_tip_witness_jobs_fri (processing_started_at, attempts) ${OPEN}`,
  idx_scheduler_witness_jobs_fri_priority: `scheduler_witness_jobs_fri (priority, batch_sealed_at) ${QUEUED}`,
  idx_scheduler_fri_status_processing_attempts: `scheduler_witness_jobs_fri (processing_started_at, attempts) ${OPEN}`,
  idx_proof_compression_jobs_fri_priority: `proof_compression_jobs_fri (priority, batch_sealed_at) ${QUEUED}`,
  idx_proof_compressor_jobs_fri_queued_order: `proof_compression_jobs_fri (l1_batch_number) ${QUEUED}`,
  idx_proof_compression_jobs_fri_status_processing_attempts: `proof_compression_jobs_fri (processing_started_at, attempts) ${OPEN}`,
};

describe('schema', () => {
  test.each(Object.keys(COLUMNS))('columns of %s in physical order', async (table) => {
    const { rows } = await pool.query<{ text: string }>(
      `SELECT column_name || ' ' || udt_name || CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END
         || COALESCE(' =' || column_default, '') AS text
       FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position`,
      [table],
    );
    const expected = (COLUMNS[table] ?? '')
      .replace(/\s+/g, ' ')
      .split(', ')
      .map((column) => column.trim());
    expect(rows.map(({ text }) => text)).toEqual(expected);
  });

  test('has no other table', async () => {
    const { rows } = await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    expect(rows.map(({ tablename }) => tablename).sort()).toEqual(Object.keys(COLUMNS).sort());
  });

  test('has exactly the indexes of upstream', async () => {
    const { rows } = await pool.query<{ indexname: string; indexdef: string }>(
      "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    );
    const found = rows.map(({ indexname, indexdef }) => {
      const unique = indexdef.startsWith('CREATE UNIQUE') ? 'UNIQUE ' : '';
      return [indexname, unique + indexdef.replace(/^.* ON public\./, '').replace(' USING btree', '')];
    });
    expect(Object.fromEntries(found)).toEqual(INDEXES);
  });

  test('every job table refers to the version, the archives do not', async () => {
    const { rows } = await pool.query<{ table: string; definition: string }>(
      `SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       WHERE contype = 'f' AND conname = 'protocol_semantic_version_fk' ORDER BY 1`,
    );
    expect(rows.map(({ table }) => table)).toEqual([
      'leaf_aggregation_witness_jobs_fri',
      'node_aggregation_witness_jobs_fri',
      'proof_compression_jobs_fri',
      'prover_jobs_fri',
      'recursion_tip_witness_jobs_fri',
      'scheduler_witness_jobs_fri',
      'witness_inputs_fri',
    ]);
    expect(new Set(rows.map(({ definition }) => definition))).toEqual(
      new Set([
        'FOREIGN KEY (protocol_version, protocol_version_patch) REFERENCES prover_fri_protocol_versions(id, protocol_version_patch)',
      ]),
    );
  });

  test('has no triggers and only the check of the old queue', async () => {
    const { rows } = await pool.query(
      "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
    );
    expect(rows).toEqual([{ conname: 'valid_port' }]);
    expect((await pool.query('SELECT 1 FROM pg_trigger WHERE NOT tgisinternal')).rowCount).toBe(0);
  });
});

describe('migration rows', () => {
  test('are the 18 of upstream with their checksums', async () => {
    const { rows } = await pool.query(
      "SELECT version::text, description, success, encode(checksum, 'hex') AS checksum FROM _sqlx_migrations ORDER BY version",
    );
    expect(rows).toHaveLength(18);
    expect(rows[0]).toEqual({
      version: '20240131134938',
      description: 'initial-prover-migration',
      success: true,
      checksum: '7c350379eb8102060ee21ef111146e846a885a326508921d8ae9434be35f476839af66ea3fb9eaaaf12baeb44b22b41e',
    });
    expect(rows[2]?.description).toBe('add archived at column to prover queue archive');
    expect(new Set(rows.map(({ checksum }) => checksum.length))).toEqual(new Set([96]));
    expect(rows.map(({ version }) => version)).toEqual(MIGRATIONS.map(([version]) => version));
  });

  test('creating the schema again changes nothing', async () => {
    await expect(createProverSchema(db.url)).resolves.toBeUndefined();
  });

  test('two creators at the same time do not disturb each other', async () => {
    const url = await postgres.emptyDatabase();
    await expect(Promise.all([createProverSchema(url), createProverSchema(url)])).resolves.toHaveLength(2);
  });

  test.each([
    [
      "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 20240226120310",
      /add_support_for_eip4844\) has another checksum/,
    ],
    ['UPDATE _sqlx_migrations SET success = false WHERE version = 20240226120310', /is dirty/],
    ['DELETE FROM _sqlx_migrations WHERE version = 20250717135127', /is missing/],
  ])('a database that was migrated differently is refused: %s', async (sql, message) => {
    await using other = await postgres.proverDatabase({ own: true });
    await other.pool.query(sql);
    await expect(createProverSchema(other.url)).rejects.toThrow(SchemaMismatchError);
    await expect(createProverSchema(other.url)).rejects.toThrow(message);
  });
});
