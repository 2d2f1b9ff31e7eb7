-- Core database of a chain. Tables and columns carry the names that zksync-era's core database has for the same things;
-- upstream columns without a meaning here are absent. Columns after a "devkit" comment, and the table devkit_tree_leaves,
-- are additions of the reference server. Every statement can be repeated.

CREATE TABLE IF NOT EXISTS protocol_versions (
    id INT PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS protocol_patches (
    minor INT NOT NULL REFERENCES protocol_versions (id),
    patch INT NOT NULL,
    snark_wrapper_vk_hash BYTEA NOT NULL,
    fflonk_snark_wrapper_vk_hash BYTEA,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (minor, patch)
);

CREATE TABLE IF NOT EXISTS eth_txs (
    id SERIAL PRIMARY KEY,
    nonce BIGINT,                       -- null until the transaction is signed for the first time
    raw_tx BYTEA NOT NULL,              -- calldata
    contract_address TEXT NOT NULL,
    tx_type TEXT NOT NULL,              -- CommitBlocks, PublishProofBlocksOnchain, ExecuteBlocks
    from_addr BYTEA NOT NULL,
    gas_used BIGINT,
    has_failed BOOLEAN NOT NULL DEFAULT FALSE,
    confirmed_eth_tx_history_id INT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- devkit
    l1_batch_number BIGINT NOT NULL,
    error TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS eth_txs_batch_type ON eth_txs (l1_batch_number, tx_type) WHERE NOT has_failed;

CREATE TABLE IF NOT EXISTS eth_txs_history (
    id SERIAL PRIMARY KEY,
    eth_tx_id INT NOT NULL REFERENCES eth_txs (id) ON DELETE CASCADE,
    base_fee_per_gas BIGINT NOT NULL,
    priority_fee_per_gas BIGINT NOT NULL,
    tx_hash TEXT NOT NULL UNIQUE,
    signed_raw_tx BYTEA,
    sent_at_block INT,
    sent_at TIMESTAMP,
    confirmed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS l1_batches (
    number BIGINT PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    l1_tx_count INT NOT NULL,
    l2_tx_count INT NOT NULL,
    protocol_version INT REFERENCES protocol_versions (id),
    fee_address BYTEA NOT NULL,
    is_sealed BOOLEAN NOT NULL,
    sealed_at TIMESTAMP,
    l2_to_l1_messages BYTEA[] NOT NULL DEFAULT '{}',
    hash BYTEA,                         -- state root, set by the tree
    rollup_last_leaf_index BIGINT,      -- next leaf index, set by the tree
    commitment BYTEA,
    meta_parameters_hash BYTEA,
    pass_through_data_hash BYTEA,
    aux_data_hash BYTEA,
    eth_commit_tx_id INT REFERENCES eth_txs (id) ON DELETE SET NULL,
    eth_prove_tx_id INT REFERENCES eth_txs (id) ON DELETE SET NULL,
    eth_execute_tx_id INT REFERENCES eth_txs (id) ON DELETE SET NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- devkit
    protective_reads_at TIMESTAMP
);

CREATE TABLE IF NOT EXISTS miniblocks (
    number BIGINT PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    l1_tx_count INT NOT NULL,
    l2_tx_count INT NOT NULL,
    fee_account_address BYTEA NOT NULL,
    base_fee_per_gas NUMERIC(80) NOT NULL,
    gas_limit BIGINT NOT NULL,
    protocol_version INT REFERENCES protocol_versions (id),
    l1_batch_number BIGINT REFERENCES l1_batches (number),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- devkit: of the Ethereum block, to check a replay
    state_root BYTEA NOT NULL
);
CREATE INDEX IF NOT EXISTS miniblocks_l1_batch ON miniblocks (l1_batch_number);

CREATE TABLE IF NOT EXISTS transactions (
    hash BYTEA PRIMARY KEY,
    is_priority BOOLEAN NOT NULL DEFAULT FALSE,
    initiator_address BYTEA NOT NULL,
    nonce BIGINT NOT NULL,
    tx_format INT NOT NULL,
    gas_limit NUMERIC(80) NOT NULL,
    max_fee_per_gas NUMERIC(80) NOT NULL,
    max_priority_fee_per_gas NUMERIC(80) NOT NULL,
    value NUMERIC(80) NOT NULL,
    contract_address BYTEA,
    input BYTEA NOT NULL,               -- the signed raw transaction
    received_at TIMESTAMP NOT NULL,
    miniblock_number BIGINT REFERENCES miniblocks (number),
    index_in_block INT,
    l1_batch_number BIGINT REFERENCES l1_batches (number),
    l1_batch_tx_index INT,
    error TEXT,                         -- why it can never be in a block
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- devkit
    sequence BIGSERIAL
);
CREATE INDEX IF NOT EXISTS transactions_pending ON transactions (sequence)
    WHERE miniblock_number IS NULL AND error IS NULL;
CREATE INDEX IF NOT EXISTS transactions_miniblock ON transactions (miniblock_number, index_in_block);

CREATE TABLE IF NOT EXISTS storage_logs (
    hashed_key BYTEA NOT NULL,
    address BYTEA NOT NULL,
    key BYTEA NOT NULL,
    value BYTEA NOT NULL,
    operation_number INT NOT NULL,
    miniblock_number BIGINT NOT NULL REFERENCES miniblocks (number),
    created_at TIMESTAMP NOT NULL,
    -- devkit
    value_read BYTEA NOT NULL,
    index_in_block INT NOT NULL,
    PRIMARY KEY (miniblock_number, operation_number)
);

CREATE TABLE IF NOT EXISTS initial_writes (
    hashed_key BYTEA PRIMARY KEY,
    l1_batch_number BIGINT NOT NULL REFERENCES l1_batches (number),
    index BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS initial_writes_batch ON initial_writes (l1_batch_number);

CREATE TABLE IF NOT EXISTS protective_reads (
    l1_batch_number BIGINT NOT NULL REFERENCES l1_batches (number),
    address BYTEA NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (l1_batch_number, address, key)
);

CREATE TABLE IF NOT EXISTS l2_to_l1_logs (
    miniblock_number BIGINT NOT NULL REFERENCES miniblocks (number),
    log_index_in_miniblock INT NOT NULL,
    log_index_in_tx INT NOT NULL,
    tx_hash BYTEA NOT NULL,
    tx_index_in_miniblock INT NOT NULL,
    shard_id INT NOT NULL,
    is_service BOOLEAN NOT NULL,
    sender BYTEA NOT NULL,              -- the messenger
    key BYTEA NOT NULL,                 -- who called it, padded to 32 bytes
    value BYTEA NOT NULL,               -- keccak256 of the message
    created_at TIMESTAMP NOT NULL,
    -- devkit
    message BYTEA NOT NULL,
    PRIMARY KEY (miniblock_number, log_index_in_miniblock)
);

CREATE TABLE IF NOT EXISTS devkit_tree_leaves (
    index BIGINT PRIMARY KEY,
    hashed_key BYTEA NOT NULL UNIQUE,
    value BYTEA NOT NULL,
    next_key BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS proof_generation_details (
    l1_batch_number BIGINT PRIMARY KEY REFERENCES l1_batches (number),
    status TEXT NOT NULL,               -- unpicked, picked_by_prover, generated, skipped
    vm_run_data_blob_url TEXT,
    proof_gen_data_blob_url TEXT,
    proof_blob_url TEXT,
    prover_taken_at TIMESTAMP,
    proving_mode TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    -- devkit: why the last proof that arrived was not used
    error TEXT
);
