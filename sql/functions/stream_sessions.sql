-- Which of these sessions stand, and whose they are.
CREATE OR REPLACE FUNCTION api.stream_sessions(p_sessions uuid[])
RETURNS TABLE (session uuid, user_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	SELECT s.id, s.user_id
	  FROM sessions s
	 WHERE s.id = ANY (p_sessions) AND s.expires_at > clock_timestamp();
$$;
REVOKE ALL ON FUNCTION api.stream_sessions(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.stream_sessions(uuid[]) TO lastpair_sse;
