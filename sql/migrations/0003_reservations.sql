-- Holds and purchases.

-- No foreign key to drops or stock: it would lock the row that everybody wants, once
-- for each hold. lastpairctl audit looks for orphans instead.
CREATE TABLE lastpair.reservations (
	id uuid PRIMARY KEY,
	drop_id bigint NOT NULL,
	size text NOT NULL,
	user_id bigint NOT NULL,
	status text NOT NULL DEFAULT 'active',
	price_cents bigint NOT NULL,
	currency text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	closed_at timestamptz,
	CONSTRAINT reservation_is_sound CHECK (expires_at > created_at AND price_cents >= 0
		AND CASE WHEN closed_at IS NULL THEN status = 'active'
		         ELSE status IN ('expired', 'completed', 'released') END)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
COMMENT ON COLUMN lastpair.reservations.id IS 'given by the caller, who can so tell its own repeated call';
COMMENT ON COLUMN lastpair.reservations.price_cents IS 'as it was when the hold was made; that is what the pair will cost';
COMMENT ON COLUMN lastpair.reservations.expires_at IS
	'the hold is over then, by the database''s clock, whether or not any job has run';

-- One active hold a user and drop: the rule itself.
CREATE UNIQUE INDEX reservations_one_active
	ON lastpair.reservations (user_id, drop_id) WHERE status = 'active';
-- Lapsed holds, in the order they lapsed. No two of these indexes begin with the same
-- column where a query could take either: without statistics it might take the wrong one.
CREATE INDEX reservations_due
	ON lastpair.reservations (expires_at, drop_id) WHERE status = 'active';
CREATE INDEX reservations_history
	ON lastpair.reservations (user_id, created_at);

CREATE TABLE lastpair.purchases (
	id uuid PRIMARY KEY,
	reservation_id uuid NOT NULL UNIQUE REFERENCES lastpair.reservations,
	drop_id bigint NOT NULL,
	size text NOT NULL,
	user_id bigint NOT NULL,
	price_cents bigint NOT NULL CHECK (price_cents >= 0),
	currency text NOT NULL,
	purchased_at timestamptz NOT NULL
);
CREATE INDEX purchases_user ON lastpair.purchases (user_id, drop_id);
CREATE INDEX purchases_newest ON lastpair.purchases (drop_id, purchased_at DESC, id DESC);
COMMENT ON COLUMN lastpair.purchases.reservation_id IS 'one purchase a reservation: the unique key is the rule';

-- A request in a batch of reserves and what becomes of it. `code`: a refusal, `kept`
-- (answered before, under its key), `made` (its hold is there), or NULL: may have a pair.
CREATE TYPE lastpair.verdict AS (
	ord integer,
	id uuid,
	user_id bigint,
	size text,
	key text,
	print bytea,
	code text,
	status smallint,
	body text
);
