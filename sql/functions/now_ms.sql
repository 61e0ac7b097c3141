-- The database's clock as it is now, not as it was when the transaction began (a wait
-- for a lock lies between), in the whole milliseconds that the API shows.
CREATE OR REPLACE FUNCTION lastpair.now_ms() RETURNS timestamptz
LANGUAGE sql VOLATILE AS $$
	SELECT date_trunc('milliseconds', clock_timestamp())
$$;
