-- Writes down what somebody did to a drop. p_actor: NULL for the command line. Called by what
-- does it, in its transaction: behind the drop's gate and before any idempotency key. One at a
-- time, to the end of the transaction, so that the numbers have no gap and are in the order of
-- the commits; whoever waits for that holds nothing that this one waits for.
CREATE OR REPLACE FUNCTION lastpair.note_action(p_actor bigint, p_action text, p_drop bigint,
	p_before jsonb, p_after jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(3, 1);
	INSERT INTO lastpair.admin_actions (id, at, actor_id, actor_name, action, drop_id, drop_name, before, after)
	VALUES (coalesce((SELECT max(id) FROM lastpair.admin_actions), 0) + 1,
		greatest(lastpair.now_ms(), (SELECT at FROM lastpair.admin_actions ORDER BY id DESC LIMIT 1)),
		p_actor, (SELECT username FROM lastpair.users WHERE id = p_actor),
		p_action, p_drop, (SELECT name FROM lastpair.drops WHERE id = p_drop), p_before, p_after);
END $$;
