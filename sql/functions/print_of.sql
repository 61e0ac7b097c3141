-- What tells two requests with one key apart: SHA-256 of method, path and body.
CREATE OR REPLACE FUNCTION lastpair.print_of(p_request text) RETURNS bytea
LANGUAGE sql STABLE AS $$
	SELECT sha256(convert_to(p_request, 'UTF8'))
$$;
