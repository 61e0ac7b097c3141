-- A time as the API writes it: RFC 3339, UTC, milliseconds.
CREATE OR REPLACE FUNCTION lastpair.stamp(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
