-- Whether this connection is now the one that delivers; kept until it closes.
CREATE OR REPLACE FUNCTION api.webhook_lock() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
	SELECT pg_try_advisory_lock(1, 2)
$$;
REVOKE ALL ON FUNCTION api.webhook_lock() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.webhook_lock() TO lastpair_hooks;
