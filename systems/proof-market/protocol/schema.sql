-- Database of the proof market. Keys of documents come from one sequence; times are milliseconds since the epoch; amounts are tokens with
-- 18 decimals. Every statement can be repeated.

-- above the keys of the known statements (32326, 32292, 79169223)
CREATE SEQUENCE IF NOT EXISTS market_keys START 100000000;

CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    email TEXT NOT NULL,
    rating INT NOT NULL DEFAULT 0,      -- sum of the changes in "ratings"
    created_on BIGINT NOT NULL
);

-- Tokens that were given out, by their SHA-256: who reads this table can use none of them.
CREATE TABLE IF NOT EXISTS sessions (
    token_hash BYTEA PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name),
    expires_on BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_expiry ON sessions (expires_on);

CREATE TABLE IF NOT EXISTS producers (
    key BIGINT PRIMARY KEY DEFAULT nextval('market_keys'),
    name TEXT NOT NULL UNIQUE REFERENCES users (name),
    description TEXT NOT NULL,
    url TEXT,
    logo TEXT,
    eth_address TEXT,
    revision INT NOT NULL DEFAULT 1,
    created_on BIGINT NOT NULL,
    updated_on BIGINT NOT NULL
);

-- Every user has "available" and "blocked"; owner '' is the market: "mint" issues the tokens of new users and is the only account below
-- zero, "market" takes commissions and penalties.
CREATE TABLE IF NOT EXISTS accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('mint', 'market', 'available', 'blocked')),
    balance NUMERIC(36, 18) NOT NULL DEFAULT 0,
    UNIQUE (owner, kind),
    CONSTRAINT accounts_not_negative CHECK (kind = 'mint' OR balance >= 0)
);
INSERT INTO accounts (owner, kind) VALUES ('', 'mint'), ('', 'market') ON CONFLICT DO NOTHING;

-- A row takes from one account what it gives to another: the sum of all balances is always 0.
CREATE TABLE IF NOT EXISTS transfers (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    debit BIGINT NOT NULL REFERENCES accounts (id),
    credit BIGINT NOT NULL REFERENCES accounts (id),
    amount NUMERIC(36, 18) NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    order_key BIGINT,
    created_on BIGINT NOT NULL,
    CHECK (debit <> credit)
);
CREATE INDEX IF NOT EXISTS transfers_order ON transfers (order_key);

