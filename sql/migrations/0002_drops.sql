-- Drops and their stock.

CREATE TABLE lastpair.drops (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
	description text NOT NULL CHECK (char_length(description) <= 2000),
	price_cents bigint NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000000),
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	image_url text NOT NULL CHECK (char_length(image_url) <= 500),
	starts_at timestamptz NOT NULL,
	ends_at timestamptz CHECK (ends_at > starts_at),
	hold_seconds integer NOT NULL CHECK (hold_seconds BETWEEN 1 AND 86400),
	max_per_user integer NOT NULL CHECK (max_per_user BETWEEN 1 AND 1000),
	is_active boolean NOT NULL,
	revision bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL
);
COMMENT ON COLUMN lastpair.drops.price_cents IS 'in hundredths of the currency';
COMMENT ON COLUMN lastpair.drops.currency IS 'ISO 4217';
COMMENT ON COLUMN lastpair.drops.is_active IS 'false: paused';
COMMENT ON COLUMN lastpair.drops.revision IS 'raised whenever a column of this table changes';

-- One row a drop and size, the hot row of a rush: small, with room in its page, and
-- no index on what changes, so that updates stay heap-only (HOT).
CREATE TABLE lastpair.stock (
	drop_id bigint NOT NULL REFERENCES lastpair.drops,
	size text NOT NULL,
	position smallint NOT NULL,
	total integer NOT NULL,
	available integer NOT NULL,
	reserved integer NOT NULL DEFAULT 0,
	sold integer NOT NULL DEFAULT 0,
	version bigint NOT NULL DEFAULT 1,
	PRIMARY KEY (drop_id, size),
	-- One check, not six: each is read anew for every UPDATE.
	CONSTRAINT stock_is_conserved CHECK (available + reserved + sold = total
		AND available >= 0 AND reserved >= 0 AND sold >= 0
		AND total <= 1000000 AND char_length(size) <= 20)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON COLUMN lastpair.stock.size IS 'empty for a drop of one size';
COMMENT ON COLUMN lastpair.stock.position IS 'order of the sizes as the drop was created';
COMMENT ON COLUMN lastpair.stock.version IS
	'raised in the same UPDATE as the counts; a drop''s version is the sum over its sizes';

-- A drop's stock summed over its sizes, and the sizes as the API shows them.
CREATE TYPE lastpair.stock_sum AS (
	total bigint,
	available bigint,
	reserved bigint,
	sold bigint,
	version bigint,
	sizes json
);
