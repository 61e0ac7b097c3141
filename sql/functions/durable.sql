-- Returns when everything this session has committed is on disk. Called as a
-- transaction of its own right behind each writing function: that one commits without
-- waiting (the role has synchronous_commit off), so that its locks are not held over
-- the disk's work; this one's commit record comes later in the log, and waiting for it
-- (and for synchronous standbys) covers what came before. Nothing to wait for, nothing
-- written: a refusal costs no disk.
CREATE OR REPLACE FUNCTION api.durable() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_done text;	-- an expression that is assigned costs no query, as PERFORM would
BEGIN
	IF current_setting('lastpair.wrote', true) = 'yes' THEN
		v_done := set_config('synchronous_commit', 'on', true)
			|| pg_logical_emit_message(true, 'lastpair', '')
			|| set_config('lastpair.wrote', '', false);
	END IF;
END $$;
REVOKE ALL ON FUNCTION api.durable() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.durable() TO lastpair_api, lastpair_hooks;
