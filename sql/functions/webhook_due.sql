-- What is to be delivered now: of each endpoint that is not waiting, and is none of p_busy, its next
-- p_limit events in their order, as they are to be sent and signed. Nothing of it goes out before it is
-- on disk, since it says wrote() (see durable()).
CREATE OR REPLACE FUNCTION api.webhook_due(p_busy bigint[], p_limit integer)
RETURNS TABLE (endpoint bigint, url text, secret text, old_secret text, event uuid, body text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
BEGIN
	RETURN QUERY
		SELECT e.id, e.url, e.secret, CASE WHEN e.old_secret_until > v_now THEN e.old_secret END, v.id, v.body
		  FROM (SELECT * FROM webhook_endpoints WHERE next_at <= v_now AND id <> ALL (p_busy) ORDER BY next_at, id) e
		 CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries q
		                      WHERE q.endpoint_id = e.id AND q.status = 'pending' AND q.next_at <= v_now
		                      ORDER BY q.endpoint_id, q.late, q.number LIMIT p_limit) w
		  JOIN webhook_events v ON v.id = w.event_id
		 ORDER BY e.next_at, e.id, w.late, w.number;
	IF FOUND THEN
		PERFORM wrote();
	END IF;
END $$;
REVOKE ALL ON FUNCTION api.webhook_due(bigint[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_due(bigint[], integer) TO lastpair_hooks;
