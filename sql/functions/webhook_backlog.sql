-- What waits to be delivered, for how long at most, and how much of what is still kept was given up.
CREATE OR REPLACE FUNCTION api.webhook_backlog(OUT pending bigint, OUT oldest_seconds bigint, OUT failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = lastpair, pg_temp AS $$
	SELECT (SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'),
	       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::bigint
	          FROM webhook_deliveries WHERE status = 'pending'),
	       (SELECT count(*) FROM webhook_deliveries WHERE status = 'failed')
$$;
REVOKE ALL ON FUNCTION api.webhook_backlog() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_backlog() TO lastpair_hooks;
