-- Changes when the server has started anew, or another has become the primary (its timeline
-- is new from the promotion on, whenever it was started): what was read before may have been
-- lost. NULL of a standby: it lags, and what it says proves nothing.
CREATE OR REPLACE FUNCTION api.stream_origin() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	SELECT CASE WHEN NOT pg_is_in_recovery() THEN
		extract(epoch FROM pg_postmaster_start_time()) || '/' ||
		left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END;
$$;
REVOKE ALL ON FUNCTION api.stream_origin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.stream_origin() TO lastpair_sse;
