-- Every drop that is open (not ended for an hour, or with holds still running): its id and
-- version, and the drop itself where the version is not the one the caller knows.
CREATE OR REPLACE FUNCTION api.stream_poll(p_ids bigint[], p_versions bigint[])
RETURNS TABLE (drop_id bigint, version bigint, body text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	SELECT d.id, t.version,
	       CASE WHEN k.version IS DISTINCT FROM t.version THEN drop_json(d, now_ms())::text END
	  FROM drops d
	 CROSS JOIN LATERAL (SELECT sum(s.version)::bigint AS version, sum(s.reserved) AS reserved
	                       FROM stock s WHERE s.drop_id = d.id) t
	  LEFT JOIN unnest(p_ids, p_versions) k (id, version) ON k.id = d.id
	 WHERE d.ends_at IS NULL OR d.ends_at > clock_timestamp() - interval '1 hour' OR t.reserved > 0;
$$;
REVOKE ALL ON FUNCTION api.stream_poll(bigint[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.stream_poll(bigint[], bigint[]) TO lastpair_sse;
