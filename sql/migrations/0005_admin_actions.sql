-- What administrators did, and how what happened to a drop is found.

-- Only ever added to: see append_only() and note_action(). No foreign keys: a row outlives
-- the user and the drop it tells of, and has their names as they were.
CREATE TABLE lastpair.admin_actions (
	id bigint PRIMARY KEY CHECK (id > 0),
	at timestamptz NOT NULL,
	actor_id bigint,
	actor_name text,
	action text NOT NULL CHECK (action IN ('create', 'update', 'restock')),
	drop_id bigint NOT NULL,
	drop_name text NOT NULL,
	before jsonb,
	after jsonb NOT NULL,
	CONSTRAINT action_is_sound CHECK ((actor_id IS NULL) = (actor_name IS NULL)
		AND (before IS NULL) = (action = 'create') AND before IS DISTINCT FROM after)
);
CREATE INDEX admin_actions_drop ON lastpair.admin_actions (drop_id, id);
COMMENT ON TABLE lastpair.admin_actions IS 'the trail of what administrators did, written in the transaction that did it';
COMMENT ON COLUMN lastpair.admin_actions.id IS 'counts from 1 without a gap, in the order of commits';
COMMENT ON COLUMN lastpair.admin_actions.actor_id IS 'the administrator; NULL: the command line of the store''s machine';
COMMENT ON COLUMN lastpair.admin_actions.drop_name IS 'as it was after the action';
COMMENT ON COLUMN lastpair.admin_actions.before IS 'what changed, as it was, by the API''s names; NULL for a drop that is new';
COMMENT ON COLUMN lastpair.admin_actions.after IS 'the same as it became';

-- Who did it is a parameter now: what was there before goes, or calls would be ambiguous.
-- (Functions are made anew after this.)
DROP FUNCTION IF EXISTS lastpair.drop_make(jsonb);
