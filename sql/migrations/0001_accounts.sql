-- Schemas, accounts and sign-ins.

-- Data lies in schema lastpair, which only the owner may touch; what the programs
-- may call is in schema api.
CREATE SCHEMA api;
GRANT USAGE ON SCHEMA api TO lastpair_api, lastpair_sse;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE lastpair.users (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	username text NOT NULL CHECK (char_length(username) BETWEEN 1 AND 40),
	email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
	password_hash text NOT NULL CHECK (password_hash ~ '^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$'),
	role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	register_key text,
	register_session uuid
);
CREATE UNIQUE INDEX users_email ON lastpair.users (lower(email));
CREATE UNIQUE INDEX users_username ON lastpair.users (lower(username));
COMMENT ON COLUMN lastpair.users.password_hash IS 'bcrypt, as crypt(5) writes it';
COMMENT ON COLUMN lastpair.users.register_key IS 'Idempotency-Key of the sign-up, if it had one';
COMMENT ON COLUMN lastpair.users.register_session IS 'the session that the sign-up began';

CREATE TABLE lastpair.sessions (
	id uuid PRIMARY KEY,
	user_id bigint NOT NULL REFERENCES lastpair.users,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON lastpair.sessions (user_id);
CREATE INDEX sessions_expiry ON lastpair.sessions (expires_at);
COMMENT ON TABLE lastpair.sessions IS
	'sign-ins that stand; a token names one, and without its row here the token is worth nothing';

CREATE TABLE lastpair.sign_in_failures (
	email text NOT NULL,
	address text NOT NULL,
	failures integer NOT NULL CHECK (failures > 0),
	since timestamptz NOT NULL,
	PRIMARY KEY (email, address)
);
COMMENT ON TABLE lastpair.sign_in_failures IS
	'wrong passwords by account and by where they came from, so that a stranger''s tries do not lock out the owner';

CREATE TABLE lastpair.idempotency_keys (
	user_id bigint NOT NULL,
	key text NOT NULL,
	print bytea NOT NULL,
	status smallint NOT NULL,
	body text NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON lastpair.idempotency_keys (created_at);
COMMENT ON TABLE lastpair.idempotency_keys IS
	'the first successful answer of each request that carried an Idempotency-Key';
COMMENT ON COLUMN lastpair.idempotency_keys.print IS 'SHA-256 of method, path and body';

-- What a function of schema api answers: an HTTP status and body, or the code of a
-- refusal; and what is to be published once the transaction is on disk.
CREATE TYPE lastpair.reply AS (
	status smallint,
	code text,
	body text,
	events text[]
);
