-- How old what this server shows may be, in milliseconds: on a standby the age of the last
-- commit it has replayed, by its own clock (see heartbeat.sql); 0 on the primary.
CREATE OR REPLACE FUNCTION api.behind_ms() RETURNS double precision
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(extract(epoch FROM
			clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000, 'Infinity')
		ELSE 0 END;
$$;
REVOKE ALL ON FUNCTION api.behind_ms() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.behind_ms() TO lastpair_api;
