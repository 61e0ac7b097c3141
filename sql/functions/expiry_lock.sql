-- Whether this connection is now the one that expires; kept until it closes.
CREATE OR REPLACE FUNCTION api.expiry_lock() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
	SELECT pg_try_advisory_lock(1, 1)
$$;
REVOKE ALL ON FUNCTION api.expiry_lock() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.expiry_lock() TO lastpair_api;
