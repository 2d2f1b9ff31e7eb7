-- The prover's database in its final state (upstream: prover/crates/lib/prover_dal/migrations, all 18 applied).
-- Columns stand in physical order. Statuses are free text, as upstream has them. No triggers.

CREATE TABLE _sqlx_migrations (
    version bigint PRIMARY KEY,
    description text NOT NULL,
    installed_on timestamp with time zone NOT NULL DEFAULT now(),
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);

CREATE TABLE prover_fri_protocol_versions (
    id integer NOT NULL,
    recursion_scheduler_level_vk_hash bytea NOT NULL DEFAULT '\x',
    recursion_node_level_vk_hash bytea,
    recursion_leaf_level_vk_hash bytea,
    recursion_circuits_set_vks_hash bytea,
    created_at timestamp without time zone NOT NULL,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    snark_wrapper_vk_hash bytea NOT NULL,
    fflonk_snark_wrapper_vk_hash bytea,
    CONSTRAINT prover_fri_protocol_versions_pkey PRIMARY KEY (id, protocol_version_patch)
);

-- Round 0 witness jobs.
CREATE TABLE witness_inputs_fri (
    l1_batch_number bigint NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    status text NOT NULL,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    witness_inputs_blob_url text,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    PRIMARY KEY (l1_batch_number, chain_id),
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Round 1 witness jobs; circuit_id is a base circuit id.
CREATE TABLE leaf_aggregation_witness_jobs_fri (
    id bigserial PRIMARY KEY,
    l1_batch_number bigint NOT NULL,
    circuit_id smallint NOT NULL,
    closed_form_inputs_blob_url text,
    attempts smallint NOT NULL DEFAULT 0,
    status text NOT NULL,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    number_of_basic_circuits integer,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Round 2 witness jobs; circuit_id is a recursion-layer leaf id.
CREATE TABLE node_aggregation_witness_jobs_fri (
    id bigserial PRIMARY KEY,
    l1_batch_number bigint NOT NULL,
    circuit_id smallint NOT NULL,
    depth integer NOT NULL DEFAULT 0,
    status text NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    aggregations_url text,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    number_of_dependent_jobs integer,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Round 3 witness jobs.
CREATE TABLE recursion_tip_witness_jobs_fri (
    l1_batch_number bigint NOT NULL,
    status text NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    number_of_final_node_jobs integer NOT NULL,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    PRIMARY KEY (l1_batch_number, chain_id),
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Round 4 witness jobs.
CREATE TABLE scheduler_witness_jobs_fri (
    l1_batch_number bigint NOT NULL,
    scheduler_partial_input_blob_url text NOT NULL,
    status text NOT NULL,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    PRIMARY KEY (l1_batch_number, chain_id),
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Circuit proofs of every round.
CREATE TABLE prover_jobs_fri (
    id bigserial PRIMARY KEY,
    l1_batch_number bigint NOT NULL,
    circuit_id smallint NOT NULL,
    circuit_blob_url text NOT NULL,
    aggregation_round smallint NOT NULL,
    sequence_number integer NOT NULL,
    status text NOT NULL,
    error text,
    attempts smallint NOT NULL DEFAULT 0,
    processing_started_at timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    time_taken time without time zone,
    depth integer NOT NULL DEFAULT 0,
    is_node_final_proof boolean NOT NULL DEFAULT false,
    proof_blob_url text,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Finished circuit proofs; same columns in the same order, rows are copied with SELECT *.
CREATE TABLE prover_jobs_fri_archive (
    id bigserial PRIMARY KEY,
    l1_batch_number bigint NOT NULL,
    circuit_id smallint NOT NULL,
    circuit_blob_url text NOT NULL,
    aggregation_round smallint NOT NULL,
    sequence_number integer NOT NULL,
    status text NOT NULL,
    error text,
    attempts smallint NOT NULL DEFAULT 0,
    processing_started_at timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    time_taken time without time zone,
    depth integer NOT NULL DEFAULT 0,
    is_node_final_proof boolean NOT NULL DEFAULT false,
    proof_blob_url text,
    protocol_version integer,
    picked_by text,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0
);

-- Wrapper proofs for L1.
CREATE TABLE proof_compression_jobs_fri (
    l1_batch_number bigint NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    status text NOT NULL,
    fri_proof_blob_url text,
    l1_proof_blob_url text,
    error text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    processing_started_at timestamp without time zone,
    time_taken time without time zone,
    picked_by text,
    protocol_version integer,
    protocol_version_patch integer NOT NULL DEFAULT 0,
    priority integer NOT NULL DEFAULT 0,
    batch_sealed_at timestamp without time zone NOT NULL DEFAULT now(),
    chain_id integer NOT NULL DEFAULT 0,
    PRIMARY KEY (l1_batch_number, chain_id),
    CONSTRAINT protocol_semantic_version_fk FOREIGN KEY (protocol_version, protocol_version_patch)
        REFERENCES prover_fri_protocol_versions (id, protocol_version_patch)
);

-- Left over from the time of a separate witness vector generator.
CREATE TABLE gpu_prover_queue_fri_archive (
    id bigserial PRIMARY KEY,
    instance_host inet NOT NULL,
    instance_port integer NOT NULL CONSTRAINT valid_port CHECK (instance_port >= 0 AND instance_port <= 65535),
    instance_status text NOT NULL,
    specialized_prover_group_id smallint NOT NULL,
    zone text,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    processing_started_at timestamp without time zone,
    archived_at timestamp without time zone,
    protocol_version integer,
    protocol_version_patch integer NOT NULL DEFAULT 0
);

CREATE INDEX idx_witness_inputs_fri_priority ON witness_inputs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX idx_witness_inputs_fri_queued_order ON witness_inputs_fri (l1_batch_number) WHERE status = 'queued';
CREATE INDEX idx_witness_inputs_fri_status_processing_attempts ON witness_inputs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');
CREATE INDEX idx_leaf_aggregation_witness_jobs_fri_priority ON leaf_aggregation_witness_jobs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX idx_leaf_aggregation_witness_jobs_fri_queued_order ON leaf_aggregation_witness_jobs_fri (l1_batch_number, id) WHERE status = 'queued';
CREATE INDEX idx_leaf_aggregation_fri_status_processing_attempts ON leaf_aggregation_witness_jobs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');
CREATE INDEX idx_node_aggregation_witness_jobs_fri_priority ON node_aggregation_witness_jobs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX idx_node_aggregation_witness_jobs_fri_queued_order ON node_aggregation_witness_jobs_fri (l1_batch_number, depth, id) WHERE status = 'queued';
CREATE INDEX idx_node_aggregation_fri_status_processing_attempts ON node_aggregation_witness_jobs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');
CREATE INDEX idx_recursion_tip_witness_jobs_fri_priority ON recursion_tip_witness_jobs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX recursion_tip_witness_jobs_fri_status_processing_attempts_idx ON recursion_tip_witness_jobs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');
CREATE INDEX idx_scheduler_witness_jobs_fri_priority ON scheduler_witness_jobs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX idx_scheduler_fri_status_processing_attempts ON scheduler_witness_jobs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');
CREATE INDEX idx_proof_compression_jobs_fri_priority ON proof_compression_jobs_fri (priority, batch_sealed_at) WHERE status = 'queued';
CREATE INDEX idx_proof_compressor_jobs_fri_queued_order ON proof_compression_jobs_fri (l1_batch_number) WHERE status = 'queued';
CREATE INDEX idx_proof_compression_jobs_fri_status_processing_attempts ON proof_compression_jobs_fri (processing_started_at, attempts) WHERE status IN ('in_progress', 'failed');

CREATE UNIQUE INDEX leaf_aggregation_witness_jobs_fri_composite_index
    ON leaf_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id);
CREATE UNIQUE INDEX node_aggregation_witness_jobs_fri_composite_index
    ON node_aggregation_witness_jobs_fri (l1_batch_number, chain_id, circuit_id, depth);
CREATE UNIQUE INDEX prover_jobs_fri_composite_index
    ON prover_jobs_fri (l1_batch_number, chain_id, aggregation_round, circuit_id, depth, sequence_number);
CREATE INDEX prover_jobs_fri_get_next_job_index
    ON prover_jobs_fri (protocol_version, protocol_version_patch, priority DESC, batch_sealed_at, aggregation_round, circuit_id, id)
    INCLUDE (chain_id) WHERE status = 'queued';
CREATE INDEX idx_prover_jobs_fri_priority
    ON prover_jobs_fri (priority, batch_sealed_at, aggregation_round, circuit_id) WHERE status = 'queued';
CREATE INDEX idx_prover_jobs_fri_get_next_job
    ON prover_jobs_fri (l1_batch_number, aggregation_round, circuit_id, id) WHERE status = 'queued';
CREATE INDEX prover_jobs_fri_status_processing_started_at_idx
    ON prover_jobs_fri (status, processing_started_at) WHERE attempts < 20;
CREATE INDEX prover_jobs_fri_l1_batch_number_is_node_final_proof_true_status
    ON prover_jobs_fri (l1_batch_number, is_node_final_proof, status)
    WHERE is_node_final_proof = true AND status = 'successful';
