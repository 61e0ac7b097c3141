-- Deletes up to p_limit events that are older than p_days and wait for nobody any more, with what became
-- of them, and what waits for an endpoint that was removed. Returns how many.
CREATE OR REPLACE FUNCTION api.webhook_housekeep(p_days integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off AS $$
DECLARE
	v_count integer;
	v_total integer;
BEGIN
	DELETE FROM webhook_deliveries WHERE (event_id, endpoint_id) IN (
		SELECT w.event_id, w.endpoint_id FROM webhook_deliveries w
		 WHERE w.status = 'pending' AND NOT EXISTS (SELECT FROM webhook_endpoints e WHERE e.id = w.endpoint_id)
		 LIMIT p_limit);
	GET DIAGNOSTICS v_total = ROW_COUNT;
	DELETE FROM webhook_events WHERE id IN (
		SELECT v.id FROM webhook_events v
		 WHERE v.created_at < clock_timestamp() - make_interval(days => p_days)
		   AND NOT EXISTS (SELECT FROM webhook_deliveries w WHERE w.event_id = v.id AND w.status = 'pending')
		 ORDER BY v.created_at LIMIT p_limit);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_total + v_count;
END $$;
REVOKE ALL ON FUNCTION api.webhook_housekeep(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_housekeep(integer, integer) TO lastpair_hooks;
