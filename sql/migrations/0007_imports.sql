-- What came from another system.

CREATE TABLE lastpair.imports (
	kind text NOT NULL CHECK (kind IN ('user', 'drop', 'purchase')),
	old_id text NOT NULL CHECK (char_length(old_id) BETWEEN 1 AND 64),
	new_id text NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (kind, old_id)
);
COMMENT ON TABLE lastpair.imports IS
	'what lastpairctl import has taken over: it is not taken twice, and purchases find their user and drop';
COMMENT ON COLUMN lastpair.imports.old_id IS 'as the other system has it';
COMMENT ON COLUMN lastpair.imports.new_id IS 'of users, drops or purchases here';