CREATE TABLE IF NOT EXISTS statements (
    key BIGINT PRIMARY KEY DEFAULT nextval('market_keys'),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    url TEXT NOT NULL,
    input_description TEXT NOT NULL,
    type TEXT NOT NULL,
    is_private BOOLEAN NOT NULL,
    definition TEXT NOT NULL,           -- JSON
    tag TEXT,
    childs TEXT NOT NULL,               -- JSON
    sender TEXT NOT NULL,
    revision INT NOT NULL DEFAULT 1,
    created_on BIGINT NOT NULL,
    updated_on BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS orders (
    key BIGINT PRIMARY KEY DEFAULT nextval('market_keys'),
    side TEXT NOT NULL CHECK (side IN ('bid', 'ask')),
    sender TEXT NOT NULL REFERENCES users (name),
    statement_key BIGINT NOT NULL REFERENCES statements (key),
    statement_subkey TEXT NOT NULL DEFAULT '',
    cost DOUBLE PRECISION NOT NULL,
    eval_time DOUBLE PRECISION,         -- minutes
    eval_order DOUBLE PRECISION NOT NULL GENERATED ALWAYS AS (coalesce(eval_time, 'Infinity')) STORED,
    wait_period DOUBLE PRECISION,       -- minutes
    eth_id TEXT,                        -- JSON
    status TEXT NOT NULL CHECK (status IN ('created', 'processing', 'completed', 'withdrawn')),
    blocked NUMERIC(36, 18) NOT NULL,   -- tokens of the sender that this order holds
    input_hash BYTEA,                   -- of a bid's public input
    counterpart_key BIGINT,
    matched_on BIGINT,
    due_on BIGINT,                      -- of a matched bid: until then the proof may come
    verifying_until BIGINT,             -- a proof is here and being verified: not late meanwhile
    expires_on BIGINT,                  -- of an open order: leaves the book then
    proof_key BIGINT,
    generation_time DOUBLE PRECISION,   -- minutes
    revision INT NOT NULL DEFAULT 1,
    created_on BIGINT NOT NULL,
    updated_on BIGINT NOT NULL
);
-- the book of a statement, best order first
CREATE INDEX IF NOT EXISTS orders_open_asks ON orders (statement_key, statement_subkey, cost, eval_order, sender, key)
    WHERE side = 'ask' AND status = 'created';
CREATE INDEX IF NOT EXISTS orders_open_bids ON orders (statement_key, statement_subkey, cost DESC, key)
    WHERE side = 'bid' AND status = 'created';
CREATE INDEX IF NOT EXISTS orders_list ON orders (side, status, key);
CREATE INDEX IF NOT EXISTS orders_of_sender ON orders (sender, side, key);
CREATE INDEX IF NOT EXISTS orders_expiry ON orders (expires_on) WHERE status = 'created' AND expires_on IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_due ON orders (due_on) WHERE status = 'processing' AND side = 'bid';
CREATE INDEX IF NOT EXISTS orders_proof ON orders (proof_key) WHERE proof_key IS NOT NULL;

CREATE TABLE IF NOT EXISTS public_inputs (
    order_key BIGINT PRIMARY KEY REFERENCES orders (key),
    body TEXT NOT NULL                  -- JSON as it came
);

CREATE TABLE IF NOT EXISTS matches (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bid_key BIGINT NOT NULL REFERENCES orders (key),
    ask_key BIGINT NOT NULL REFERENCES orders (key),
    matched_on BIGINT NOT NULL,
    ended_on BIGINT,
    outcome TEXT CHECK (outcome IN ('completed', 'late', 'wrong')),
    CHECK ((ended_on IS NULL) = (outcome IS NULL))
);
-- an order has one counterpart at a time
CREATE UNIQUE INDEX IF NOT EXISTS matches_open_bid ON matches (bid_key) WHERE ended_on IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS matches_open_ask ON matches (ask_key) WHERE ended_on IS NULL;

CREATE TABLE IF NOT EXISTS proofs (
    key BIGINT PRIMARY KEY DEFAULT nextval('market_keys'),
    bid_key BIGINT NOT NULL UNIQUE REFERENCES orders (key),
    ask_key BIGINT NOT NULL UNIQUE REFERENCES orders (key),
    sender TEXT NOT NULL REFERENCES users (name),
    requester TEXT NOT NULL REFERENCES users (name),
    statement_key BIGINT NOT NULL REFERENCES statements (key),
    statement_subkey TEXT NOT NULL,
    input_hash BYTEA NOT NULL,
    price NUMERIC(36, 18) NOT NULL,     -- what the first requester paid
    generation_time DOUBLE PRECISION NOT NULL,
    proof TEXT NOT NULL,
    revision INT NOT NULL DEFAULT 1,
    created_on BIGINT NOT NULL,
    updated_on BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS proofs_known ON proofs (statement_key, statement_subkey, input_hash);
CREATE INDEX IF NOT EXISTS proofs_of_sender ON proofs (sender, key);
CREATE INDEX IF NOT EXISTS proofs_of_requester ON proofs (requester, key);

-- What was paid for a proof; without an ask: a known proof sold again.
CREATE TABLE IF NOT EXISTS trades (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_key BIGINT NOT NULL REFERENCES statements (key),
    bid_key BIGINT NOT NULL UNIQUE REFERENCES orders (key),
    ask_key BIGINT UNIQUE REFERENCES orders (key),
    proof_key BIGINT NOT NULL REFERENCES proofs (key),
    requester TEXT NOT NULL,
    producer TEXT NOT NULL,
    price NUMERIC(36, 18) NOT NULL,
    reward NUMERIC(36, 18) NOT NULL,
    developer_fee NUMERIC(36, 18) NOT NULL,
    generation_time DOUBLE PRECISION NOT NULL,
    created_on BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS trades_of_statement ON trades (statement_key, id);
CREATE INDEX IF NOT EXISTS trades_of_requester ON trades (requester, statement_key);
CREATE INDEX IF NOT EXISTS trades_of_producer ON trades (producer, statement_key);

CREATE TABLE IF NOT EXISTS ratings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    producer TEXT NOT NULL REFERENCES users (name),
    ask_key BIGINT NOT NULL REFERENCES orders (key),
    change INT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('completed', 'late', 'wrong')),
    created_on BIGINT NOT NULL
);
