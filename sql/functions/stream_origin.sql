-- Changes when the server has started anew: what was read from the one before may have
-- been lost with it.
CREATE OR REPLACE FUNCTION api.stream_origin() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	SELECT extract(epoch FROM pg_postmaster_start_time())::text;
$$;
REVOKE ALL ON FUNCTION api.stream_origin() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.stream_origin() TO lastpair_sse;
