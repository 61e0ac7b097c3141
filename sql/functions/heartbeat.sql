-- A commit with nothing in it, for standbys to tell by its age how far behind they are. The
-- expiry makes one a second where listings may come from a standby. Nobody waits for it.
CREATE OR REPLACE FUNCTION api.heartbeat() RETURNS void
LANGUAGE sql VOLATILE AS $$
	SELECT pg_logical_emit_message(true, 'lastpair', '');
$$;
REVOKE ALL ON FUNCTION api.heartbeat() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.heartbeat() TO lastpair_api;
