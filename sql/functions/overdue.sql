-- How many seconds ago the oldest hold lapsed that nobody has returned yet; 0: there is none.
CREATE OR REPLACE FUNCTION api.overdue() RETURNS numeric
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = lastpair, pg_temp
SET enable_seqscan = off AS $$
	SELECT greatest(0, coalesce(round(extract(epoch FROM clock_timestamp() - (
		SELECT expires_at FROM reservations WHERE status = 'active' AND expires_at IS NOT NULL
		 ORDER BY expires_at LIMIT 1)), 3), 0))	-- as reservations_due has it
$$;
REVOKE ALL ON FUNCTION api.overdue() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.overdue() TO lastpair_api;
