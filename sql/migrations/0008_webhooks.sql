-- Webhooks: where events go, the outbox that they wait in, and what became of each.

-- Who delivers is a role of its own: what it may call gives it secrets that no worker needs.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lastpair_hooks') THEN
		RAISE EXCEPTION 'the role lastpair_hooks is missing: run bootstrap.sql again as a superuser, then migrate';
	END IF;
END $$;
GRANT USAGE ON SCHEMA api TO lastpair_hooks;

CREATE TABLE lastpair.webhook_endpoints (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	url text NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2000),
	events text[] NOT NULL CHECK (cardinality(events) > 0 AND events <@ ARRAY['sale', 'sold_out', 'drop_opened']),
	secret text NOT NULL CHECK (char_length(secret) >= 32),
	old_secret text,
	old_secret_until timestamptz,
	created_at timestamptz NOT NULL,
	failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
	failing_since timestamptz,
	next_at timestamptz NOT NULL,
	CONSTRAINT endpoint_is_sound CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)
		AND (failures = 0) = (failing_since IS NULL))
);
COMMENT ON TABLE lastpair.webhook_endpoints IS 'where events are delivered: see lastpair-webhooks(8)';
COMMENT ON COLUMN lastpair.webhook_endpoints.secret IS 'what deliveries are signed with';
COMMENT ON COLUMN lastpair.webhook_endpoints.old_secret IS 'the one before, which signs as well until old_secret_until';
COMMENT ON COLUMN lastpair.webhook_endpoints.failures IS 'tries in a row for which the receiver was not there';
COMMENT ON COLUMN lastpair.webhook_endpoints.next_at IS 'nothing is delivered before then';

-- Numbered behind the drop's gate, so that the events of one drop are in the order of what they
-- tell of; between drops the order is only nearly that of the commits.
CREATE TABLE lastpair.webhook_events (
	id uuid PRIMARY KEY,
	number bigint GENERATED ALWAYS AS IDENTITY,
	type text NOT NULL CHECK (type IN ('sale', 'sold_out', 'drop_opened', 'test')),
	drop_id bigint,
	created_at timestamptz NOT NULL,
	body text NOT NULL
);
CREATE INDEX webhook_events_age ON lastpair.webhook_events (created_at);
COMMENT ON TABLE lastpair.webhook_events IS 'the outbox, written in the transaction that the event tells of';
COMMENT ON COLUMN lastpair.webhook_events.body IS 'what is sent, byte for byte, each time';

-- No foreign key to the endpoint: every sale would lock its row.
CREATE TABLE lastpair.webhook_deliveries (
	endpoint_id bigint NOT NULL,
	number bigint NOT NULL,
	event_id uuid NOT NULL REFERENCES lastpair.webhook_events ON DELETE CASCADE,
	status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
	tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
	late boolean NOT NULL DEFAULT false,
	since timestamptz NOT NULL,
	next_at timestamptz NOT NULL,
	tried_at timestamptz,
	answer text,
	PRIMARY KEY (event_id, endpoint_id)
);
COMMENT ON TABLE lastpair.webhook_deliveries IS 'one event on its way to one endpoint';
COMMENT ON COLUMN lastpair.webhook_deliveries.number IS 'the event''s: the order of delivery';
COMMENT ON COLUMN lastpair.webhook_deliveries.late IS 'has stepped aside after many tries: others go first';
COMMENT ON COLUMN lastpair.webhook_deliveries.since IS 'when its time to be delivered began: when it was written, or sent again by hand';
COMMENT ON COLUMN lastpair.webhook_deliveries.answer IS 'of the last try: an HTTP status, or why there was none';
-- What waits, in the order in which it goes; and what was given up.
CREATE INDEX webhook_deliveries_pending
	ON lastpair.webhook_deliveries (endpoint_id, late, number) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_failed
	ON lastpair.webhook_deliveries (endpoint_id, number) WHERE status = 'failed';

-- Each opening of a drop is told once: a drop that is put off after it opened opens again.
CREATE TABLE lastpair.webhook_openings (
	drop_id bigint NOT NULL,
	starts_at timestamptz NOT NULL,
	PRIMARY KEY (drop_id, starts_at)
);
COMMENT ON TABLE lastpair.webhook_openings IS 'openings of drops that were told, or passed before anybody wanted to know';
CREATE INDEX drops_opening ON lastpair.drops (greatest(starts_at, created_at));
